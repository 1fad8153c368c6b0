"""A bounded queue to one receiver, in order, with retries: nobody who puts something in ever waits.

It knows neither what it sends nor how. What is lost is counted and told; what is sent is never logged.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from anomalyjob_operator.notify.policy import Outcome, Policy, pause_seconds

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Chance = Callable[[], float]

CHANCE: Final[Chance] = random.random


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounts:
    """Of one queue, since its process began: `failed` were given up or refused, `dropped` did not fit in."""

    waiting: int = 0
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item]):
    item: Item
    offered_at: float


class OutQueue(Generic[Item]):
    """The queue to `receiver`. `send` gets an item, and how many before it were lost; what it raises means: again."""

    def __init__(
        self,
        receiver: str,
        send: Callable[[Item, int], Awaitable[Outcome]],
        policy: Policy,
        chance: Chance = CHANCE,
    ) -> None:
        self._receiver = receiver
        self._send = send
        self._policy = policy
        self._chance = chance
        self._waiting: deque[_Waiting[Item]] = deque()
        self._filled = asyncio.Event()
        self._draining = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._told: str | None = None
        self._lost = 0
        self._delivered = self._failed = self._dropped = self._retries = self._under_way = 0

    def offer(self, item: Item) -> None:
        """Let the item be sent; when too many wait, the oldest of them is lost."""
        if self._draining.is_set():
            self._dropped += 1
            return
        if len(self._waiting) >= self._policy.queue_length:
            self._waiting.popleft()
            self._dropped += 1
            self._lost += 1
            self._tell(f"more than {self._policy.queue_length} wait; the oldest are lost")
        self._waiting.append(_Waiting(item, time.monotonic()))
        self._filled.set()

    def counts(self) -> QueueCounts:
        """Return what became of everything so far."""
        return QueueCounts(
            waiting=len(self._waiting) + self._under_way,
            delivered=self._delivered,
            failed=self._failed,
            dropped=self._dropped,
            retries=self._retries,
        )

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._send_for_ever())

    async def stop(self) -> None:
        """Try once more to send what waits, for a bounded time; count the rest as lost."""
        self._draining.set()
        self._filled.set()
        if self._task is None:
            return
        await asyncio.wait((self._task,), timeout=self._policy.drain_seconds)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        rest = self.counts().waiting
        if rest:
            self._dropped += rest
            logger.warning("%s: %d did not get there before the end of this process", self._receiver, rest)
        self._waiting.clear()
        self._under_way = 0

    async def _send_for_ever(self) -> None:
        while self._waiting or not self._draining.is_set():
            if not self._waiting:
                self._filled.clear()
                await self._filled.wait()
                continue
            waiting = self._waiting.popleft()
            self._under_way = 1
            await self._deliver(waiting)
            self._under_way = 0

    async def _deliver(self, waiting: _Waiting[Item]) -> None:
        until = waiting.offered_at + self._policy.total_seconds
        tries = 0
        while True:
            tries += 1
            last = self._draining.is_set()
            lost = self._lost
            outcome = await self._tried(waiting.item, lost)
            if outcome.verdict == "delivered":
                self._note_delivered(lost)
                return
            if outcome.verdict == "moot":
                return
            pause = pause_seconds(self._policy, tries, self._chance(), outcome.wished_seconds)
            if last or outcome.verdict == "refused" or time.monotonic() + pause > until:
                break
            self._tell(f"{outcome.words}; trying again")
            self._retries += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), pause)
        self._failed += 1
        self._lost += 1
        self._tell(f"{outcome.words}; given up")

    async def _tried(self, item: Item, lost: int) -> Outcome:
        try:
            async with asyncio.timeout(self._policy.attempt_seconds):
                return await self._send(item, lost)
        except TimeoutError:
            words = f"it did not answer within {self._policy.attempt_seconds:g} s"
        except Exception as error:  # noqa: BLE001 - a defect of one message must not end the queue
            # Only the kind: the words of an error may hold an address or a header.
            words = f"it failed ({type(error).__name__})"
        return Outcome(verdict="again", words=words)

    def _note_delivered(self, lost: int) -> None:
        """`lost` is what this message has told of; what was lost while it was under way, the next one tells."""
        self._delivered += 1
        self._lost -= lost
        if self._told is not None:
            logger.info("%s: messages get there again; %d were lost", self._receiver, lost)
        if not self._lost:
            self._told = None

    def _tell(self, words: str) -> None:
        """Log what is wrong, but the same only once until something gets there."""
        if words != self._told:
            logger.warning("%s: %s", self._receiver, words)
        self._told = words
