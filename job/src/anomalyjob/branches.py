"""Tells the living line of checkpoints from those that an earlier start left behind.

Pure. When a start goes on from an older checkpoint, the numbers that follow are given a second time. What it left
behind may still become usable later (a file put back, a mount healed), and a JobManager that escaped the lock may even
add to it. Taking that up would throw away what was written since and write again what was written before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Final, Self

from anomalyjob.checkpoint_choice import Candidate, Condition

_BEFORE_ALL: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What one start went on from, and which candidates it passed over."""

    start: int
    chosen_id: int
    skipped: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, record: Mapping[str, object]) -> Self | None:
        """Read a start record; None when it does not make sense, since what it cannot tell must abandon nothing."""
        start, skipped, chosen_id = record.get("start"), record.get("skipped"), _chosen_id(record)
        if not isinstance(start, int) or not isinstance(skipped, list) or chosen_id is None:
            return None
        places = (_place(str(item["path"])) for item in skipped if isinstance(item, dict) and "path" in item)
        return cls(start=start, chosen_id=chosen_id, skipped=frozenset(places))

    def left_behind(self, candidate: Candidate) -> bool:
        """Whether this start went on without it: it passed it over, or went on from before it in that line."""
        if _place(candidate.path) in self.skipped:
            return True
        # A savepoint does not tell which start made it: it may as well be this one's own.
        is_of_earlier_start = candidate.start is not None and candidate.start < self.start
        return is_of_earlier_start and (candidate.checkpoint_id or 0) > self.chosen_id


def mark_abandoned(candidates: Sequence[Candidate], records: Sequence[Mapping[str, object]]) -> list[Candidate]:
    """Return the candidates, those marked that a start went on without which has a checkpoint of its own.

    `records` are decoded start records. As long as such a start has none, nothing was built on its decision, and what
    it left behind stays what it was.
    """
    own = {candidate.start for candidate in candidates if candidate.condition is not Condition.UNFINISHED}
    steps = [step for step in _steps(records) if step.start in own]
    return [_marked(candidate, steps) for candidate in candidates]


def _steps(records: Sequence[Mapping[str, object]]) -> Iterator[_Step]:
    return (step for record in records if (step := _Step.of(record)) is not None)


def _chosen_id(record: Mapping[str, object]) -> int | None:
    """Return the id that a start went on from, one before the first when it began empty, None when it is not told."""
    chosen = record.get("chosen", {})
    identifier = chosen.get("checkpointId") if isinstance(chosen, dict) else None
    if chosen is None:
        return _BEFORE_ALL
    return identifier if isinstance(identifier, int) else None


def _place(path: str) -> tuple[str, ...]:
    """Return the part of a candidate's path that stays when the volume is mounted elsewhere."""
    return PurePath(path).parts[-3:]


def _marked(candidate: Candidate, steps: Sequence[_Step]) -> Candidate:
    if candidate.condition is Condition.UNFINISHED:
        return candidate
    start = next((step.start for step in steps if step.left_behind(candidate)), None)
    if start is None:
        return candidate
    note = f"start {start} went on without it and has checkpoints of its own since"
    return replace(candidate, condition=Condition.ABANDONED, note=note)
