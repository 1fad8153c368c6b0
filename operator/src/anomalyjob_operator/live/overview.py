"""The document `overview`: status, cluster, tasks and pipeline of one job at one moment.

Pure. It puts together what is known, with the time at which each part was seen; what is not known is null, never 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any, Literal

from anomalyjob_operator.ledger import LastCheckpoint
from anomalyjob_operator.live.flink_view import NOTHING_SEEN, FlinkView
from anomalyjob_operator.live.pipeline import pipeline, slots
from anomalyjob_operator.live.workload_states import WorkloadState, workload_states
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.status import Condition, Phase, RecoveryStatus, Status

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The newest completed checkpoint or savepoint, in more detail than the status has it."""

    checkpoint_id: int
    kind: Literal["checkpoint", "savepoint"]
    triggered_at: datetime | None
    completed_at: datetime
    size_bytes: int
    duration_milliseconds: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What the tasks were restored from last, and when."""

    checkpoint_id: int
    restored_at: datetime
    path: str | None
    savepoint: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that the overview is made of."""

    report: PassReport
    phase_since: datetime | None = None
    flink: FlinkView = NOTHING_SEEN
    last_checkpoint: Checkpoint | None = None
    restored: Restored | None = None
    users: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """The users of each subtask, as the records of `process` tell."""
    all_running_since: datetime | None = None


def overview_document(known: Known, now: datetime) -> Json:
    """Return the document."""
    report, metadata = known.report, known.report.job.metadata
    return {
        "serverTime": now,
        "namespace": metadata.namespace,
        "name": metadata.name,
        "status": _status(known),
        "flink": _flink(known.flink),
        "job": _job(known),
        "taskManagers": _task_managers(report.status),
        "workloads": list(_workloads(known)),
        "lastCheckpoint": _last_checkpoint(known),
        "restored": _restored(known.restored),
        "pipeline": pipeline(known.flink, known.users),
    }


def is_ready(status: Status) -> bool | None:
    """Return what the condition Ready says, None while it says neither yes nor no."""
    condition = next((condition for condition in status.conditions if condition.type == "Ready"), None)
    return {"True": True, "False": False}.get(condition.status) if condition is not None else None


def first_phase_since(status: Status) -> datetime | None:
    """Return since when the phase holds, where the status itself tells it: whoever looks has only begun to."""
    flips = {condition.type: condition.last_transition_time for condition in status.conditions}
    recovery, operation = status.last_recovery, status.operation
    told: dict[Phase, datetime | None] = {
        "Running": flips.get("Ready") if is_ready(status) else None,
        "Recovering": None if recovery is None else recovery.detected_at,
        "Upgrading": None if operation is None else operation.started_at,
    }
    return told.get(status.phase)


def _status(known: Known) -> Json:
    status, operation = known.report.status, known.report.status.operation
    return {
        "observedAt": known.report.at,
        "phase": status.phase,
        "phaseSince": known.phase_since,
        "ready": is_ready(status),
        "message": status.message,
        "recoveries": status.recoveries,
        "restarts": status.restarts,
        "incarnation": status.job.incarnation,
        "conditions": [_condition(condition) for condition in status.conditions],
        "recovery": _recovery(status.last_recovery),
        "operation": None
        if operation is None
        else {"kind": operation.kind, "step": operation.step, "startedAt": operation.started_at},
        "volumeFreeRatio": known.report.observed.volume_free_ratio,
    }


def _condition(condition: Condition) -> Json:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": condition.last_transition_time,
    }


def _recovery(recovery: RecoveryStatus | None) -> Json | None:
    if recovery is None:
        return None
    return {
        "cause": recovery.cause,
        "fromCheckpoint": recovery.from_checkpoint,
        "detectedAt": recovery.detected_at,
        "runningAt": recovery.running_at,
        "safeAt": recovery.safe_at,
        "secondsToRunning": recovery.seconds_to_running,
        "secondsToSafe": recovery.seconds_to_safe,
    }


def _flink(flink: FlinkView) -> Json:
    return {"answering": flink.answering, "observedAt": flink.answered_at, "version": flink.version}


def _job(known: Known) -> Json:
    """Tell of the job: what the poller saw, while it sees; else what the last pass says."""
    told, seen = known.report.status.job, known.flink.job if known.flink.answering else None
    if seen is None:
        return {
            "id": told.id or None,
            "state": told.state,
            "stateSince": None,
            "startedAt": told.started_at,
            "tasksRunning": told.tasks_running,
            "tasksTotal": told.tasks_total,
        }
    return {
        "id": seen.job_id,
        "state": seen.state,
        "stateSince": seen.state_since,
        "startedAt": seen.started_at,
        "tasksRunning": seen.tasks_running,
        "tasksTotal": seen.tasks_total,
    }


def _task_managers(status: Status) -> Json:
    cluster = status.cluster
    return {
        "ready": cluster.task_managers_ready,
        "desired": cluster.task_managers_desired,
        "slotsTotal": cluster.slots_total,
        "slotsFree": cluster.slots_free,
    }


def _workloads(known: Known) -> Iterator[Json]:
    for state in workload_states(known.report, _registered(known), known.all_running_since):
        yield _workload(state, known)


def _registered(known: Known) -> frozenset[str] | None:
    """Return the TaskManagers that Flink knows, None when it has not been asked or does not answer."""
    if known.flink.answering:
        return frozenset(known.flink.task_managers)
    flink, alive = known.report.observed.flink, known.report.observed.taskmanagers
    if flink is None or flink.taskmanagers < sum(one.alive for one in alive):
        return None if flink is None else frozenset()
    return frozenset(one.name for one in alive)


def _workload(state: WorkloadState, known: Known) -> Json:
    seen, name = state.seen, state.seen.name
    view, metrics = known.flink.task_managers.get(name), known.flink.metrics.get(name)
    taskmanager = seen.role == "taskmanager"
    registered = _registered(known)
    return {
        "name": name,
        "shortName": name.removeprefix(f"{known.report.job.metadata.name}-"),
        "role": seen.role,
        "state": state.state,
        "reason": state.reason,
        "since": state.since,
        "diedAt": seen.died_at,
        "restarts": seen.restarts,
        "registered": name in registered if taskmanager and registered is not None else None,
        "metricsAt": metrics and metrics.at,
        "cpuLoad": metrics and metrics.cpu_load,
        "heapUsedBytes": metrics and metrics.heap_used_bytes,
        "heapMaxBytes": metrics and metrics.heap_max_bytes,
        "nonHeapUsedBytes": metrics and metrics.non_heap_used_bytes,
        "memoryTotalBytes": view and view.memory_total_bytes,
        "managedUsedBytes": metrics and metrics.managed_used_bytes,
        "managedTotalBytes": metrics and metrics.managed_total_bytes,
        "slots": slots(known.flink, known.users, name) if taskmanager and seen.alive else [],
        "slotsTotal": view and view.slots_total,
    }


def _last_checkpoint(known: Known) -> Json | None:
    newest = _newest(known.last_checkpoint, known.report.status.last_checkpoint)
    if newest is None:
        return None
    return {
        "id": newest.checkpoint_id,
        "kind": newest.kind,
        "triggeredAt": newest.triggered_at,
        "completedAt": newest.completed_at,
        "sizeBytes": newest.size_bytes,
        "durationMilliseconds": newest.duration_milliseconds,
        "path": newest.path,
    }


def _newest(seen: Checkpoint | None, told: LastCheckpoint | None) -> Checkpoint | None:
    """Return the poller's, unless the status tells a newer one."""
    if told is None or (seen is not None and seen.completed_at >= told.completed_at):
        return seen
    return Checkpoint(
        checkpoint_id=told.id,
        kind="savepoint" if PurePath(told.path).name.startswith("savepoint-") else "checkpoint",
        triggered_at=None,
        completed_at=told.completed_at,
        size_bytes=told.size_bytes,
        duration_milliseconds=told.duration_milliseconds,
        path=told.path,
    )


def _restored(restored: Restored | None) -> Json | None:
    if restored is None:
        return None
    return {
        "checkpointId": restored.checkpoint_id,
        "restoredAt": restored.restored_at,
        "path": restored.path,
        "savepoint": restored.savepoint,
    }
