"""Which start folders a start may remove.

Pure. Flink restores without claiming, so the first checkpoint of a start refers to nothing older: start folders can go
as a whole, and only as a whole, since inside one of them incremental checkpoints share files.
"""

from collections.abc import Collection, Sequence

from anomalyjob.checkpoint_choice import Candidate, rank


def removable_starts(
    candidates: Sequence[Candidate],
    chosen: Candidate | None,
    *,
    own_starts: Collection[int],
    other_starts: Collection[int],
    retained: int,
) -> tuple[int, ...]:
    """Return the numbers of the start folders that nothing needs any more, ascending.

    Kept are the chosen one's, everything newer, and those of the newest `retained` usable candidates. `own_starts` are
    the folders of this incarnation (and empty ones), `other_starts` those of other incarnations: they stay until this
    one has `retained` usable candidates. Nothing goes when the choice is not one of the candidates.
    """
    if chosen is None or chosen not in candidates:
        return ()
    usable = sorted((candidate for candidate in candidates if candidate.usable), key=rank, reverse=True)
    kept = {candidate.start for candidate in usable[:retained]} | {chosen.start}
    kept |= {candidate.start for candidate in candidates if _is_newer(candidate, chosen)}
    old = set(own_starts)
    if len(usable) >= retained:
        old |= set(other_starts)
    return tuple(sorted(start for start in old - kept if chosen.start is None or start < chosen.start))


def _is_newer(candidate: Candidate, chosen: Candidate) -> bool:
    return (candidate.checkpoint_id or 0) > (chosen.checkpoint_id or 0)
