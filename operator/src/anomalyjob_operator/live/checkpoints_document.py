"""The document `checkpoints`: Flink's counters, and this server's own record. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anomalyjob_operator.live.checkpoint_answers import CheckpointAnswer, Entry, Range, Settings
from anomalyjob_operator.live.checkpoint_record import CheckpointRecord

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointsSeen:
    """What Flink said last about checkpoints, and when that was."""

    answer: CheckpointAnswer
    at: datetime


def checkpoints_document(
    seen: CheckpointsSeen | None, settings: Settings | None, record: CheckpointRecord, now: datetime
) -> Json:
    """Return the document; counts and summary are null until Flink has told of any."""
    answer = None if seen is None else seen.answer
    return {
        "serverTime": now,
        "observedAt": None if seen is None else seen.at,
        "counts": None if answer is None else _counts(answer),
        "kept": {"completed": record.completed, "failed": record.failed, "restored": record.restored},
        "summary": None if answer is None else _summary(answer),
        "settings": None if settings is None else _settings(settings),
        "entries": [_entry(entry) for entry in record.entries],
    }


def _counts(answer: CheckpointAnswer) -> Json:
    counts = answer.counts
    return {
        "triggered": counts.triggered,
        "inProgress": counts.in_progress,
        "completed": counts.completed,
        "failed": counts.failed,
        "restored": counts.restored,
    }


def _summary(answer: CheckpointAnswer) -> Json:
    return {"sizeBytes": _range(answer.size_bytes), "durationMilliseconds": _range(answer.duration_milliseconds)}


def _range(range_: Range | None) -> Json:
    return {
        "minimum": range_ and range_.minimum,
        "average": range_ and range_.average,
        "maximum": range_ and range_.maximum,
    }


def _settings(settings: Settings) -> Json:
    return {
        "intervalMilliseconds": settings.interval_milliseconds,
        "timeoutMilliseconds": settings.timeout_milliseconds,
        "mode": settings.mode,
        "unaligned": settings.unaligned,
        "stateBackend": settings.state_backend,
    }


def _entry(entry: Entry) -> Json:
    return {
        "entry": entry.kind,
        "id": entry.checkpoint_id,
        "status": entry.state,
        "triggeredAt": entry.triggered_at,
        "endedAt": entry.ended_at,
        "durationMilliseconds": entry.duration_milliseconds,
        "sizeBytes": entry.size_bytes,
        "fullSizeBytes": entry.full_size_bytes,
        "failure": entry.failure,
        "jobManagerStart": entry.start,
    }
