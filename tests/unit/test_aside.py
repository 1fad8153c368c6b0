"""What looks on does so in a thread of its own: it may hang, spin or fail, and nobody waits for it."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest
from tests.unit.live_reports import healthy_report
from tests.unit.observations import T0

from anomalyjob_operator import aside as module
from anomalyjob_operator.aside import INBOX, Aside, carried_over
from anomalyjob_operator.onlookers import Onlookers
from anomalyjob_operator.pass_report import EventFate, Key, PassReport
from anomalyjob_operator.status import Event

pytestmark = pytest.mark.asyncio

BOUND_SECONDS = 30.0
REPORT = healthy_report()
KEY = ("default", "demo")


class Recorder:
    """Onlookers that note what they are told, and in which thread; `passing` is done at every report."""

    def __init__(self, passing: Callable[[], object] = lambda: None) -> None:
        self.told: list[object] = []
        self.threads: set[str] = set()
        self._passing = passing
        self.missed: Callable[[], int] = lambda: -1

    def passed(self, report: PassReport) -> None:
        """Take note."""
        self.threads.add(threading.current_thread().name)
        self.told.append(report)
        self._passing()

    def watch_missed(self, count: Callable[[], int]) -> None:
        """Keep what tells how many reports did not come."""
        self.missed = count

    def forget(self, key: Key) -> None:
        """Take note."""
        self.told.append(key)

    def looked(self, key: Key, seconds: float, *, failed: bool) -> None:
        """Take note."""
        self.told.append((key, seconds, failed))


def aside_of(recorder: Recorder, leaving: Callable[[], None] = lambda: None) -> Aside:
    @asynccontextmanager
    async def onlooking() -> AsyncIterator[Onlookers]:
        yield cast("Onlookers", recorder)
        leaving()

    return Aside(onlooking)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while not condition():  # noqa: ASYNC110 - polls what another thread does, within a bound
            await asyncio.sleep(0.01)


async def test_everything_is_told_in_its_order_in_the_other_thread() -> None:
    recorder = Recorder()
    aside = aside_of(recorder)
    aside.passed(REPORT)
    aside.start()
    aside.looked(KEY, 0.5, failed=True)
    aside.forget(KEY)
    await until(lambda: recorder.told == [REPORT, (KEY, 0.5, True), KEY])
    aside.passed(REPORT)
    await until(lambda: len(recorder.told) == 4)
    assert recorder.threads == {"aside"}
    await aside.stop()


async def test_who_spins_holds_up_neither_who_tells_nor_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    let_go = threading.Event()
    recorder = Recorder(passing=lambda: let_go.wait(BOUND_SECONDS))
    aside = aside_of(recorder)
    aside.start()
    aside.passed(REPORT)
    await until(lambda: len(recorder.told) == 1)
    begin = time.monotonic()
    for _ in range(3 * INBOX):
        aside.passed(REPORT)
    assert len(aside._inbox) == INBOX
    aside.looked(KEY, 0.5, failed=False)
    assert recorder.missed() == 2 * INBOX + 1
    aside.forget(KEY)
    assert caplog.text.count("miss passes from now on") == 1
    await aside.stop()
    assert time.monotonic() - begin < 10
    assert "did not end within" in caplog.text
    let_go.set()
    aside._thread.join(BOUND_SECONDS)
    assert not aside._thread.is_alive()
    assert recorder.told[-1] == KEY, "that a job is gone is never lost"


async def test_what_fails_at_its_start_is_logged_and_telling_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def onlooking() -> None:
        raise ValueError("nothing to look with")

    aside = Aside(cast("module.Onlooking", onlooking))
    aside.start()
    await until(lambda: not aside._thread.is_alive())
    kept = len(aside._inbox)
    for _ in range(2 * INBOX):
        aside.passed(REPORT)
        aside.forget(KEY)
    await aside.stop()
    assert len(aside._inbox) == kept, "nobody is left to read it"
    assert "jobs go on without it" in caplog.text
    assert "nothing to look with" in caplog.text
    assert "does not keep up" not in caplog.text


async def test_a_stop_is_heeded_however_early_it_comes() -> None:
    left: list[int] = []
    for _ in range(20):
        aside = aside_of(Recorder(), leaving=lambda: left.append(1))
        aside.start()
        await aside.stop()
        assert not aside._thread.is_alive() or aside._ended.done()
    assert len(left) == 20


async def test_a_process_ends_though_a_thread_of_what_looks_on_is_at_work() -> None:
    program = (
        "import asyncio, contextlib, time\n"
        "from anomalyjob_operator import aside\n"
        "aside.STOP_SECONDS = 0.2\n"
        "@contextlib.asynccontextmanager\n"
        "async def onlooking():\n"
        "    asyncio.get_running_loop().run_in_executor(None, time.sleep, 40)\n"
        "    yield None\n"
        "async def main():\n"
        "    looking = aside.Aside(onlooking)\n"
        "    looking.start()\n"
        "    await asyncio.sleep(0.5)\n"
        "    await looking.stop()\n"
        "    return looking.is_left_behind\n"
        "assert asyncio.run(main())\n"
        "print('said')\n"
        "aside.end_process(7)\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), BOUND_SECONDS)
    assert (process.returncode, output) == (7, b"said\n")


async def test_what_was_never_started_can_be_stopped() -> None:
    await aside_of(Recorder()).stop()


async def test_an_event_is_emitted_in_the_loop_that_it_belongs_to_and_a_failure_comes_back() -> None:
    threads: list[str] = []

    async def emit(key: Key, event: Event) -> EventFate:
        await asyncio.sleep(0)
        threads.append(threading.current_thread().name)
        if key != KEY:
            raise OSError("no answer")
        return "refused"

    there = carried_over(emit, asyncio.get_running_loop())
    event = Event(type="Warning", reason="AnomalyAlert", message="text", at=T0)

    async def tell(key: Key) -> EventFate:
        return await there(key, event)

    assert await asyncio.to_thread(lambda: asyncio.run(tell(KEY))) == "refused"
    with pytest.raises(OSError, match="no answer"):
        await asyncio.to_thread(lambda: asyncio.run(tell(("default", "other"))))
    assert threads == ["MainThread", "MainThread"]
