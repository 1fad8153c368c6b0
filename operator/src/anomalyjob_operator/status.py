"""The status document: what a user and `anomalyjob status -o json` read, the same in both back ends.

Pure. It tells what `decide` found; it must not decide anything itself. `lastTransitionTime` moves only when a
condition's status flips, never for a new reason or message.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from anomalyjob_operator.document import Document, Time
from anomalyjob_operator.ledger import (
    QUIET_WRITE_SECONDS,
    Cause,
    Floor,
    LastCheckpoint,
    LastGood,
    OperationKind,
    OperationStep,
    Savepoint,
    StartRuleKind,
)

Phase = Literal[
    "Pending", "Deploying", "Running", "Degraded", "Recovering", "Upgrading", "Suspended", "Failed", "Deleting"
]
ConditionType = Literal["Ready", "Reconciling", "Stalled", "CheckpointingHealthy", "StateSafe"]
ConditionStatus = Literal["True", "False", "Unknown"]
EventReason = Literal[
    "AnomalyAlert",
    "CheckpointError",
    "CheckpointOverdue",
    "JobFailed",
    "JobFinished",
    "JobStatusChanged",
    "NeedsSavepoint",
    "NotificationError",
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
"""The closed list. Where the meaning is equal the names are those of Apache's Flink Kubernetes Operator."""


QUIET_WRITES: Final = timedelta(seconds=QUIET_WRITE_SECONDS)
"""How often a status is published that differs by nothing but a newer checkpoint, unless they come less often."""

NUMBER: Final = re.compile(r"[0-9]+")


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
    """The Flink job: `id` is 32 hex digits, `state` Flink's own word; missing where REST was not seen."""

    id: str = ""
    incarnation: int = 1
    state: str | None = None
    tasks_running: int | None = None
    tasks_total: int | None = None
    started_at: Time | None = None


class ClusterStatus(Document):
    """The processes: ready means alive and, where REST was seen, registered."""

    task_managers_ready: int = 0
    task_managers_desired: int = 0
    slots_total: int | None = None
    slots_free: int | None = None
    flink_version: str | None = None


class CheckpointsStatus(Document):
    """Counters summed over all starts; `failed_before_running` is not contained in `failed`."""

    completed: int = 0
    failed: int = 0
    failed_before_running: int = 0
    restored: int = 0


class RecoveryStatus(Document):
    """The open recovery, or else the last one; figures count from its detection."""

    cause: Cause
    from_checkpoint: int | None = None
    detected_at: Time
    running_at: Time | None = None
    safe_at: Time | None = None
    seconds_to_running: float | None = None
    seconds_to_safe: float | None = None


class LedgerStatus(Document):
    """What the ledger says about starts to come: enough to go on without it, should it get lost."""

    floor: Floor | None = None
    restart_counter: int = 0
    next_restart_at: Time | None = None
    rule: StartRuleKind = "latest"
    rule_path: str | None = None
    restore_nonce: int | None = None


class OperationStatus(Document):
    """The deliberate stop under way, and what it waits for."""

    id: str
    kind: OperationKind
    step: OperationStep
    started_at: Time


class TaskManagerStatus(Document):
    """For `kubectl scale`: how many TaskManagers there are, and the labels by which their pods are found."""

    replicas: int = 0
    selector: str = ""


class Status(Document):
    """The whole document. Every field may be missing: an API server drops what is null, and older ones had fewer."""

    phase: Phase = "Pending"
    observed_generation: int = 0
    message: str = ""
    conditions: tuple[Condition, ...] = ()
    job: JobStatus = JobStatus()
    cluster: ClusterStatus = ClusterStatus()
    last_checkpoint: LastCheckpoint | None = None
    checkpoints: CheckpointsStatus = CheckpointsStatus()
    last_recovery: RecoveryStatus | None = None
    recoveries: int = 0
    restarts: int = 0
    ledger: LedgerStatus = LedgerStatus()
    operation: OperationStatus | None = None
    last_good: LastGood | None = None
    savepoints: tuple[Savepoint, ...] = ()
    task_manager: TaskManagerStatus = TaskManagerStatus()


def status_write_due(previous: Status | None, new: Status, since: timedelta | None, pause: timedelta) -> bool:
    """Whether `new` must be published although `previous` was, `since` ago (None: not known).

    What moves with every checkpoint (the newest one, counters, the floor, numbers in sentences) waits until `pause` has
    passed since; everything else is published at once, and what did not change never.
    """
    if previous is None or since is None:
        return new != previous
    if _without_quiet(new) != _without_quiet(previous):
        return True
    return new != previous and since >= pause


def deleting(previous: Status | None, generation: int, now: datetime) -> Status:
    """Return the status of a resource that is being deleted; `previous` is what was published last."""
    known = Status() if previous is None else previous
    message = "The resource is being deleted: its processes end, its state is kept or removed by deletionPolicy"
    verdicts = (
        Verdict(type="Ready", status="False", reason="Deleting", message=message),
        Verdict(type="Reconciling", status="False", reason="Deleting", message=message),
    )
    kept = tuple(condition for condition in known.conditions if condition.type not in {"Ready", "Reconciling"})
    return known.evolve(
        phase="Deleting",
        observed_generation=generation,
        message=message,
        conditions=(*merged_conditions(verdicts, known.conditions, generation, now), *kept),
    )


def ledger_damaged(previous: Status | None, message: str, generation: int, now: datetime) -> Status:
    """Return the status of a job whose ledger cannot be read: nothing is done for it until that is put right."""
    known = Status() if previous is None else previous
    verdicts = (
        Verdict(type="Ready", status="Unknown", reason="LedgerDamaged", message=message),
        Verdict(type="Stalled", status="True", reason="LedgerDamaged", message=message),
        Verdict(type="StateSafe", status="Unknown", reason="LedgerDamaged", message=message),
    )
    kept = tuple(one for one in known.conditions if one.type not in {verdict.type for verdict in verdicts})
    return known.evolve(
        observed_generation=generation,
        message=message,
        conditions=(*merged_conditions(verdicts, known.conditions, generation, now), *kept),
    )


def _without_quiet(status: Status) -> Status:
    quiet = {
        "last_checkpoint": None,
        "checkpoints": CheckpointsStatus(),
        "ledger": status.ledger.model_copy(update={"floor": None}),
        "message": _without_numbers(status.message),
        "conditions": tuple(
            condition.model_copy(update={"message": _without_numbers(condition.message)})
            for condition in status.conditions
        ),
    }
    return status.model_copy(update=quiet)


def _without_numbers(sentence: str) -> str:
    return NUMBER.sub("#", sentence)


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
