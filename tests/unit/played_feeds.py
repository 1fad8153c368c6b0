"""Feeds in memory that a test, or a person who looks at pages, plays documents into.

By hand: `python -m tests.unit.played_feeds 8099 overview.json checkpoints.json log.json` serves the job default/demo
with them at http://127.0.0.1:8099/ until Ctrl-C; the files are read anew every second.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from anomalyjob.timestamps import format_time
from anomalyjob_operator.pass_report import Key


@dataclass(frozen=True)
class PlayedMessage:
    """One event."""

    event: str
    data: bytes


class PlayedSubscription:
    """Hands out what is there, then what is played; `wait_seconds` is how long `next` waits for news."""

    def __init__(self, feed: "PlayedFeed") -> None:
        self._feed = feed
        self._news: dict[str, PlayedMessage] = dict(feed.current)
        self._changed = asyncio.Event()
        if self._news:
            self._changed.set()

    def __enter__(self) -> Self:
        """Begin."""
        self._feed.subscriptions.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._feed.subscriptions.remove(self)

    def take(self, message: PlayedMessage) -> None:
        """Get news."""
        self._news[message.event] = message
        self._changed.set()

    async def next(self) -> Sequence[PlayedMessage]:
        """Wait for news."""
        try:
            async with asyncio.timeout(self._feed.wait_seconds):
                await self._changed.wait()
        except TimeoutError:
            return ()
        self._changed.clear()
        messages, self._news = tuple(self._news.values()), {}
        return messages


class PlayedFeed:
    """One job, or the list of jobs."""

    def __init__(self, wait_seconds: float = 2.0) -> None:
        self.wait_seconds = wait_seconds
        self.current: dict[str, PlayedMessage] = {}
        self.subscriptions: list[PlayedSubscription] = []

    def play(self, event: str, document: Any) -> None:
        """Hand a document to everybody who reads."""
        self.current[event] = PlayedMessage(event, json.dumps(document).encode())
        for subscription in self.subscriptions:
            subscription.take(self.current[event])

    def subscribe(self) -> PlayedSubscription:
        """Return a new subscription."""
        return PlayedSubscription(self)

    def documents(self) -> Sequence[PlayedMessage]:
        """Return what was played last."""
        return tuple(self.current.values())


class PlayedFeeds:
    """All jobs."""

    def __init__(self, wait_seconds: float = 2.0) -> None:
        self.jobs: dict[Key, PlayedFeed] = {}
        self.list = PlayedFeed(wait_seconds)
        self.wait_seconds = wait_seconds
        self.play_list([])

    def add(self, key: Key) -> PlayedFeed:
        """Let there be a job."""
        return self.jobs.setdefault(key, PlayedFeed(self.wait_seconds))

    def play_list(self, jobs: list[Any]) -> None:
        """Hand out the list of jobs."""
        self.list.play("jobs", {"serverTime": format_time(datetime.now(UTC)), "jobs": jobs})

    def job(self, key: Key) -> PlayedFeed | None:
        """Return a job's feed."""
        return self.jobs.get(key)

    def jobs_document(self) -> bytes:
        """Return the list."""
        return self.list.current["jobs"].data

    def subscribe_jobs(self) -> PlayedSubscription:
        """Return a new subscription to the list."""
        return self.list.subscribe()


async def _serve(port: int, files: Sequence[Path]) -> None:
    from anomalyjob_operator.dashboard import Dashboard  # noqa: PLC0415 - tests take their feeds from here without a server

    feeds = PlayedFeeds()
    feed = feeds.add(("default", "demo"))
    dashboard = Dashboard(feeds)
    print(f"http://127.0.0.1:{await dashboard.start('127.0.0.1', port)}/jobs/default/demo")
    try:
        while True:
            for file in files:
                feed.play(file.stem, json.loads(file.read_text()) | {"serverTime": format_time(datetime.now(UTC))})
            await asyncio.sleep(1)
    finally:
        await dashboard.stop()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]]))
