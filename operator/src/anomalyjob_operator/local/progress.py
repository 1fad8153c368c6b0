"""What a person who watches a job is told, from one status document to the next.

Pure. Each fact is told once, when it becomes true, and each sentence once, whether phase, conditions and events share
it or not; checkpoints only now and then, since there is one every few seconds.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from anomalyjob_operator.ledger import LastCheckpoint
from anomalyjob_operator.status import Condition, Event, Status

CHECKPOINT_PAUSE: Final = timedelta(minutes=1)
_TOLD_CONDITIONS: Final = ("Stalled", "CheckpointingHealthy", "StateSafe")
_GOOD: Final = {"Stalled": "False", "CheckpointingHealthy": "True", "StateSafe": "True"}


def size_text(size_bytes: int) -> str:
    """Return a size for people: 812 B, 13.4 KB, 2.1 MB."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("KB", "MB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"


def age_text(age: timedelta) -> str:
    """Return an age for people: 8 s, 3 min, 5 h, 2 d; never negative, since clocks differ."""
    seconds = max(int(age.total_seconds()), 0)
    for limit, size, unit in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86_400} d"


def checkpoint_text(checkpoint: LastCheckpoint) -> str:
    """Return a completed checkpoint for people."""
    size, duration = size_text(checkpoint.size_bytes), checkpoint.duration_milliseconds
    return f"checkpoint {checkpoint.id} ({size}, {duration} ms)"


@dataclass(slots=True)
class Progress:
    """Remembers what was told; `lines` returns what is new."""

    _last: Status | None = None
    _checkpoint_told_at: datetime | None = None

    def lines(self, status: Status, now: datetime) -> tuple[str, ...]:
        """Return the sentences for what changed since the last document."""
        last, self._last = self._last, status
        told = [*_phase(last, status), *_conditions(last, status)]
        return (*told, *self._checkpoint(last, status, now))

    def event_lines(self, event: Event) -> tuple[str, ...]:
        """Return the sentence for an event, nothing if the last document has told the same."""
        status = self._last
        if status is not None and event.message in {status.message, *(found.message for found in status.conditions)}:
            return ()
        return (f"{event.reason}{':' if event.type == 'Normal' else '!'} {event.message}",)

    def _checkpoint(self, last: Status | None, status: Status, now: datetime) -> list[str]:
        newest = status.last_checkpoint
        before = None if last is None else last.last_checkpoint
        if newest is None or last is None or (before is not None and before.id == newest.id):
            return []
        if self._checkpoint_told_at is not None and now - self._checkpoint_told_at < CHECKPOINT_PAUSE:
            return []
        self._checkpoint_told_at = now
        counters = status.checkpoints
        return [f"{checkpoint_text(newest)} completed; {counters.completed} completed, {counters.failed} failed so far"]


def _phase(last: Status | None, status: Status) -> list[str]:
    if last is None and status.phase == "Pending":
        # True before the first processes were started, which was told meanwhile.
        return []
    if last is not None and (last.phase, last.message) == (status.phase, status.message):
        return []
    message = f": {status.message}" if status.message else ""
    return [f"{status.phase}{message}{_slots(status)}"]


def _slots(status: Status) -> str:
    job, cluster = status.job, status.cluster
    if not job.tasks_total or job.tasks_running != job.tasks_total:
        return ""
    if cluster.slots_total is None or cluster.slots_free is None:
        return ""
    return f"; {cluster.slots_total - cluster.slots_free} of {cluster.slots_total} slots used"


def _conditions(last: Status | None, status: Status) -> list[str]:
    before = {} if last is None else {condition.type: condition for condition in last.conditions}
    return [
        f"{condition.type}={condition.status} ({condition.reason})"
        + ("" if condition.message == status.message else f": {condition.message}")
        for condition in status.conditions
        if condition.type in _TOLD_CONDITIONS and _is_news(before.get(condition.type), condition)
    ]


def _is_news(before: Condition | None, now: Condition) -> bool:
    """Tell whether something became bad, or good again; that all is well at first is no news."""
    if now.status == "Unknown":
        return False
    was_bad = before is not None and before.status not in {_GOOD[now.type], "Unknown"}
    is_bad = now.status != _GOOD[now.type]
    return is_bad != was_bad or (is_bad and before is not None and before.reason != now.reason)
