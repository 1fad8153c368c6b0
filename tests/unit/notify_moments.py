"""What notifications are made from, for tests: reports of passes, alerts, and a policy with short bounds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.unit.observations import T0, at, resource, seen
from tests.unit.webhook_receiver import Receiver

from anomalyjob.events import Alert
from anomalyjob_operator.notify.notifier import Notifier
from anomalyjob_operator.notify.out_queue import QueueCounts
from anomalyjob_operator.notify.policy import Policy
from anomalyjob_operator.notify.targets import Target
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.status import Event, EventReason, Phase, Status

KEY = ("default", "demo")
QUICK = Policy(
    attempt_seconds=0.3,
    total_seconds=20.0,
    first_pause_seconds=0.01,
    longest_pause_seconds=0.05,
    longest_wished_seconds=0.5,
    drain_seconds=0.5,
)


def event(message: str, reason: EventReason = "CheckpointError", seconds: float = 1) -> Event:
    return Event(type="Warning", reason=reason, message=message, at=at(seconds))


def report(*events: Event, phase: Phase = "Running", **notifications: Any) -> PassReport:
    """A pass over a job with these notifications that told these events."""
    job = resource(notifications={"webhook": "on-call", **notifications})
    return PassReport(job=job, observed=seen(), status=Status(phase=phase), events=events, rest_url=None, at=at(2))


def alert(index: int, *, user: str = "user1", emitted: datetime | None = None) -> Alert:
    """The alert of a user's event `index`, which emitted it that many seconds after T0."""
    return Alert(user_id=user, index=index, event_time=at(index), emitted_time=emitted or at(index), count=3)


@asynccontextmanager
async def telling(receiver: Receiver, policy: Policy = QUICK, **target: Any) -> AsyncIterator[Notifier]:
    """A notifier at work whose one target is the receiver."""
    targets = [Target(name="on-call", url=receiver.url, **target)]
    notifier = Notifier(targets, policy=policy, clock=lambda: T0, chance=lambda: 0.0)
    await notifier.start()
    try:
        yield notifier
    finally:
        await notifier.stop()


def counts(notifier: Notifier) -> QueueCounts:
    """What became of the messages to the one target."""
    return notifier.target_counts()["on-call"]


@dataclass
class NotificationCounts:
    """What became of notifications, as whoever delivers them tells it."""

    targets: dict[str, QueueCounts] = field(default_factory=dict)
    events: QueueCounts = QueueCounts()  # noqa: RUF009 - it is frozen
    unknown_targets: int = 0

    def target_counts(self) -> dict[str, QueueCounts]:
        """Of each target."""
        return self.targets

    def event_counts(self) -> QueueCounts:
        """Of the events of jobs."""
        return self.events
