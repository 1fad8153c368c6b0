"""What the poller has seen of Flink: each part with the moment at which it was seen.

Pure records. What is None was not seen. Nothing here is newer than it says, and nothing is guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """The job as REST tells it; `state` is Flink's own word and holds since `state_since`."""

    job_id: str
    state: str
    state_since: datetime | None
    started_at: datetime
    tasks_running: int
    tasks_total: int
    all_running_since: datetime | None
    """The newest change of a task's state, if all tasks run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Where a vertex gets its records from; `strategy` is Flink's word, such as HASH or FORWARD."""

    vertex_id: str
    strategy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one subtask did per second of late; the ratios are parts of its time, 0 to 1."""

    records_in: float | None = None
    records_out: float | None = None
    bytes_in: float | None = None
    bytes_out: float | None = None
    busy: float | None = None
    backpressured: float | None = None
    idle: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskView:
    """One subtask of a vertex; counts are those of this attempt, None while Flink does not know them."""

    index: int
    state: str
    attempt: int
    since: datetime | None
    task_manager: str | None
    records_in: int | None
    records_out: int | None
    bytes_in: int | None
    bytes_out: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexView:
    """One vertex of the job graph. `name` is its short name; `slot_sharing_group` is Flink's id of it."""

    vertex_id: str
    name: str
    parallelism: int
    state: str
    slot_sharing_group: str
    inputs: tuple[Input, ...] = ()
    subtasks: tuple[SubtaskView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskManagerView:
    """A TaskManager that is registered."""

    slots_total: int
    memory_total_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JvmMetrics:
    """What a process's JVM tells of itself, seen `at` that moment; a JobManager has no managed memory."""

    at: datetime
    cpu_load: float | None = None
    heap_used_bytes: int | None = None
    heap_max_bytes: int | None = None
    non_heap_used_bytes: int | None = None
    managed_used_bytes: int | None = None
    managed_total_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskCheckpoint:
    """What one subtask wrote for a completed checkpoint."""

    checkpoint_id: int
    size_bytes: int
    duration_milliseconds: int


JOB_MANAGER: Final = ""
"""The JobManager among the processes whose metrics are told: Flink has no name for it."""

SubtaskKey = tuple[str, int]
"""A subtask: the id of its vertex, and its index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlinkView:
    """All of it. `answered_at` is the last time everything that is needed was answered, `answering` whether it is now.

    `job` and `task_managers` are of `answered_at`, `vertices` and `rates` of `details_at`; `metrics` carry their own
    times. The details are not looked at while nobody watches, and may come late.
    """

    answering: bool = False
    answered_at: datetime | None = None
    version: str | None = None
    slots_total: int | None = None
    slots_free: int | None = None
    job: JobView | None = None
    details_at: datetime | None = None
    vertices: tuple[VertexView, ...] = ()
    task_managers: Mapping[str, TaskManagerView] = field(default_factory=dict)
    metrics: Mapping[str, JvmMetrics] = field(default_factory=dict)
    rates: Mapping[SubtaskKey, Rates] = field(default_factory=dict)
    subtask_checkpoints: Mapping[SubtaskKey, SubtaskCheckpoint] = field(default_factory=dict)


NOTHING_SEEN: Final = FlinkView()
