"""A thread with an event loop of its own for everything that only looks on, so that reconciling never waits for it.

Whatever spins, hangs or fails there, passes go on, signals are heeded and the process ends in time. Reports are told
through a bounded inbox: who does not keep up misses some, which are counted and logged, and nobody waits.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, NoReturn

from anomalyjob_operator.onlookers import Onlookers
from anomalyjob_operator.pass_report import EmitEvent, EventFate, Key, PassReport
from anomalyjob_operator.status import Event

logger = logging.getLogger(__name__)

INBOX: Final = 1_000
STOP_SECONDS: Final = 6.0
"""A little longer than a notification that waits is given to get out."""

Onlooking = Callable[[], AbstractAsyncContextManager[Onlookers]]
"""Makes, inside the thread's loop, what is to be told, started when it is entered and stopped when it is left."""


class Aside:
    """Runs what `onlooking` makes. Its methods are for the one thread that reconciles, and return at once.

    `is_left_behind`: it did not end when it should have; see `end_process`.
    """

    def __init__(self, onlooking: Onlooking) -> None:
        self._onlooking = onlooking
        self._inbox: deque[Callable[[Onlookers], None]] = deque()
        self._is_behind = False
        self._missed = 0
        self._woken = True
        self._onlookers: Onlookers | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._stop_wanted = False
        self.is_left_behind = False
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name="aside", daemon=True)
        self._tell(lambda onlookers: onlookers.watch_missed(lambda: self._missed))

    def start(self) -> None:
        """Begin; what was told before is not lost."""
        self._thread.start()

    async def stop(self) -> None:
        """End it. What does not end in time is left behind, and ends with the process."""
        self._stop_wanted = True
        if not self._thread.ident:
            return
        self._call(self._heed_stop)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.shield(asyncio.wrap_future(self._ended))
        except TimeoutError:
            self.is_left_behind = True
            logger.warning("what looks on did not end within %.0f s and is left behind", STOP_SECONDS)

    def passed(self, report: PassReport) -> None:
        """Tell of a pass: a PassListener."""
        self._tell_if_read(lambda onlookers: onlookers.passed(report))

    def forget(self, key: Key) -> None:
        """Tell that a job is gone: no newer report says it, so it is kept however much is unread."""
        self._tell(lambda onlookers: onlookers.forget(key))

    def looked(self, key: Key, seconds: float, *, failed: bool) -> None:
        """Tell how long a look at a resource took, and whether it failed."""
        self._tell_if_read(lambda onlookers: onlookers.looked(key, seconds, failed=failed))

    def _tell_if_read(self, message: Callable[[Onlookers], None]) -> None:
        """Tell unless too much is unread already: there will be newer reports."""
        if len(self._inbox) < INBOX:
            self._is_behind = False
            self._tell(message)
            return
        self._missed += 1
        if not self._is_behind:
            self._is_behind = True
            logger.error("what looks on does not keep up: dashboard, metrics and notifications miss passes from now on")

    def _tell(self, message: Callable[[Onlookers], None]) -> None:
        if self._ended.done():
            return
        self._inbox.append(message)
        if not self._woken:
            self._woken = True
            self._call(self._deliver)

    def _deliver(self) -> None:
        # In this order: a message that comes from now on wakes this loop again.
        self._woken = False
        while self._inbox and self._onlookers is not None:
            self._inbox.popleft()(self._onlookers)

    def _call(self, function: Callable[[], None]) -> None:
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            # The loop is closed: there is nobody left to be told.
            return

    def _heed_stop(self) -> None:
        if self._stop is not None and self._stop_wanted:
            self._stop.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception:
            logger.exception("what looks on has failed; jobs go on without it")
        finally:
            self._ended.set_result(None)

    async def _live(self) -> None:
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        self._heed_stop()
        async with self._onlooking() as self._onlookers:
            self._deliver()
            await self._stop.wait()


def end_process(status: int) -> NoReturn:
    """End this process though something was left behind: Python would wait for threads that it has still at work."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def carried_over(emit: EmitEvent, loop: asyncio.AbstractEventLoop) -> EmitEvent:
    """Return what lets `emit` be done in the loop that it belongs to, from any other one."""

    async def emit_there(key: Key, event: Event) -> EventFate:
        async def work() -> EventFate:
            return await emit(key, event)

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), loop))

    return emit_there
