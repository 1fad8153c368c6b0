"""What the dashboard asks of whoever feeds it. Documents come encoded: the same bytes go to every reader."""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from anomalyjob_operator.pass_report import Key


class Message(Protocol):
    """One event of a stream: its name, and its document as one line of JSON."""

    @property
    def event(self) -> str:
        """The name of the event."""

    @property
    def data(self) -> bytes:
        """The document."""


class Subscription(Protocol):
    """What one reader gets: first the current documents, then changes. It is bounded, however slowly it is read."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    async def next(self) -> Sequence[Message]:
        """Wait for news, at most 2 s; none is an empty answer. Raise FeedEnded when there is nothing more to come."""


class JobFeed(Protocol):
    """One job."""

    def subscribe(self) -> Subscription:
        """Return a new subscription to the job's documents."""

    def documents(self) -> Sequence[Message]:
        """Return the current documents."""


class Feeds(Protocol):
    """All jobs of this process."""

    def job(self, key: Key) -> JobFeed | None:
        """Return the feed of a job; None when there is no such job."""

    def jobs_document(self) -> bytes:
        """Return the list of jobs."""

    def subscribe_jobs(self) -> Subscription:
        """Return a new subscription to the list of jobs."""
