"""The status document: what a user and `anomalyjob status -o json` read, the same in both back ends.

Pure. It tells what `decide` found; it must not decide anything itself. `lastTransitionTime` moves only when a
condition's status flips, never for a new reason or message.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from anomalyjob_operator.document import Document, Time
from anomalyjob_operator.ledger import Cause, Floor, LastCheckpoint

Phase = Literal["Pending", "Deploying", "Running", "Degraded", "Recovering", "Failed"]
ConditionType = Literal["Ready", "Reconciling", "Stalled", "CheckpointingHealthy", "StateSafe"]
ConditionStatus = Literal["True", "False", "Unknown"]
EventReason = Literal[
    "CheckpointError",
    "JobFinished",
    "JobStatusChanged",
    "ProgressDeadlineExceeded",
    "RecoverDeployment",
    "Recovered",
    "RestartBudgetExhausted",
    "RestartUnhealthyJob",
    "RestoreFailed",
    "StartRefused",
    "Submit",
    "VolumeNearlyFull",
]
"""The closed list. Where the meaning is equal the names are those of Apache's Flink Kubernetes Operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened once and that a user may want to know."""

    type: Literal["Normal", "Warning"]
    reason: EventReason
    message: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A condition as decided now, without its history."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str


class Condition(Document):
    """A condition in the shape that Kubernetes uses for its own objects."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str
    observed_generation: int
    last_transition_time: Time


class JobStatus(Document):
    """The Flink job: `id` is 32 hex digits, `state` Flink's own word; None where REST was not seen."""

    id: str
    incarnation: int
    state: str | None
    tasks_running: int | None
    tasks_total: int | None
    started_at: Time | None


class ClusterStatus(Document):
    """The processes: ready means alive and, where REST was seen, registered."""

    task_managers_ready: int
    task_managers_desired: int
    slots_total: int | None
    slots_free: int | None
    flink_version: str | None


class CheckpointsStatus(Document):
    """Counters summed over all starts; `failed_before_running` is not contained in `failed`."""

    completed: int
    failed: int
    failed_before_running: int
    restored: int


class RecoveryStatus(Document):
    """The open recovery, or else the last one; figures count from its detection."""

    cause: Cause
    from_checkpoint: int | None
    detected_at: Time
    running_at: Time | None
    safe_at: Time | None
    seconds_to_running: float | None
    seconds_to_safe: float | None


class LedgerStatus(Document):
    """What the ledger says about starts to come."""

    floor: Floor | None
    restart_counter: int
    next_restart_at: Time | None


class Status(Document):
    """The whole document."""

    phase: Phase
    observed_generation: int
    message: str
    conditions: tuple[Condition, ...]
    job: JobStatus
    cluster: ClusterStatus
    last_checkpoint: LastCheckpoint | None
    checkpoints: CheckpointsStatus
    last_recovery: RecoveryStatus | None
    recoveries: int
    restarts: int
    ledger: LedgerStatus


def merged_conditions(
    verdicts: tuple[Verdict, ...], previous: tuple[Condition, ...], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return the verdicts as conditions; a status that did not flip keeps the time of its last flip."""
    known = {condition.type: condition for condition in previous}
    return tuple(_merged(verdict, known.get(verdict.type), generation, now) for verdict in verdicts)


def _merged(verdict: Verdict, previous: Condition | None, generation: int, now: datetime) -> Condition:
    kept = previous is not None and previous.status == verdict.status
    return Condition(
        type=verdict.type,
        status=verdict.status,
        reason=verdict.reason,
        message=verdict.message,
        observed_generation=generation,
        last_transition_time=previous.last_transition_time if previous is not None and kept else now,
    )
