"""What was seen of one job at one moment: the input of every decision, the same for both back ends.

Pure records. Whatever is None was not seen; nothing here is guessed or remembered from an earlier moment
(what must be remembered stands in the ledger).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["jobmanager", "taskmanager"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a launcher would not start Flink; read from the termination log. `reason` is CamelCase, closed list."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadObservation:
    """One process (local) or pod (Kubernetes). `content_hash` is that of the workload it was started from."""

    name: str
    role: Role
    alive: bool
    content_hash: str | None = None
    alive_since: datetime | None = None
    died_at: datetime | None = None
    restarts: int = 0
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedCheckpoint:
    """A completed checkpoint as Flink's REST tells it; `path` is a file URI or absolute path without scheme."""

    checkpoint_id: int
    path: str
    completed_at: datetime
    size_bytes: int
    duration_milliseconds: int
    is_savepoint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointStatistics:
    """Counters of the running JobManager only: Flink loses them with the process.

    `failed_before_running` counts those triggered before all tasks first ran; `recent_durations_milliseconds` holds at
    most the last five completed, newest last.
    """

    completed: int = 0
    failed: int = 0
    failed_before_running: int = 0
    in_progress: int = 0
    restored: int = 0
    latest_completed: CompletedCheckpoint | None = None
    latest_restored_id: int | None = None
    latest_restored_at: datetime | None = None
    latest_failure: str | None = None
    latest_failed_at: datetime | None = None
    recent_durations_milliseconds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlinkObservation:
    """One consistent answer of the JobManager's REST endpoint."""

    job_id: str | None
    job_state: str | None
    job_started_at: datetime | None
    tasks_running: int
    tasks_total: int
    taskmanagers: int
    slots_total: int
    slots_free: int
    flink_version: str
    checkpoints: CheckpointStatistics
    job_restarts: int = 0
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartObservation:
    """The newest start record that the launcher wrote on the volume (local: read from it; Kubernetes: from the log)."""

    start: int
    incarnation: int
    started_at: datetime
    restart_counter: int
    chosen_checkpoint_id: int | None
    chosen_path: str | None
    skipped: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Everything seen in one pass. `flink` is None when REST did not answer in time (not evidence of a dead job)."""

    jobmanager: WorkloadObservation | None
    taskmanagers: tuple[WorkloadObservation, ...] = ()
    flink: FlinkObservation | None = None
    start: StartObservation | None = None
    volume_free_ratio: float | None = None
