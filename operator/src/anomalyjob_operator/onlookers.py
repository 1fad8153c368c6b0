"""Everybody who is told of passes: the live feeds, the metrics, the notifications. Both back ends tell them alike.

It joins them and does nothing itself. What one of them fails at never keeps a pass, or the other ones, from going on.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Final

from anomalyjob_operator.live.feeds import Feeds
from anomalyjob_operator.live.log_source import LogSource
from anomalyjob_operator.metrics.registry import Metrics
from anomalyjob_operator.notify.notifier import Notifier
from anomalyjob_operator.notify.targets import Target
from anomalyjob_operator.pass_report import EmitEvent, Key, PassReport

logger = logging.getLogger(__name__)

STOP_SECONDS: Final = 5.5
"""Longer than a target gets for what still waits to be sent."""


class Onlookers:
    """One process's onlookers; to be made and used in one event loop. `passed` is a PassListener."""

    def __init__(
        self,
        log_source: Callable[[Key], LogSource],
        *,
        targets: Iterable[Target] = (),
        emit_event: EmitEvent | None = None,
    ) -> None:
        self.feeds = Feeds(log_source)
        self.metrics = Metrics()
        self.notifier = Notifier(targets, emit_event=emit_event)
        self.feeds.on_alert(self.notifier.alert)
        self.metrics.watch_notifications(self.notifier)

    async def start(self) -> None:
        """Begin to work."""
        for start in (self.feeds.start, self.notifier.start):
            await _guarded(start(), "an onlooker did not start")

    async def stop(self) -> None:
        """End, within a bound; notifications that wait are given a moment to get out."""
        await asyncio.gather(
            *(_guarded(stop(), "an onlooker did not stop") for stop in (self.feeds.stop, self.notifier.stop))
        )

    def passed(self, report: PassReport) -> None:
        """Tell of a pass."""
        for tell in (self.metrics.passed, self.feeds.passed, self._follow_log, self.notifier.passed):
            try:
                tell(report)
            except Exception:
                logger.exception("an onlooker failed over %s/%s", *_key(report))

    def forget(self, key: Key) -> None:
        """Tell that a job is gone. That of a job that was not known says nothing."""
        self.feeds.follow_log(key, wanted=False)
        for forget in (self.metrics.forget, self.feeds.forget, self.notifier.forget):
            try:
                forget(key)
            except Exception:
                logger.exception("an onlooker failed over the end of %s/%s", *key)

    def looked(self, key: Key, seconds: float, *, failed: bool) -> None:
        """Tell how long a look at a resource took, and whether it failed."""
        self.metrics.looked(seconds)
        if failed:
            self.metrics.look_failed(key)

    def watch_missed(self, count: Callable[[], int]) -> None:
        """Show what `count` returns, too: how many reports never came here. To be called once."""
        self.metrics.watch_missed(count)

    def _follow_log(self, report: PassReport) -> None:
        """Let the log be read without a reader as long as the resource wants its alerts told."""
        self.feeds.follow_log(_key(report), wanted=report.job.spec.notifications.alerts)


def _key(report: PassReport) -> Key:
    return report.job.metadata.namespace, report.job.metadata.name


async def _guarded(work: Coroutine[None, None, None], what: str) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await work
    except Exception:
        logger.exception("%s", what)
