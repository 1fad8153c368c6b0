"""Tells the living line of checkpoints from those that an earlier start left behind.

Pure. When a start skips a damaged checkpoint and goes on from an older one, the numbers that follow are given a second
time. Should the skipped one become readable again later (a file put back, a mount healed), it would rank among them,
and taking it up would throw away what was written since and write again what was written before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from anomalyjob.checkpoint_choice import Candidate, Condition


def mark_abandoned(candidates: Sequence[Candidate], records: Sequence[Mapping[str, object]]) -> list[Candidate]:
    """Return the candidates, those marked that an earlier start skipped once that start's line has a checkpoint.

    `records` are decoded start records. Until then a skipped candidate stays what it was: nothing was built on the
    decision to skip it.
    """
    complete = [candidate for candidate in candidates if candidate.condition is not Condition.UNFINISHED]
    newest_start = max((candidate.start or 0 for candidate in complete), default=0)
    skipped = {place: start for record in records for place, start in _skipped(record) if start <= newest_start}
    return [_marked(candidate, skipped.get(_place(candidate.path))) for candidate in candidates]


def _skipped(record: Mapping[str, object]) -> list[tuple[tuple[str, ...], int]]:
    start, skipped = record.get("start"), record.get("skipped")
    if not isinstance(start, int) or not isinstance(skipped, list):
        return []
    return [(_place(str(item["path"])), start) for item in skipped if isinstance(item, dict) and "path" in item]


def _place(path: str) -> tuple[str, ...]:
    """Return the part of a candidate's path that stays when the volume is mounted elsewhere."""
    return PurePath(path).parts[-3:]


def _marked(candidate: Candidate, start: int | None) -> Candidate:
    if start is None or candidate.condition is Condition.UNFINISHED:
        return candidate
    note = f"start {start} went on without it and has checkpoints of its own since"
    return replace(candidate, condition=Condition.ABANDONED, note=note)
