"""Listens to passes and alerts, and hands on what the resource wants told: it returns at once and never raises.

Which messages arise is computed elsewhere; here they are only put into queues, one for each target.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from anomalyjob.events import Alert
from anomalyjob_operator.notify.alert_bound import AlertBound
from anomalyjob_operator.notify.message import Message, event_message
from anomalyjob_operator.notify.out_queue import CHANCE, Chance, OutQueue, QueueCounts
from anomalyjob_operator.notify.policy import Outcome, Policy, Verdict
from anomalyjob_operator.notify.targets import Target
from anomalyjob_operator.notify.webhook import Webhook
from anomalyjob_operator.pass_report import EmitEvent, EventFate, Key, PassReport
from anomalyjob_operator.reconcile import utc_now
from anomalyjob_operator.status import Event

if TYPE_CHECKING:
    from anomalyjob_operator.spec.notifications import Notifications

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 1.0
EVENTS_POLICY: Final = Policy(attempt_seconds=10.0, total_seconds=60.0, queue_length=200)
"""Events are for the API server, which is seldom away for long; later they would only confuse."""


VERDICTS: Final[Mapping[EventFate, Verdict]] = {"told": "delivered", "refused": "refused", "gone": "moot"}


class Notifier:
    """All jobs of one process. `emit_event` tells an event of a job where its back end does; None: nowhere."""

    def __init__(
        self,
        targets: Iterable[Target] = (),
        *,
        emit_event: EmitEvent | None = None,
        policy: Policy = Policy(),  # noqa: B008 - it is frozen
        clock: Callable[[], datetime] = utc_now,
        chance: Chance = CHANCE,
    ) -> None:
        self._clock = clock
        self._began_at = clock()
        self._hooks = {target.name: Webhook(target) for target in targets}
        self._queues = {
            name: OutQueue(f'target "{name}"', hook.post, policy, chance) for name, hook in self._hooks.items()
        }
        self._emit_event = emit_event
        of_events = replace(EVENTS_POLICY, drain_seconds=policy.drain_seconds)
        self._events: OutQueue[tuple[Key, Event]] = OutQueue("events of jobs", self._emit, of_events, chance)
        self._alerts = AlertBound()
        self._wanted: dict[Key, Notifications] = {}
        self._unknown: dict[Key, str] = {}
        self._ticks: asyncio.Task[None] | None = None

    def passed(self, report: PassReport) -> None:
        """Take note of a pass: what the resource wants told from now on, and what has happened."""
        key = (report.job.metadata.namespace, report.job.metadata.name)
        self._wanted[key] = report.job.spec.notifications
        self._look_for_target(key, report.at)
        for event in report.events:
            if event.reason in self._wanted[key].events:
                self._post(event_message(key, event, report.status.phase))

    def alert(self, key: Key, alert: Alert) -> None:
        """Take note of an anomaly alert. One from before this process is what an earlier one has told."""
        wanted = self._wanted.get(key)
        if wanted is None or not wanted.alerts or alert.emitted_time < self._began_at:
            return
        self._tell_alerts(self._alerts.take(key, alert, self._clock()))

    def forget(self, key: Key) -> None:
        """Let go of a job that is gone. What was held back of its alerts has no event of it to become any more."""
        for message in self._alerts.rest_of(key):
            self._post(message)
        self._wanted.pop(key, None)
        self._unknown.pop(key, None)

    async def start(self) -> None:
        """Begin to send."""
        for queue in self._queues.values():
            queue.start()
        self._events.start()
        self._ticks = asyncio.create_task(self._tick_for_ever())

    async def stop(self) -> None:
        """Send what waits, for a bounded time, and end."""
        if self._ticks is not None:
            self._ticks.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticks
        self._tell_alerts(self._alerts.rest())
        await asyncio.gather(self._events.stop(), *(queue.stop() for queue in self._queues.values()))
        await asyncio.gather(*(hook.close() for hook in self._hooks.values()))

    def target_counts(self) -> Mapping[str, QueueCounts]:
        """Return what became of the messages to each target so far."""
        return {name: queue.counts() for name, queue in self._queues.items()}

    def event_counts(self) -> QueueCounts:
        """Return what became of the events of jobs so far."""
        return self._events.counts()

    @property
    def unknown_targets(self) -> int:
        """How many jobs name a target right now that there is not."""
        return len(self._unknown)

    def _tell_alerts(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._post(message)
            self._events.offer((message.key, message.event))

    def _post(self, message: Message) -> None:
        wanted = self._wanted.get(message.key)
        queue = None if wanted is None or wanted.webhook is None else self._queues.get(wanted.webhook)
        if queue is not None:
            queue.offer(message)

    def _look_for_target(self, key: Key, now: datetime) -> None:
        """Tell, once, that a resource names a target that there is not."""
        name = self._wanted[key].webhook
        if name is None or name in self._queues:
            self._unknown.pop(key, None)
            return
        if self._unknown.get(key) == name:
            return
        self._unknown[key] = name
        text = unknown_target(name, self._queues)
        if self._emit_event is None:
            logger.warning("%s/%s: %s", *key, text)
        self._events.offer((key, Event(type="Warning", reason="NotificationError", message=text, at=now)))

    async def _emit(self, told: tuple[Key, Event], lost: int) -> Outcome:
        del lost
        fate = "gone" if self._emit_event is None else await self._emit_event(*told)
        return Outcome(verdict=VERDICTS[fate], words=f"an event was {fate}")

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._tell_alerts(self._alerts.due(self._clock()))


def unknown_target(name: str, known: Iterable[str]) -> str:
    """Say that a resource names a target that there is not, and what to do."""
    names = ", ".join(sorted(known)) or "none"
    return (
        f"spec.notifications.webhook names the target {name}, which is not configured (configured: {names});"
        " nothing is sent. Name another one, or add it to the file that ANOMALYJOB_NOTIFICATION_TARGETS names"
    )
