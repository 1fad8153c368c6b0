"""The real dashboard server in a thread of its own, with documents that a test plays into it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from tests.browser.page.played_documents import Played
from tests.unit.played_feeds import PlayedFeeds

from anomalyjob_operator.dashboard import Dashboard

KEY = ("default", "demo")
SECONDS = 10.0

Result = TypeVar("Result")


class PlayedDashboard:
    """One server; every method may be called from the test's thread."""

    def __init__(self, token: str | None = None) -> None:
        self.feeds = PlayedFeeds(wait_seconds=0.5)
        self._token = token
        self._dashboard = Dashboard(self.feeds, token=token)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._port = 0

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        if not self._thread.is_alive():
            self._thread.start()
        self._dashboard = Dashboard(self.feeds, token=self._token)
        self._port = asyncio.run_coroutine_threadsafe(
            self._dashboard.start("127.0.0.1", self._port), self._loop
        ).result(SECONDS)

    def stop(self) -> None:
        """End all streams and stop listening."""
        asyncio.run_coroutine_threadsafe(self._dashboard.stop(), self._loop).result(SECONDS)

    def close(self) -> None:
        """Let the thread end."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    @property
    def address(self) -> str:
        """Where the list is."""
        return f"http://127.0.0.1:{self._port}/"

    @property
    def job_address(self) -> str:
        """Where the job's page is."""
        return f"{self.address}jobs/default/demo"

    def play(self, event: str, document: Any) -> None:
        """Hand a document to every page of the job."""
        self._call(lambda: self.feeds.add(KEY).play(event, document))

    def play_job(self, played: Played) -> None:
        """Everything about a job that runs."""
        self.play("overview", played.overview())
        self.play("checkpoints", played.checkpoints())
        self.play("log", played.log())
        self._call(lambda: self.feeds.play_list([played.row()]))

    def play_list(self, jobs: list[Any]) -> None:
        """Hand a list of jobs to every page that shows it."""
        self._call(lambda: self.feeds.play_list(jobs))

    def readers(self) -> int:
        """How many pages of the job are being sent news."""
        return self._call(lambda: len(self.feeds.add(KEY).subscriptions))

    def fall_silent(self) -> None:
        """Keep the streams open, and send nothing, not even that the server lives."""
        self._call(self._fall_silent)

    def _fall_silent(self) -> None:
        for feed in (self.feeds.list, *self.feeds.jobs.values()):
            feed.wait_seconds = 3600.0

    def _call(self, function: Callable[[], Result]) -> Result:
        async def call() -> Result:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(SECONDS)


def played_now() -> Played:
    """The job as it is at this moment."""
    return Played(datetime.now(UTC))


@contextmanager
def played_dashboard(token: str | None = None) -> Iterator[PlayedDashboard]:
    """A server with a job that runs."""
    dashboard = PlayedDashboard(token)
    dashboard.start()
    try:
        dashboard.play_job(played_now())
        yield dashboard
    finally:
        dashboard.close()
