"""From Flink's answers about checkpoints to entries of their history, in the words of Flink's own page.

Pure. "Checkpointed Data Size" is `checkpointed_size`, "Full Checkpoint Data Size" is `state_size`, "End to End
Duration" is `end_to_end_duration`. Raises KeyError, TypeError, ValueError or IndexError for what makes no sense.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from anomalyjob_operator.live.flink_times import time_of
from anomalyjob_operator.live.flink_view import SubtaskCheckpoint, SubtaskKey

Json = Mapping[str, Any]
Kind = Literal["checkpoint", "savepoint", "restore"]
State = Literal["COMPLETED", "FAILED", "IN_PROGRESS", "RESTORED"]

MAXIMUM_FAILURE_CHARACTERS: Final = 500
_STATES: Final[Mapping[str, State]] = {"COMPLETED": "COMPLETED", "FAILED": "FAILED", "IN_PROGRESS": "IN_PROGRESS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A checkpoint, a savepoint or a restore. `start` is the start of the job, and thereby names the JobManager.

    For a restore `triggered_at` is when it happened, and `checkpoint_id` what was restored.
    """

    kind: Kind
    checkpoint_id: int
    state: State
    start: datetime
    triggered_at: datetime
    ended_at: datetime | None = None
    duration_milliseconds: int | None = None
    size_bytes: int | None = None
    full_size_bytes: int | None = None
    failure: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Flink's own counters: of this JobManager, those of restores included."""

    triggered: int
    in_progress: int
    completed: int
    failed: int
    restored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Least, mean and greatest of all completed checkpoints of this JobManager, as Flink computes them."""

    minimum: int
    average: int
    maximum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How checkpoints are taken; `mode` and `state_backend` are Flink's words."""

    interval_milliseconds: int | None
    timeout_milliseconds: int
    mode: str
    unaligned: bool
    state_backend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointAnswer:
    """One answer of /jobs/<id>/checkpoints. `entries` in no order, a restore among them; ranges None without any."""

    start: datetime
    counts: Counts
    size_bytes: Range | None
    duration_milliseconds: Range | None
    entries: tuple[Entry, ...]

    @property
    def newest_completed(self) -> Entry | None:
        """The newest that completed, savepoints too."""
        completed = [entry for entry in self.entries if entry.state == "COMPLETED"]
        return max(completed, key=lambda entry: entry.checkpoint_id, default=None)


def checkpoint_answer(answer: Json, start: datetime) -> CheckpointAnswer:
    """Translate /jobs/<id>/checkpoints of the job that began at `start`."""
    counts, summary = answer["counts"], answer["summary"]
    some = counts["completed"] > 0
    restored = _restore(answer["latest"]["restored"], start)
    return CheckpointAnswer(
        start=start,
        counts=_counts(counts),
        size_bytes=_range(summary["checkpointed_size"]) if some else None,
        duration_milliseconds=_range(summary["end_to_end_duration"]) if some else None,
        entries=tuple(_entries(answer, start)) + ((restored,) if restored else ()),
    )


def _counts(counts: Json) -> Counts:
    return Counts(
        triggered=int(counts["total"]),
        in_progress=int(counts["in_progress"]),
        completed=int(counts["completed"]),
        failed=int(counts["failed"]),
        restored=int(counts["restored"]),
    )


def _range(summary: Json) -> Range:
    return Range(minimum=int(summary["min"]), average=int(summary["avg"]), maximum=int(summary["max"]))


def _entries(answer: Json, start: datetime) -> Iterator[Entry]:
    """Yield each checkpoint once: those that are the latest of their kind may have left the history."""
    latest = (answer["latest"][kind] for kind in ("completed", "savepoint", "failed"))
    told = {int(one["id"]): one for one in (*(one for one in latest if one), *answer["history"])}
    for one in told.values():
        yield _entry(one, start)


def _entry(one: Json, start: datetime) -> Entry:
    state = _STATES[one["status"]]
    done = state == "COMPLETED"
    ended = {"COMPLETED": "latest_ack_timestamp", "FAILED": "failure_timestamp"}.get(state)
    return Entry(
        kind="savepoint" if one["is_savepoint"] else "checkpoint",
        checkpoint_id=int(one["id"]),
        state=state,
        start=start,
        triggered_at=time_of(one["trigger_timestamp"]),
        ended_at=None if ended is None else time_of(one[ended]),
        duration_milliseconds=int(one["end_to_end_duration"]) if ended else None,
        size_bytes=int(one["checkpointed_size"]) if done else None,
        full_size_bytes=int(one["state_size"]) if done else None,
        failure=_failure(one) if state == "FAILED" else None,
        path=str(one["external_path"]) if done and one.get("external_path") else None,
    )


def _failure(one: Json) -> str:
    text = " ".join(str(one.get("failure_message") or "no reason given").split())
    short = MAXIMUM_FAILURE_CHARACTERS
    return text if len(text) <= short else text[: short - 1] + "…"


def _restore(restored: Json | None, start: datetime) -> Entry | None:
    if restored is None:
        return None
    at, path = time_of(restored["restore_timestamp"]), restored.get("external_path")
    return Entry(
        kind="restore",
        checkpoint_id=int(restored["id"]),
        state="RESTORED",
        start=start,
        triggered_at=at,
        ended_at=at,
        path=str(path) if path else None,
    )


def is_savepoint_path(path: str | None) -> bool:
    """Tell a savepoint by its folder. Trap: Flink calls every restore of a fresh JobManager one of a savepoint."""
    return path is not None and PurePosixPath(path).name.startswith("savepoint-")


def settings(answer: Json) -> Settings | None:
    """Translate /jobs/<id>/checkpoints/config, None while the job is still being initialized."""
    if answer["state_backend"] == "Unknown":
        return None
    # Trap: Flink writes the greatest number there is for "never".
    interval = int(answer["interval"])
    return Settings(
        interval_milliseconds=interval if interval < 2**62 else None,
        timeout_milliseconds=int(answer["timeout"]),
        mode=str(answer["mode"]),
        unaligned=bool(answer["unaligned_checkpoints"]),
        state_backend=str(answer["state_backend"]),
    )


def subtask_checkpoints(vertex_id: str, answer: Json) -> dict[SubtaskKey, SubtaskCheckpoint]:
    """Translate /jobs/<id>/checkpoints/details/<n>/subtasks/<vertex>: what each subtask wrote, and how long it took."""
    return {
        (vertex_id, int(one["index"])): SubtaskCheckpoint(
            checkpoint_id=int(answer["id"]),
            size_bytes=int(one["checkpointed_size"]),
            duration_milliseconds=int(one["end_to_end_duration"]),
        )
        for one in answer["subtasks"]
        if one["status"] == "completed"
    }
