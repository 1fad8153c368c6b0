"""The document `jobs`: every AnomalyJob of this process in one line. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from anomalyjob_operator.live.known import Known, is_ready

Json = dict[str, Any]


def jobs_document(jobs: Iterable[Known], now: datetime) -> Json:
    """Return the document, sorted by namespace and name."""
    entries = sorted((_entry(known) for known in jobs), key=lambda entry: (entry["namespace"], entry["name"]))
    return {"serverTime": now, "jobs": entries}


def _entry(known: Known) -> Json:
    status, metadata = known.report.status, known.report.job.metadata
    checkpoint = status.last_checkpoint
    return {
        "namespace": metadata.namespace,
        "name": metadata.name,
        "phase": status.phase,
        "phaseSince": known.moments.phase_since,
        "ready": is_ready(status),
        "message": status.message,
        "observedAt": known.report.at,
        "jobState": status.job.state,
        "tasksRunning": status.job.tasks_running,
        "tasksTotal": status.job.tasks_total,
        "taskManagersReady": status.cluster.task_managers_ready,
        "taskManagersDesired": status.cluster.task_managers_desired,
        "lastCheckpointAt": None if checkpoint is None else checkpoint.completed_at,
        "recoveries": status.recoveries,
    }
