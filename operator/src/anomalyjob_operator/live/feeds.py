"""The feeds of all jobs of this process: made by the first pass over a job, ended when the job is gone.

The one way in for whoever serves what is shown. It must not disturb those who tell it: `passed` returns at once.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Final

from anomalyjob.events import Alert
from anomalyjob_operator.joined_tasks import end
from anomalyjob_operator.live import loops
from anomalyjob_operator.live.encoding import encoded
from anomalyjob_operator.live.job_feed import JobFeed, Surroundings
from anomalyjob_operator.live.jobs_document import jobs_document
from anomalyjob_operator.live.log_source import LogSource
from anomalyjob_operator.live.subscription import Fanout, Subscription
from anomalyjob_operator.pass_report import Key, PassReport
from anomalyjob_operator.reconcile import utc_now

logger = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS: Final = 1.0
SHORTEST_PAUSE_SECONDS: Final = 0.25
STOP_SECONDS: Final = 5.0

AlertListener = Callable[[Key, Alert], None]


class Feeds:
    """All jobs. `log_source` makes the source of a job's log; it is called when somebody wants to follow it.

    To be made and used within one event loop. `start` before anything is read; `stop` ends every subscription.
    """

    def __init__(self, log_source: Callable[[Key], LogSource], clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._around = Surroundings(
            clock=clock, log_source=log_source, alert=self._alert, log_wanted=lambda key: key in self._followed
        )
        self._feeds: dict[Key, JobFeed] = {}
        self._listeners: list[AlertListener] = []
        self._followed: set[Key] = set()
        self._fanout = Fanout(clock)
        self._changed = asyncio.Event()
        self._fresh_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = False

    async def start(self) -> None:
        """Begin to work."""
        self._started = True
        self._spawn(loops.repeat(self._publish_next, "publishing the list of jobs"))
        for feed in self._feeds.values():
            feed.start()

    async def stop(self) -> None:
        """End every subscription and all work."""
        self._started = False
        self._fanout.end()
        feeds, self._feeds = tuple(self._feeds.values()), {}
        async with asyncio.timeout(STOP_SECONDS):
            await asyncio.gather(*(feed.stop() for feed in feeds), return_exceptions=True)
            await end(self._tasks)

    def passed(self, report: PassReport) -> None:
        """Take over what a pass says: a PassListener."""
        key = (report.job.metadata.namespace, report.job.metadata.name)
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = JobFeed(key, report, self._around)
            if self._started:
                feed.start()
        feed.passed(report)
        self._changed.set()

    def forget(self, key: Key) -> None:
        """End the feed of a job that is gone; a job that is not known is forgotten already."""
        feed = self._feeds.pop(key, None)
        if feed is not None:
            self._spawn(feed.stop())
            self._changed.set()

    def job(self, key: Key) -> JobFeed | None:
        """Return the feed of a job, None when there is no such job."""
        return self._feeds.get(key)

    def keys(self) -> tuple[Key, ...]:
        """Return all jobs, sorted."""
        return tuple(sorted(self._feeds))

    def jobs_document(self) -> bytes:
        """Return the list of all jobs as it is now."""
        return encoded(jobs_document((feed.of_passes for feed in self._feeds.values()), self._clock()))

    def subscribe_jobs(self) -> Subscription:
        """Return a new reader of the list; it begins with the list as it is now."""
        if self._changed.is_set() or asyncio.get_running_loop().time() >= self._fresh_until:
            self._publish()
        return self._fanout.subscribe()

    def on_alert(self, callback: AlertListener) -> None:
        """Call back with every alert record that is seen in a log that is followed."""
        self._listeners.append(callback)

    def follow_log(self, key: Key, wanted: bool) -> None:
        """Keep a job's log followed with no reader, or no longer; also of a job that is not known yet."""
        (self._followed.add if wanted else self._followed.discard)(key)

    def _alert(self, key: Key, alert: Alert) -> None:
        for callback in self._listeners:
            try:
                callback(key, alert)
            except Exception:
                logger.exception("a listener to the alerts of %s failed", "/".join(key))

    async def _publish_next(self) -> None:
        await loops.took(self._changed, LONGEST_PAUSE_SECONDS)
        if len(self._fanout):
            self._publish()
        else:
            self._fresh_until = 0.0
        await asyncio.sleep(SHORTEST_PAUSE_SECONDS)

    def _publish(self) -> None:
        """Hand the list to all readers: not for every newcomer, but when it is new."""
        self._changed.clear()
        self._fresh_until = asyncio.get_running_loop().time() + LONGEST_PAUSE_SECONDS
        self._fanout.publish("jobs", self.jobs_document())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
