"""Keeps the processes of one job as they are wanted: starts, starts again at once what died, stops.

Everything runs in the main thread's event loop: the parent-death signal of a child follows the thread that spawned
it. It starts dead processes again; it must not decide about jobs, which may have failed while their processes live.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Self

from anomalyjob_operator.local.log_files import bound_log
from anomalyjob_operator.local.process_table import write_process_table
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.watchdog import Watchdog, start_watchdog
from anomalyjob_operator.local.workload_process import MAXIMUM_DELAY_SECONDS, Launch, WorkloadProcess
from anomalyjob_operator.observed import WorkloadObservation

POLL_SECONDS: Final = 0.1
_REST_CHECK_SECONDS: Final = 5.0
_KILL_WAIT_SECONDS: Final = 10.0


class Supervisor:
    """The processes of one job. `tell` gets one line for people at every start and end.

    Use it as an asynchronous context manager: inside it watches, and on the way out it stops every process.
    `changed` is set whenever a process started or ended; whoever waits for it clears it.
    """

    def __init__(self, folder: StateFolder, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._processes: dict[str, WorkloadProcess] = {}
        self._stopping: set[str] = set()
        self._rest_checked = 0.0
        self._watching: asyncio.Task[None] | None = None
        self._watchdog: Watchdog | None = None
        self.changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Begin to watch."""
        self._watchdog = start_watchdog(self._folder.path, self._folder.processes_file)
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop every process, then the watchdog."""
        await self.stop()
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.to_thread(self._end_watchdog)

    async def apply(self, launches: Sequence[Launch]) -> None:
        """Let exactly these workloads run: start what is missing, replace what differs, stop what is extra.

        Takes at most the longest grace and 10 s. What cannot be started is told, and tried again and again.
        """
        wanted = {launch.name: launch for launch in launches}
        await self._stop(
            name
            for name, process in self._processes.items()
            if name not in wanted or process.launch.content_hash != wanted[name].content_hash
        )
        for name, launch in wanted.items():
            if name not in self._processes:
                self._processes[name] = WorkloadProcess(launch=launch, folder=self._folder)
                self._start(self._processes[name])

    def observe(self) -> tuple[WorkloadObservation, ...]:
        """Return what is known of every workload."""
        return tuple(process.observe() for process in self._processes.values())

    async def stop(self) -> None:
        """Stop every process: SIGTERM, SIGKILL after its grace, and whatever it started as well."""
        await self._stop(tuple(self._processes))

    def kill_all(self) -> None:
        """End every process now: for a user who does not want to wait for `stop`."""
        for process in self._processes.values():
            process.kill()

    async def _stop(self, names: Iterable[str]) -> None:
        processes = {name: self._processes[name] for name in names}
        if not processes:
            return
        self._stopping |= processes.keys()
        try:
            await asyncio.gather(*(self._end(process) for process in processes.values()))
        finally:
            self._stopping -= processes.keys()
        for name in processes:
            del self._processes[name]
        self._record()

    async def _end(self, process: WorkloadProcess) -> None:
        process.ask_to_end()
        if await _within(process.launch.grace_seconds, lambda: self._has_ended(process)):
            return
        self._tell(f"{self._name(process)} did not end within {process.launch.grace_seconds:g} s: killed")
        process.kill()
        if not await _within(_KILL_WAIT_SECONDS, lambda: self._has_ended(process)):
            # Only a process stuck inside the kernel survives SIGKILL that long; the volume's lock keeps others out.
            self._tell(f"{self._name(process)} (process {process.pid}) does not even react to SIGKILL")

    def _has_ended(self, process: WorkloadProcess) -> bool:
        process.reap(datetime.now(UTC), time.monotonic())
        return not process.alive

    async def _watch(self) -> None:
        while True:
            try:
                for process in list(self._processes.values()):
                    self._look_after(process)
                self._look_after_the_rest()
            except Exception as error:  # noqa: BLE001 - whatever it is, the other processes still need to be watched
                self._tell(f"internal error while processes are watched: {error!r}")
                await asyncio.sleep(_REST_CHECK_SECONDS)
            await asyncio.sleep(POLL_SECONDS)

    def _look_after(self, process: WorkloadProcess) -> None:
        if process.launch.name in self._stopping:
            return
        refused_before = process.refusal
        if process.reap(datetime.now(UTC), time.monotonic()):
            if process.refusal is None or process.refusal != refused_before:
                self._tell(self._end_sentence(process))
            self._record()
        if not process.alive and time.monotonic() >= process.start_due:
            self._start(process)

    def _end_sentence(self, process: WorkloadProcess) -> str:
        if process.refusal is not None:
            return f"{self._name(process)} would not start ({process.refusal.reason}); trying again until it can"
        delay = process.start_due - time.monotonic()
        then = "starting it again at once" if delay <= 0 else f"starting it again in {delay:.0f} s"
        return f"{self._name(process)} ended ({process.last_end}); {then}"

    def _start(self, process: WorkloadProcess) -> None:
        try:
            process.start(datetime.now(UTC), time.monotonic())
        except OSError as error:
            process.start_due = time.monotonic() + MAXIMUM_DELAY_SECONDS
            self._tell(f"{self._name(process)} cannot be started: {error}; trying again in {MAXIMUM_DELAY_SECONDS:g} s")
            return
        self._record()
        if process.refusal is None:
            again = "" if process.starts == 1 else " again"
            self._tell(f"{self._name(process)} started{again} (process {process.pid})")

    def _name(self, process: WorkloadProcess) -> str:
        return self._folder.short_name(process.launch.name)

    def _record(self) -> None:
        self.changed.set()
        records = (process.record() for process in self._processes.values())
        try:
            write_process_table(self._folder.processes_file, [record for record in records if record is not None])
        except OSError as error:
            # A full disk must not end what runs; without the table only `kill` and a later clean-up know less.
            self._tell(f"{self._folder.processes_file} cannot be written: {error}")

    def _look_after_the_rest(self) -> None:
        """Every few seconds: keep the logs bounded and the watchdog alive."""
        if time.monotonic() - self._rest_checked < _REST_CHECK_SECONDS:
            return
        self._rest_checked = time.monotonic()
        for name in self._processes:
            with contextlib.suppress(OSError):
                bound_log(self._folder.log_file(name))
        if self._watchdog is not None and self._watchdog.poll() is not None:
            self._watchdog = start_watchdog(self._folder.path, self._folder.processes_file)

    def _end_watchdog(self) -> None:
        if self._watchdog is None:
            return
        # Closes the pipe, which is what it waits for.
        self._watchdog.communicate(timeout=_KILL_WAIT_SECONDS)


async def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Wait until the condition holds, at most so long; tell whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(POLL_SECONDS / 2)
    return True
