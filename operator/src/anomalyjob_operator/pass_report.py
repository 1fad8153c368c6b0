"""What one pass over a job tells to whoever wants to show, count or pass on what happens.

Pure records. A listener is told after the status was published; it must return at once and must not change anything.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from anomalyjob_operator.observed import Observed
from anomalyjob_operator.spec import AnomalyJob
from anomalyjob_operator.status import Event, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PassReport:
    """One pass: what was seen `at` a moment, and what it came to; `job` is the job as it is deployed.

    `rest_url`: where the living JobManager answers, None while there is none. `events` are those of this pass only.
    """

    job: AnomalyJob
    observed: Observed
    status: Status
    events: tuple[Event, ...]
    rest_url: str | None
    at: datetime


Key = tuple[str, str]
"""Namespace and name of a job."""

EventFate = Literal["told", "refused", "gone"]
"""What became of an event that an onlooker wants told: refused for good, or its job is gone and nobody misses it."""

EmitEvent = Callable[[Key, Event], Awaitable[EventFate]]
"""Tells an event of a job where its back end does; it raises what may succeed when it is tried again."""

PassListener = Callable[[PassReport], None]


def nobody_listens(report: PassReport) -> None:
    """Be the listener that there always is."""
    del report
