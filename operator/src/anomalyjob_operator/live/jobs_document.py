"""The document `jobs`: every AnomalyJob of this process in one line. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from anomalyjob_operator.live.known import Moments, is_ready
from anomalyjob_operator.pass_report import PassReport

Json = dict[str, Any]


def jobs_document(jobs: Iterable[tuple[PassReport, Moments]], now: datetime) -> Json:
    """Return the document, sorted by namespace and name."""
    entries = [_entry(report, moments) for report, moments in jobs]
    entries.sort(key=lambda entry: (entry["namespace"], entry["name"]))
    return {"serverTime": now, "jobs": entries}


def _entry(report: PassReport, moments: Moments) -> Json:
    status, metadata = report.status, report.job.metadata
    checkpoint = status.last_checkpoint
    return {
        "namespace": metadata.namespace,
        "name": metadata.name,
        "phase": status.phase,
        "phaseSince": moments.phase_since,
        "ready": is_ready(status),
        "message": status.message,
        "observedAt": report.at,
        "jobState": status.job.state,
        "tasksRunning": status.job.tasks_running,
        "tasksTotal": status.job.tasks_total,
        "taskManagersReady": status.cluster.task_managers_ready,
        "taskManagersDesired": status.cluster.task_managers_desired,
        "lastCheckpointAt": None if checkpoint is None else checkpoint.completed_at,
        "recoveries": status.recoveries,
    }
