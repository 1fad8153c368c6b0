"""Everything that is told about one job: one publisher, whoever looks and however many.

It puts together what the last pass, the poller and the log say, and hands it out. It must not ask anybody itself.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from anomalyjob_operator.live import loops
from anomalyjob_operator.live.encoding import encoded
from anomalyjob_operator.live.log_source import Key
from anomalyjob_operator.live.overview import Known, first_phase_since, overview_document
from anomalyjob_operator.live.subscription import Fanout, Message, Subscription
from anomalyjob_operator.pass_report import PassReport

LONGEST_PAUSE_SECONDS: Final = 1.0
SHORTEST_PAUSE_SECONDS: Final = 0.1


class JobFeed:
    """One job; made by Feeds with the report of its first pass, ended when the job is forgotten."""

    def __init__(self, key: Key, report: PassReport, clock: Callable[[], datetime]) -> None:
        self._key = key
        self._clock = clock
        self._report = report
        self._phase_since = first_phase_since(report.status)
        self._fanout = Fanout(clock)
        self._changed = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        """Begin to publish."""
        what = "/".join(self._key)
        self._tasks = (asyncio.create_task(loops.repeat(self._publish_next, f"publishing {what}")),)

    async def stop(self) -> None:
        """End all readers' feeds, and all work."""
        self._fanout.end()
        await loops.end(self._tasks)

    def passed(self, report: PassReport) -> None:
        """Take over what a pass says."""
        if report.status.phase != self._report.status.phase:
            self._phase_since = report.at
        self._report = report
        self._changed.set()

    @property
    def known(self) -> Known:
        """All that is known now."""
        return Known(report=self._report, phase_since=self._phase_since)

    def subscribe(self) -> Subscription:
        """Return a new reader; it begins with the current documents."""
        self._publish()
        return self._fanout.subscribe(history=())

    def documents(self) -> tuple[Message, ...]:
        """Return the current documents, for whoever asks once."""
        with self.subscribe() as subscription:
            return tuple(subscription.take())

    async def _publish_next(self) -> None:
        await loops.wait_briefly(self._changed, LONGEST_PAUSE_SECONDS)
        self._changed.clear()
        if len(self._fanout):
            self._publish()
        await asyncio.sleep(SHORTEST_PAUSE_SECONDS)

    def _publish(self) -> None:
        self._fanout.publish("overview", encoded(overview_document(self.known, self._clock())))
