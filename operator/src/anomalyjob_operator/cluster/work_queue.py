"""One worker a key: whatever happens to a resource only says "look again", and looks are never made side by side.

Any number of wake-ups before a look are one look. A worker looks again by itself after the time that its last look
named, so nothing depends on an event being seen. It must not know what a look does.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from anomalyjob_operator.pass_report import Key

logger = logging.getLogger(__name__)

Look = Callable[[Key], Awaitable[float | None]]
"""Looks once; returns after how many seconds to look again, None when the key is gone."""

LOOK_TIMEOUT_SECONDS: Final = 150.0
SHORTEST_PAUSE_SECONDS: Final = 0.2
"""Between two looks at one key, however many wake-ups there are: a burst of events is one look."""
LONGEST_PAUSE_SECONDS: Final = 30.0
FIRST_RETRY_SECONDS: Final = 1.0
LARGEST_RETRY_SECONDS: Final = 30.0
MAXIMUM_KEYS: Final = 2_000
_SAME_ERROR_SECONDS: Final = 60.0


class WorkQueue:
    """Keys with a worker each. `progressed_at` is the monotonic time of the last look that came to an end.

    A look that fails with an answer has come to an end too: one resource that is wrong is no reason to restart the
    operator. One that fails for want of an answer (OSError, of which TimeoutError is one) has not.
    """

    def __init__(self, look: Look, clock: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._clock = clock
        self._wake_ups: dict[Key, asyncio.Event] = {}
        self._workers: dict[Key, asyncio.Task[None]] = {}
        self._told: dict[Key, tuple[str, float]] = {}
        self._stopped = False
        self.progressed_at = clock()

    def __len__(self) -> int:
        """How many keys have a worker."""
        return len(self._workers)

    def add(self, key: Key) -> None:
        """Let the key be looked at soon. Keys above the limit wait for a place: a later wake-up brings them again."""
        if self._stopped:
            return
        if key not in self._workers:
            if len(self._workers) >= MAXIMUM_KEYS:
                logger.error("%s/%s is not looked at: there are %d resources already", *key, MAXIMUM_KEYS)
                return
            self._wake_ups[key] = asyncio.Event()
            self._workers[key] = asyncio.create_task(self._work(key), name=f"{key[0]}/{key[1]}")
        self._wake_ups[key].set()

    def note_progress(self) -> None:
        """Note that something else than a look has succeeded, such as finding that there is nothing to look at."""
        self.progressed_at = self._clock()

    async def stop(self) -> None:
        """End all workers, in the middle of a look if need be: the next operator repairs what is half done.

        Nothing is looked at afterwards, whatever events still come.
        """
        self._stopped = True
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        # A worker that was ended before its first step has not tidied up.
        self._workers.clear()
        self._wake_ups.clear()

    async def _work(self, key: Key) -> None:
        wake_up, failures = self._wake_ups[key], 0
        try:
            while True:
                wake_up.clear()
                pause, failed = await self._try(key, failures)
                failures = failures + 1 if failed else 0
                if pause is None and not wake_up.is_set():
                    return
                await self._pause(wake_up, pause or 0.0, eager=not failed)
        finally:
            # In one step with the decision to end: a wake-up that comes later makes a new worker.
            del self._workers[key], self._wake_ups[key]
            self._told.pop(key, None)

    async def _try(self, key: Key, failures: int) -> tuple[float | None, bool]:
        """Look; return the pause until the next look, and whether this one failed."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
                pause = await self._look(key)
        except Exception as error:  # noqa: BLE001 - whatever one look meets must not end what is looked at next
            self._tell(key, error)
            if not isinstance(error, OSError):
                self.note_progress()
            return min(FIRST_RETRY_SECONDS * 2 ** min(failures, 10), LARGEST_RETRY_SECONDS), True
        self.note_progress()
        return pause, False

    async def _pause(self, wake_up: asyncio.Event, seconds: float, *, eager: bool) -> None:
        """Wait that long or until something happens; the shortest pause is made in any case, longer unless `eager`."""
        shortest = SHORTEST_PAUSE_SECONDS if eager else FIRST_RETRY_SECONDS
        await asyncio.sleep(shortest)
        rest = min(seconds, LONGEST_PAUSE_SECONDS) - shortest
        if rest <= 0:
            return
        try:
            async with asyncio.timeout(rest):
                await wake_up.wait()
        except TimeoutError:
            return

    def _tell(self, key: Key, error: Exception) -> None:
        """Log the error; the same one of a key only once a minute."""
        text, now = f"{type(error).__name__}: {str(error) or 'a step took too long'}", self._clock()
        known = self._told.get(key)
        if known is not None and known[0] == text and now < known[1]:
            return
        self._told[key] = (text, now + _SAME_ERROR_SECONDS)
        expected = type(error).__module__.startswith("anomalyjob") or isinstance(error, TimeoutError)
        logger.error("%s/%s: %s (trying again)", *key, text, exc_info=None if expected else error)
