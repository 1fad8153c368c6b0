"""What Flink's REST endpoint says of the tasks and checkpoints of one job: few plain facts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """How many tasks there are and how many of them are RUNNING; since when each vertex's run (ms since 1970)."""

    total: int = 0
    running: int = 0
    started: Mapping[str, int]

    @property
    def all_running(self) -> bool:
        """Whether there are tasks and all of them run."""
        return 0 < self.total == self.running

    def all_anew(self, before: "Tasks") -> bool:
        """Whether all run, and every vertex has been started since `before` was seen."""
        return self.all_running and all(
            vertex in self.started and self.started[vertex] > at for vertex, at in before.started.items()
        )


NONE = Tasks(started={})
"""What is known of the tasks when nothing answers."""


def tasks_of(job: Mapping[str, Any] | None) -> Tasks:
    """Return the tasks of an answer of /jobs/<id>."""
    vertices = job.get("vertices", ()) if job else ()
    return Tasks(
        total=sum(int(vertex["parallelism"]) for vertex in vertices),
        running=sum(int(vertex["tasks"].get("RUNNING", 0)) for vertex in vertices),
        started={str(vertex["id"]): int(vertex["start-time"]) for vertex in vertices},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """The newest completed one and the last restore, times in ms since 1970; None where there was none."""

    completed: int | None = None
    triggered_at: int | None = None
    completed_at: int | None = None
    restored: int | None = None
    restored_at: int | None = None
    failed: int = 0


def checkpoints_of(statistics: Mapping[str, Any] | None) -> Checkpoints:
    """Return the facts of an answer of /jobs/<id>/checkpoints."""
    if not statistics:
        return Checkpoints()
    latest = statistics["latest"]
    completed, restored = latest["completed"] or {}, latest["restored"] or {}
    return Checkpoints(
        completed=completed.get("id"),
        triggered_at=completed.get("trigger_timestamp"),
        completed_at=completed.get("latest_ack_timestamp"),
        restored=restored.get("id"),
        restored_at=restored.get("restore_timestamp"),
        failed=int(statistics["counts"]["failed"]),
    )
