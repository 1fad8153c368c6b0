"""One `up`: reconciles the job in the foreground until it is told to stop, and tells what happens meanwhile.

It joins file, back end, reconciler and console, and decides nothing about the job. Whatever goes wrong in a pass, the
next pass is made: a job must not lose its supervisor to a full disk or a slow answer.
"""

import asyncio
import contextlib
import signal
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from anomalyjob.timestamps import format_time
from anomalyjob_operator.aside import Aside, carried_over
from anomalyjob_operator.local.applied_file import AppliedFile
from anomalyjob_operator.local.backend import LocalBackend, Place
from anomalyjob_operator.local.json_file import DamagedFileError
from anomalyjob_operator.local.log_files import bound_log
from anomalyjob_operator.local.log_tail import LogTail, is_alert, taskmanager_logs
from anomalyjob_operator.local.progress import Progress
from anomalyjob_operator.local.show import ShowOptions, show
from anomalyjob_operator.local.supervisor import Supervisor
from anomalyjob_operator.pass_report import EventFate, Key
from anomalyjob_operator.reconcile import Reconciler
from anomalyjob_operator.status import Event, Status

LONGEST_PAUSE_SECONDS: Final = 1.0
SHORTEST_PAUSE_SECONDS: Final = 0.1
_ALERTS_SECONDS: Final = 0.5
_ALERTS_AT_ONCE: Final = 5
_SAME_PROBLEM_SECONDS: Final = 60.0


class Session:
    """The supervision of one job; `tell` gets lines for people. To be made in the event loop that it runs in."""

    def __init__(self, place: Place, file: AppliedFile, tell: Callable[[str], None], options: ShowOptions) -> None:
        self._place = place
        self._folder = place.folder
        self._file = file
        self._tell = tell
        self._stop = asyncio.Event()
        self._progress = Progress()
        self._problem: tuple[str, float] | None = None
        self._aside = self._onlooking(options, asyncio.get_running_loop())

    async def run(self) -> bool:
        """Supervise until a signal to stop; then stop every process and keep everything else.

        Return whether all of this process ended as well: else `end_process` has to be called.
        """
        async with Supervisor(self._folder, self._tell) as supervisor:
            with self._signals(supervisor):
                alerts = asyncio.create_task(self._tell_alerts())
                self._aside.start()
                try:
                    await self._reconcile_until_stopped(supervisor)
                finally:
                    alerts.cancel()
                self._tell("stopping all processes; Ctrl-C once more ends them at once")
                await asyncio.gather(supervisor.stop(), self._aside.stop())
        return not self._aside.is_left_behind

    async def _reconcile_until_stopped(self, supervisor: Supervisor) -> None:
        backend = LocalBackend(self._place, supervisor, publish=self._publish, tell_event=self._tell_event)
        # A file on this machine costs nothing, and `anomalyjob status` is read from it.
        reconciler = Reconciler(backend, quiet_writes=timedelta(), listener=self._aside.passed)
        while not self._stop.is_set():
            supervisor.changed.clear()
            pause = await self._first_done(self._look(reconciler), default=0.0)
            self._file.look()
            await self._pause(supervisor, pause)
        try:
            await reconciler.flush()
        except (OSError, TimeoutError) as error:
            self._tell(f"the ledger could not be brought up to date: {error}")

    async def _look(self, reconciler: Reconciler) -> float:
        """Make one pass, whatever it meets; return how long the next one may wait, in seconds."""
        key, began_at, failed = (self._folder.namespace, self._folder.name), time.monotonic(), True
        try:
            pause = await self._pass(reconciler)
            failed = False
        except Exception as error:  # noqa: BLE001 - a defect of one pass must not end what runs
            self._tell_failure(error)
            return LONGEST_PAUSE_SECONDS
        finally:
            self._aside.looked(key, time.monotonic() - began_at, failed=failed)
        return pause

    async def _pass(self, reconciler: Reconciler) -> float:
        stored = self._file.stored
        plan = await reconciler.reconcile(stored.resource, generation=stored.generation)
        return plan.requeue_after_seconds

    def _tell_failure(self, error: Exception) -> None:
        if isinstance(error, DamagedFileError | OSError | TimeoutError):
            self._tell_problem(str(error) or type(error).__name__)
            return
        self._note("".join(traceback.format_exception(error)))
        self._tell_problem(f"internal error: {error!r}; details in {self._log}")

    async def _first_done(self, work: Coroutine[None, None, float], default: float) -> float:
        """Wait for the work, or give it up when the session is to stop; the next session repairs what is half done."""
        task, stop = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else default
        finally:
            for pending in (task, stop):
                pending.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _pause(self, supervisor: Supervisor, wanted_seconds: float) -> None:
        """Wait until the next pass is due: after a while, or at once when a process died or the session is to stop."""
        seconds = min(max(wanted_seconds, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        waits = [asyncio.create_task(event.wait()) for event in (supervisor.changed, self._stop)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    @contextlib.contextmanager
    def _signals(self, supervisor: Supervisor) -> Iterator[None]:
        """Stop at the first signal, kill at the second. A hang-up that is ignored (nohup) stays ignored."""
        loop = asyncio.get_running_loop()
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)

        def handle() -> None:
            if self._stop.is_set():
                supervisor.kill_all()
            self._stop.set()

        for number in numbers:
            loop.add_signal_handler(number, handle)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _publish(self, status: Status) -> None:
        for line in self._progress.lines(status, datetime.now(UTC)):
            self._tell(line)

    def _tell_event(self, event: Event) -> None:
        for line in self._progress.event_lines(event):
            self._tell(line)

    def _onlooking(self, options: ShowOptions, loop: asyncio.AbstractEventLoop) -> Aside:
        """Return what shows the job, in a thread of its own; what it has to tell is told in this one."""

        def tell(line: str) -> None:
            loop.call_soon_threadsafe(self._tell, line)

        return Aside(lambda: show(self._folder, options, tell, carried_over(self._tell_notice, loop)))

    async def _tell_notice(self, _: Key, event: Event) -> EventFate:
        """Tell what the notifications have to say. Alerts are shown as they stand in the log."""
        if event.reason != "AnomalyAlert":
            self._tell_event(event)
        return "told"

    async def _tell_alerts(self) -> None:
        """Show alerts as they come; of a flood only the first few."""
        tails = {log: LogTail.from_end(log) for log in self._logs()}
        while True:
            await asyncio.sleep(_ALERTS_SECONDS)
            for log in self._logs():
                tails.setdefault(log, LogTail(file=log))
            alerts = [line for tail in tails.values() for line in tail.new_lines() if is_alert(line)]
            for line in alerts[:_ALERTS_AT_ONCE]:
                self._tell(line)
            if len(alerts) > _ALERTS_AT_ONCE:
                self._tell(f"and {len(alerts) - _ALERTS_AT_ONCE} more alerts; all: anomalyjob logs --alerts")

    def _logs(self) -> list[Path]:
        return taskmanager_logs(self._folder.logs, self._folder.name)

    def _tell_problem(self, problem: str) -> None:
        """Tell what keeps passes from succeeding, but the same thing only once a minute."""
        now = time.monotonic()
        if self._problem is not None and self._problem[0] == problem and now < self._problem[1]:
            return
        self._problem = (problem, now + _SAME_PROBLEM_SECONDS)
        self._tell(f"{problem} (trying again)")

    @property
    def _log(self) -> Path:
        return self._folder.log_file("supervisor")

    def _note(self, details: str) -> None:
        with contextlib.suppress(OSError):
            bound_log(self._log)
            with self._log.open("a", encoding="utf-8") as stream:
                stream.write(f"{format_time(datetime.now(UTC))}\n{details}\n")
