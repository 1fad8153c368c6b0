"""Who is told what happens to a job, beside its events and its status.

Pure. A target is only named here: where it is, and what has to be sent along to be let in, is the operator's own
configuration, so a resource can neither send anything to a new place nor read a secret.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictStr
from pydantic_core import PydanticCustomError

from anomalyjob_operator.spec.base import Model

TARGET_PATTERN: Final = r"^[a-z][-a-z0-9]*$"
TARGET_LENGTH: Final = 40
EVENT_TWICE_MESSAGE: Final = 'names "{event}" twice'

NotifiedReason = Literal[
    "CheckpointError",
    "CheckpointOverdue",
    "JobFailed",
    "JobFinished",
    "JobStatusChanged",
    "NeedsSavepoint",
    "ObjectRefused",
    "ProgressDeadlineExceeded",
    "RecoverDeployment",
    "Recovered",
    "RecoverySuperseded",
    "RestartBudgetExhausted",
    "RestartUnhealthyJob",
    "RestoreFailed",
    "SavepointCompleted",
    "SavepointError",
    "SpecChanged",
    "StartRefused",
    "Submit",
    "Suspended",
    "ValidationError",
    "VolumeNearlyFull",
    "WorkloadWaiting",
]
"""Reasons of events that can be sent on: all but those that notifications themselves make."""

USUAL_EVENTS: Final[tuple[NotifiedReason, ...]] = (
    "CheckpointError",
    "CheckpointOverdue",
    "JobFailed",
    "JobFinished",
    "ProgressDeadlineExceeded",
    "RecoverDeployment",
    "Recovered",
    "RecoverySuperseded",
    "RestartBudgetExhausted",
    "RestoreFailed",
    "StartRefused",
)
"""Checkpoints that fail or stay away, a job that failed or does not start, and every recovery's begin and end."""


def _refuse_repeated(events: tuple[NotifiedReason, ...]) -> tuple[NotifiedReason, ...]:
    for position, event in enumerate(events):
        if event in events[:position]:
            message = EVENT_TWICE_MESSAGE.format(event=event)
            raise PydanticCustomError("event_twice", "{message}", {"message": message})
    return events


TargetName = Annotated[StrictStr, Field(pattern=TARGET_PATTERN, max_length=TARGET_LENGTH)]
NotifiedReasons = Annotated[
    tuple[NotifiedReason, ...],
    Field(max_length=50, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_refuse_repeated),
]


class Notifications(Model):
    """Which events go to the target `webhook` of the operator's configuration, and whether anomaly alerts are told.

    With `alerts`, each alert also becomes a Kubernetes event; of a flood only the first, and how many more there were.
    """

    webhook: TargetName | None = None
    events: NotifiedReasons = USUAL_EVENTS
    alerts: StrictBool = False
