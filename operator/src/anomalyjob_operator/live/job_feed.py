"""Everything that is told about one job: one publisher, whoever looks and however many.

It puts together what the last pass, the poller and the log say, and hands it out. It must not ask anybody itself.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from anomalyjob.events import Alert
from anomalyjob_operator.joined_tasks import end
from anomalyjob_operator.live import loops
from anomalyjob_operator.live.checkpoints_document import checkpoints_document
from anomalyjob_operator.live.encoding import encoded, log_document
from anomalyjob_operator.live.known import Known, Moments
from anomalyjob_operator.live.log_book import LogBook
from anomalyjob_operator.live.log_follower import Interest, LogFollower
from anomalyjob_operator.live.log_source import LogSource
from anomalyjob_operator.live.overview import overview_document
from anomalyjob_operator.live.poller import Poller
from anomalyjob_operator.live.subscription import MAXIMUM_LOG_ENTRIES, Fanout, Message, Subscription
from anomalyjob_operator.pass_report import Key, PassReport

LONGEST_PAUSE_SECONDS: Final = 1.0
SHORTEST_PAUSE_SECONDS: Final = 0.1
LINGER_SECONDS: Final = 10.0
"""So long after the last reader left it is still watched: a page that is loaded anew finds everything."""
CHECKPOINTS_SECONDS: Final = 5.0
"""How old the time in a checkpoints document may become when nothing else changes in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a feed needs of the process around it."""

    clock: Callable[[], datetime]
    log_source: Callable[[Key], LogSource]
    alert: Callable[[Key, Alert], None]
    log_wanted: Callable[[Key], bool]


class JobFeed:
    """One job; made by Feeds with the report of its first pass, ended when the job is forgotten."""

    def __init__(self, key: Key, report: PassReport, around: Surroundings) -> None:
        self._key = key
        self._around = around
        self._report = report
        self._moments = Moments.first(report)
        self._fanout = Fanout(around.clock)
        self._changed = asyncio.Event()
        self._watched_until = 0.0
        self._published: tuple[int, float] = (-1, 0.0)
        self._fresh_until = 0.0
        self._poller = Poller(self._is_watched, self._looked, around.clock)
        self._book = LogBook(report.job.metadata.name)
        interest = Interest(
            wanted=lambda: self._is_watched() or around.log_wanted(key),
            watched=self._is_watched,
            new=self._fanout.publish_entries,
            alert=lambda alert: around.alert(key, alert),
        )
        self._log = LogFollower(lambda: around.log_source(key), self._book, interest, around.clock)
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        """Begin to poll, to follow and to publish."""
        what = "/".join(self._key)
        steps = {"publishing": self._publish_next, "polling": self._poller.run, "following the log": self._log.run}
        self._tasks = tuple(
            asyncio.create_task(loops.repeat(step, f"{name} of {what}")) for name, step in steps.items()
        )

    async def stop(self) -> None:
        """End all readers' feeds, and all work."""
        self._fanout.end()
        await end(self._tasks)

    def passed(self, report: PassReport) -> None:
        """Take over what a pass says."""
        if report.job.spec != self._report.job.spec:
            self._book.forget_users()
        news = _tells_news(self._report, report)
        self._report = report
        self._moments = self._moments.after(report)
        self._poller.passed(report)
        if news:
            self._changed.set()

    @property
    def of_passes(self) -> tuple[PassReport, Moments]:
        """What passes tell: all that the list of jobs shows, which there may be hundreds of."""
        return self._report, self._moments

    @property
    def known(self) -> Known:
        """All that is known now."""
        poller = self._poller
        return Known(
            report=self._report,
            moments=self._moments,
            flink=poller.view,
            last_checkpoint=poller.record.newest_completed,
            restored=poller.record.restored_by(self._moments.job_started_at),
            users=self._book.users,
        )

    def subscribe(self) -> Subscription:
        """Return a new reader; it begins with the current documents."""
        self._watch()
        self._refresh()
        return self._fanout.subscribe(self._book.entries)

    def documents(self) -> tuple[Message, ...]:
        """Return the current documents, for whoever asks once."""
        self._watch()
        self._refresh()
        entries = self._book.entries[-MAXIMUM_LOG_ENTRIES:]
        log = Message(event="log", data=log_document(entries, 0, self._around.clock()))
        return (*(Message(event=event, data=data) for event, data in self._fanout.newest.items()), log)

    def _watch(self) -> None:
        self._watched_until = asyncio.get_running_loop().time() + LINGER_SECONDS
        self._poller.hurry()
        self._log.hurry()

    def _is_watched(self) -> bool:
        return len(self._fanout) > 0 or asyncio.get_running_loop().time() < self._watched_until

    async def _publish_next(self) -> None:
        await loops.took(self._changed, LONGEST_PAUSE_SECONDS)
        if len(self._fanout):
            self._publish()
        else:
            self._fresh_until = 0.0
        await asyncio.sleep(SHORTEST_PAUSE_SECONDS)

    def _refresh(self) -> None:
        """Publish for a newcomer, but only what is new: it goes to all others as well."""
        if self._changed.is_set() or asyncio.get_running_loop().time() >= self._fresh_until:
            self._publish()

    def _publish(self) -> None:
        self._changed.clear()
        self._fresh_until = asyncio.get_running_loop().time() + LONGEST_PAUSE_SECONDS
        now = self._around.clock()
        self._fanout.publish("overview", encoded(overview_document(self.known, now)))
        version, due = self._poller.version, asyncio.get_running_loop().time()
        if version != self._published[0] or due >= self._published[1]:
            self._published = version, due + CHECKPOINTS_SECONDS
            poller = self._poller
            document = checkpoints_document(poller.checkpoints, poller.settings, poller.record, now)
            self._fanout.publish("checkpoints", encoded(document))

    def _looked(self) -> None:
        self._moments = self._moments.after_look(self._poller.view)
        self._changed.set()


def _tells_news(before: PassReport, after: PassReport) -> bool:
    """Whether something else than its time is told: that can wait for the next look, which is a second away at most."""

    def told(report: PassReport) -> tuple[object, ...]:
        return report.status, report.observed.jobmanager, report.observed.taskmanagers, report.rest_url, report.job

    return told(before) != told(after)
