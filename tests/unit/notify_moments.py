"""What notifications are made from, for tests: reports of passes, alerts, and a policy with short bounds."""

from datetime import datetime
from typing import Any

from tests.unit.observations import at, resource, seen

from anomalyjob.events import Alert
from anomalyjob_operator.notify.policy import Policy
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
