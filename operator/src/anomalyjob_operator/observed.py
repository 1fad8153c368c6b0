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
    """Why something does not start: a launcher's word from its termination log, or what a pod waits for.

    `reason` is CamelCase; a launcher's come from a closed list.
    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadObservation:
    """One process (local) or pod (Kubernetes). `content_hash` is that of the workload it was started from.

    `alive_since` is the start of the living process, `died_at` the newest death that was seen, also when another
    process lives by now. `refusal` is why the launcher would not start Flink; it holds until a later start got past it.
    `waiting` is why a pod does not come to run, such as ImagePullBackOff, when that is not a matter of seconds.
    """

    name: str
    role: Role
    alive: bool
    content_hash: str | None = None
    alive_since: datetime | None = None
    died_at: datetime | None = None
    restarts: int = 0
    refusal: Refusal | None = None
    waiting: Refusal | None = None


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

    `failed` holds all failures; `failed_before_running` is the part of them that were triggered while not all tasks
    ran, as far as REST's short history tells. `recent_durations_milliseconds` holds at most the last five completed,
    newest last. Flink hands out these statistics up to `web.refresh-interval` (3 s by default) late.
    """

    completed: int = 0
    failed: int = 0
    failed_before_running: int = 0
    in_progress: int = 0
    restored: int = 0
    latest_completed: CompletedCheckpoint | None = None
    latest_savepoint: CompletedCheckpoint | None = None
    latest_restored_id: int | None = None
    latest_restored_at: datetime | None = None
    latest_failure: str | None = None
    latest_failed_at: datetime | None = None
    recent_durations_milliseconds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """One failure of the job that Flink itself answered by a restart, or that ended the job."""

    at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestObservation:
    """What became of a checkpoint or savepoint that was asked for; one that Flink knows nothing of is not listed.

    `checkpoint_id` goes with a completed checkpoint, `path` with a completed savepoint, `failure` with what failed.
    """

    trigger_id: str
    state: Literal["InProgress", "Completed", "Failed"]
    checkpoint_id: int | None = None
    path: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartObservation:
    """A start record of the launcher: the newest on the volume, or the one that the running job carries."""

    start: int
    incarnation: int
    started_at: datetime
    restart_counter: int
    chosen_checkpoint_id: int | None
    chosen_path: str | None
    skipped: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlinkObservation:
    """One answer of the JobManager's REST endpoint about the one job that was asked for.

    `job_state` is None while that job is not known there. `tasks_changed_at` is the newest change of a task's state:
    when all tasks run, the moment since which they all do. `failures` are the newest of this JobManager, newest first.
    `start` tells how this run of the job began. `volume_free_ratio` is the free part of the volume, 0 to 1, as the
    tasks see it; up to some 20 s old, and asked for only where the back end cannot see the volume.
    """

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
    tasks_changed_at: datetime | None = None
    failures: tuple[JobFailure, ...] = ()
    requests: tuple[RequestObservation, ...] = ()
    start: StartObservation | None = None
    volume_free_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Everything seen in one pass. `flink` is None when REST did not answer in time (not evidence of a dead job).

    `first_look`: whoever looks has just begun to, so that nobody may have looked for long.
    `start` is the newest that could be seen: on the volume, or else by Flink; so it is with `volume_free_ratio`.
    `refused_object` is what the cluster does not accept of what was applied last.
    """

    jobmanager: WorkloadObservation | None
    taskmanagers: tuple[WorkloadObservation, ...] = ()
    flink: FlinkObservation | None = None
    start: StartObservation | None = None
    volume_free_ratio: float | None = None
    refused_object: Refusal | None = None
    first_look: bool = False
