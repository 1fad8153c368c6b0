"""Short words for what may be seen of a job, for tests of decisions: a healthy moment, and how it differs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from anomalyjob.volume_layout import job_id
from anomalyjob_operator.observed import (
    CheckpointStatistics,
    CompletedCheckpoint,
    FlinkObservation,
    JobFailure,
    Observed,
    StartObservation,
    WorkloadObservation,
)
from anomalyjob_operator.spec import AnomalyJob, parse

T0 = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
JOB_ID = job_id("default", "demo", 1)


def at(seconds: float) -> datetime:
    """The moment so many seconds after T0."""
    return T0 + timedelta(seconds=seconds)


def resource(**spec: Any) -> AnomalyJob:
    """A valid resource with these parts of the spec, names as in YAML."""
    return parse(
        {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}, "spec": spec}
    )


def jobmanager(**changes: Any) -> WorkloadObservation:
    """A living JobManager since T0."""
    alive = WorkloadObservation(name="demo-jobmanager", role="jobmanager", alive=True, alive_since=T0)
    return replace(alive, **changes)


def taskmanager(number: int, **changes: Any) -> WorkloadObservation:
    """A living TaskManager since T0."""
    name = f"demo-taskmanager-{number}"
    return replace(WorkloadObservation(name=name, role="taskmanager", alive=True, alive_since=T0), **changes)


def taskmanagers(**changes: Any) -> tuple[WorkloadObservation, ...]:
    """Three TaskManagers, the first with the changes."""
    return taskmanager(1, **changes), taskmanager(2), taskmanager(3)


def completed(number: int, seconds: float, **changes: Any) -> CompletedCheckpoint:
    """A checkpoint that completed so many seconds after T0."""
    checkpoint = CompletedCheckpoint(
        checkpoint_id=number,
        path=f"/volume/default.demo/checkpoints/1/{JOB_ID}/chk-{number}",
        completed_at=at(seconds),
        size_bytes=14_000,
        duration_milliseconds=60,
    )
    return replace(checkpoint, **changes)


def checkpoints(newest: CompletedCheckpoint | None = None, **changes: Any) -> CheckpointStatistics:
    """Statistics of a start that began with nothing."""
    count = 0 if newest is None else newest.checkpoint_id
    return replace(CheckpointStatistics(completed=count, latest_completed=newest), **changes)


def flink(statistics: CheckpointStatistics | None = None, **changes: Any) -> FlinkObservation:
    """Flink with all 12 tasks RUNNING since 12 s after T0, the job started 5 s after T0."""
    running = FlinkObservation(
        job_id=JOB_ID,
        job_state="RUNNING",
        job_started_at=at(5),
        tasks_running=12,
        tasks_total=12,
        taskmanagers=3,
        slots_total=9,
        slots_free=0,
        flink_version="2.3.0",
        checkpoints=statistics or checkpoints(),
        tasks_changed_at=at(12),
    )
    return replace(running, **changes)


def failed_job(statistics: CheckpointStatistics | None = None, **changes: Any) -> FlinkObservation:
    """The job of the first start after it FAILED."""
    failure = JobFailure(at=at(20), message="java.lang.Exception: broken")
    ended = {"job_state": "FAILED", "tasks_running": 0, "tasks_changed_at": at(20), "failures": (failure,)}
    return flink(statistics, **{**ended, **changes})


def start(number: int = 1, **changes: Any) -> StartObservation:
    """The record of a start that began with nothing."""
    record = StartObservation(
        start=number,
        incarnation=1,
        started_at=at(1),
        restart_counter=0,
        chosen_checkpoint_id=None,
        chosen_path=None,
        skipped=0,
        message="begins with empty state: there is no checkpoint",
    )
    return replace(record, **changes)


def seen(statistics: CheckpointStatistics | None = None, **changes: Any) -> Observed:
    """A healthy moment with these statistics, and what differs."""
    healthy = Observed(
        jobmanager=jobmanager(), taskmanagers=taskmanagers(), flink=flink(statistics), volume_free_ratio=0.5
    )
    return replace(healthy, **changes)
