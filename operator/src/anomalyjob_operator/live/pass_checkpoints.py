"""What a pass saw of checkpoints, as entries of their history: it may have seen what no poll did. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from anomalyjob_operator.live.checkpoint_answers import Entry
from anomalyjob_operator.observed import CompletedCheckpoint, FlinkObservation


def entries_of_pass(flink: FlinkObservation, job_id: str) -> Iterator[Entry]:
    """Yield the newest checkpoint, savepoint and restore that it tells of, if it is about this job."""
    if flink.job_id != job_id or flink.job_started_at is None:
        return
    start, statistics = flink.job_started_at, flink.checkpoints
    for completed in (statistics.latest_completed, statistics.latest_savepoint):
        if completed is not None:
            yield _completed(completed, start)
    if statistics.latest_restored_id is not None and statistics.latest_restored_at is not None:
        yield Entry(
            kind="restore",
            checkpoint_id=statistics.latest_restored_id,
            state="RESTORED",
            start=start,
            triggered_at=statistics.latest_restored_at,
            ended_at=statistics.latest_restored_at,
        )


def _completed(completed: CompletedCheckpoint, start: datetime) -> Entry:
    """Return the entry; its size is the full one, and the part that was newly written is not told."""
    return Entry(
        kind="savepoint" if completed.is_savepoint else "checkpoint",
        checkpoint_id=completed.checkpoint_id,
        state="COMPLETED",
        start=start,
        triggered_at=completed.completed_at - timedelta(milliseconds=completed.duration_milliseconds),
        ended_at=completed.completed_at,
        duration_milliseconds=completed.duration_milliseconds,
        full_size_bytes=completed.size_bytes,
        path=completed.path,
    )
