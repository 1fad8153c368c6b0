"""The document `overview`: status, cluster, tasks and pipeline of one job at one moment.

Pure. It puts together what is known, with the time at which each part was seen; what is not known is null, never 0.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from anomalyjob_operator.ledger import LastCheckpoint
from anomalyjob_operator.live.checkpoint_answers import Entry, is_savepoint_path
from anomalyjob_operator.live.flink_view import JOB_MANAGER, FlinkView
from anomalyjob_operator.live.known import Known, is_ready
from anomalyjob_operator.live.pipeline import pipeline, slots
from anomalyjob_operator.live.workload_states import WorkloadState, workload_states
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.status import Condition, RecoveryStatus, Status

Json = dict[str, Any]


def overview_document(known: Known, now: datetime) -> Json:
    """Return the document."""
    report, metadata = known.report, known.report.job.metadata
    return {
        "serverTime": now,
        "namespace": metadata.namespace,
        "name": metadata.name,
        "status": _status(known),
        "flink": _flink(known),
        "job": _job(known),
        "taskManagers": _task_managers(report.status, known.flink),
        "workloads": list(_workloads(known)),
        "lastCheckpoint": _last_checkpoint(known),
        "restored": _restored(known.restored),
        "pipeline": pipeline(known.flink, known.users),
    }


def _status(known: Known) -> Json:
    status, operation = known.report.status, known.report.status.operation
    return {
        "observedAt": known.report.at,
        "phase": status.phase,
        "phaseSince": known.moments.phase_since,
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


def _flink(known: Known) -> Json:
    flink = known.flink
    return {
        # Where there is nobody to ask, nobody is silent.
        "answering": None if _is_stopped(known.report) else flink.answering,
        "observedAt": flink.answered_at,
        "version": flink.version,
    }


def _is_stopped(report: PassReport) -> bool:
    return report.rest_url is None and report.status.phase == "Suspended"


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


def _task_managers(status: Status, flink: FlinkView) -> Json:
    cluster = status.cluster
    return {
        "ready": cluster.task_managers_ready,
        "desired": cluster.task_managers_desired,
        "slotsTotal": flink.slots_total if flink.answering else cluster.slots_total,
        "slotsFree": flink.slots_free if flink.answering else cluster.slots_free,
    }


def _workloads(known: Known) -> Iterator[Json]:
    for state in workload_states(known.report, _registered(known), known.moments.all_running_since):
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
    taskmanager = seen.role == "taskmanager"
    view = known.flink.task_managers.get(name)
    metrics = known.flink.metrics.get(name if taskmanager else JOB_MANAGER)
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
        "memoryTotalBytes": (view and view.memory_total_bytes) if taskmanager else _job_manager_memory(known),
        "managedUsedBytes": metrics and metrics.managed_used_bytes,
        "managedTotalBytes": metrics and metrics.managed_total_bytes,
        "slots": slots(known.flink, known.users, name) if taskmanager and seen.alive else [],
        "slotsTotal": view and view.slots_total,
    }


def _job_manager_memory(known: Known) -> int:
    """Return what its process was given; Flink tells it of TaskManagers only."""
    return known.report.job.spec.job_manager.resources.limits.memory.size_bytes


def _last_checkpoint(known: Known) -> Json | None:
    newest = _newest(known.last_checkpoint, known.report.status.last_checkpoint)
    if newest is None:
        return None
    return {
        "id": newest.checkpoint_id,
        "kind": newest.kind,
        "triggeredAt": newest.triggered_at,
        "completedAt": newest.ended_at,
        "sizeBytes": newest.full_size_bytes,
        "durationMilliseconds": newest.duration_milliseconds,
        "path": newest.path,
    }


def _newest(seen: Entry | None, told: LastCheckpoint | None) -> Entry | None:
    """Return the newest of the record, unless the status tells a newer one."""
    if told is None or (seen is not None and seen.ended_at is not None and seen.ended_at >= told.completed_at):
        return seen
    return Entry(
        kind="savepoint" if is_savepoint_path(told.path) else "checkpoint",
        checkpoint_id=told.id,
        state="COMPLETED",
        start=told.completed_at,
        triggered_at=told.completed_at - timedelta(milliseconds=told.duration_milliseconds),
        ended_at=told.completed_at,
        duration_milliseconds=told.duration_milliseconds,
        full_size_bytes=told.size_bytes,
        path=told.path,
    )


def _restored(restored: Entry | None) -> Json | None:
    if restored is None:
        return None
    return {
        "checkpointId": restored.checkpoint_id,
        "restoredAt": restored.triggered_at,
        "path": restored.path,
        "savepoint": is_savepoint_path(restored.path),
    }
