"""From one publisher to many readers: every document is encoded once, and the same bytes go to all.

A reader that does not read costs a bounded amount: of each state document it keeps only the newest, of the log the
newest entries; older ones are dropped and counted. Nobody ever waits for a reader.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from anomalyjob_operator.live.encoding import log_document

MAXIMUM_LOG_ENTRIES: Final = 500
WAIT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event to send: its name, and a JSON document as UTF-8."""

    event: str
    data: bytes


class FeedEnded(Exception):  # noqa: N818 - it says what the feed has done
    """There is nothing more to come: the job is gone, or this process ends."""


class Subscription:
    """One reader. To be used as a context manager, or closed: an open one keeps the poller at its faster pace."""

    def __init__(self, close: Callable[["Subscription"], None], clock: Callable[[], datetime]) -> None:
        self._close = close
        self._clock = clock
        self._documents: dict[str, bytes] = {}
        self._entries: deque[bytes] = deque(maxlen=MAXIMUM_LOG_ENTRIES)
        self._dropped = 0
        self._log_due = False
        self._wake = asyncio.Event()
        self._ended = False

    def __enter__(self) -> Self:
        """It is open from the beginning."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Take part no longer."""
        self._close(self)

    async def next(self, wait_seconds: float = WAIT_SECONDS) -> list[Message]:
        """Return what is new since the last call; after `wait_seconds` without news, nothing.

        Raises FeedEnded once everything has been handed out and nothing more will come.
        """
        try:
            async with asyncio.timeout(wait_seconds):
                await self._wake.wait()
        except TimeoutError:
            return []
        return self.take()

    def take(self) -> list[Message]:
        """Return what is new, without waiting. Raises FeedEnded like `next`."""
        messages = [Message(event=event, data=data) for event, data in self._documents.items()]
        if self._log_due:
            data = log_document(self._entries, self._dropped, self._clock())
            messages.append(Message(event="log", data=data))
        self._documents, self._dropped, self._log_due = {}, 0, False
        self._entries.clear()
        if self._ended and not messages:
            raise FeedEnded
        if not self._ended:
            self._wake.clear()
        return messages

    def offer(self, event: str, data: bytes) -> None:
        """Take over a newer state document; an older one of the same name that was not fetched yet is forgotten."""
        self._documents[event] = data
        self._wake.set()

    def offer_entries(self, entries: Iterable[bytes], dropped: int = 0) -> None:
        """Take over encoded log entries, oldest first, and how many were `dropped` before them."""
        self._dropped += dropped
        for entry in entries:
            self._dropped += len(self._entries) == MAXIMUM_LOG_ENTRIES
            self._entries.append(entry)
        self._log_due = True
        self._wake.set()

    def end(self) -> None:
        """Tell that nothing more will come."""
        self._ended = True
        self._wake.set()


class Fanout:
    """The readers of one feed, and the newest of each state document."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._subscriptions: set[Subscription] = set()
        self._newest: dict[str, bytes] = {}
        self._ended = False

    def __len__(self) -> int:
        """How many read."""
        return len(self._subscriptions)

    @property
    def newest(self) -> Mapping[str, bytes]:
        """The state documents as published last."""
        return self._newest

    def subscribe(self, history: Iterable[bytes] | None = None) -> Subscription:
        """Return a new reader that begins with the newest documents and the log entries in `history`.

        A feed with a log hands over a history, be it empty: then the reader begins with a log document as well.
        """
        subscription = Subscription(self._subscriptions.discard, self._clock)
        for event, data in self._newest.items():
            subscription.offer(event, data)
        if history is not None:
            subscription.offer_entries(tuple(history)[-MAXIMUM_LOG_ENTRIES:])
        if self._ended:
            subscription.end()
        else:
            self._subscriptions.add(subscription)
        return subscription

    def publish(self, event: str, data: bytes) -> None:
        """Hand a state document to all."""
        self._newest[event] = data
        for subscription in self._subscriptions:
            subscription.offer(event, data)

    def publish_entries(self, entries: tuple[bytes, ...], dropped: int = 0) -> None:
        """Hand log entries to all, and how many were dropped before them."""
        for subscription in self._subscriptions:
            subscription.offer_entries(entries, dropped)

    def end(self) -> None:
        """End every reader's feed."""
        self._ended = True
        for subscription in tuple(self._subscriptions):
            subscription.end()
        self._subscriptions.clear()
