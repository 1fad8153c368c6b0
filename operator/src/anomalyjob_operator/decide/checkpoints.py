"""What Flink tells about checkpoints goes on record: counters over all starts, the newest one, the floor.

Pure. The floor only ever rises: it is raised by a checkpoint that the job of this very incarnation completed, or by the
savepoint of one of the operator's own stops; never by a user's savepoint, which shares the ids but is no candidate.
"""

from datetime import timedelta
from typing import Final

from anomalyjob_operator.decide.chain import Outcome, warning
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.decide.troubles import failed_checkpoints
from anomalyjob_operator.decide.wishes import is_on_volume, is_own_stop
from anomalyjob_operator.ledger import Counters, CurrentStart, Floor, LastCheckpoint, LastGood, Ledger
from anomalyjob_operator.observed import CheckpointStatistics, CompletedCheckpoint, FlinkObservation
from anomalyjob_operator.status import Event

STATISTICS_DELAY: Final = timedelta(seconds=4)
"""Flink hands out checkpoint statistics up to 3 s late (`web.refresh-interval`); one second for the way."""


def note_checkpoints(situation: Situation, ledger: Ledger) -> Outcome:
    """Take over the counters, the newest checkpoint and the floor; tell what failed."""
    flink, before = situation.flink, ledger.current
    if flink is None or before is None or flink.job_started_at != before.started_at:
        return ledger, ()
    completed_more = flink.checkpoints.completed > before.counters.completed
    counters = _counters(situation, flink, before)
    current = before.evolve(
        counters=counters,
        failed_since_completed=_failed_since_completed(flink.checkpoints, before, counters),
        running=situation.all_running,
    )
    events = _failures(situation, before, current)
    ledger = _with_state(
        situation, _newest(situation, ledger.evolve(current=current), flink.checkpoints.latest_completed)
    )
    ledger = _own_savepoint(situation, ledger, flink.checkpoints.latest_savepoint)
    return (_productive(situation, ledger) if completed_more else ledger), events


def _failures(situation: Situation, before: CurrentStart, after: CurrentStart) -> tuple[Event, ...]:
    """Tell the first failure of a row; also one that came and went between two looks.

    Counted failures are written to the ledger at once, so a new operator tells none again.
    """
    failed = after.counters.failed - before.counters.failed
    is_known = before.failed_since_completed > 0 and after.counters.completed == before.counters.completed
    if failed == 0 or is_known:
        return ()
    since = after.failed_since_completed
    when = "since the last one that completed" if since else "before the last one that completed"
    return (warning("CheckpointError", failed_checkpoints(situation, since or failed, when), situation.now),)


def _productive(situation: Situation, ledger: Ledger) -> Ledger:
    """A completed checkpoint ends every series of failures, and proves the spec unless that came in this very pass."""
    spec = ledger.spec
    if spec is not None and spec.since < situation.now:
        spec = spec.evolve(proven=True)
        ledger = _good(ledger, spec.spec_hash)
    return ledger.evolve(
        unproductive_restarts=(),
        unproductive_in_a_row=0,
        budget_exhausted=False,
        spec=spec,
    )


def _good(ledger: Ledger, spec_hash: str) -> Ledger:
    known = ledger.last_good
    if ledger.deployed is None or (known is not None and known.spec_hash == spec_hash):
        return ledger
    return ledger.evolve(last_good=LastGood(spec_hash=spec_hash, spec=ledger.deployed))


def _with_state(situation: Situation, ledger: Ledger) -> Ledger:
    """Remember that the incarnation has something to lose: a checkpoint, or what it went on from."""
    flink, start = situation.flink, situation.observed.start
    restored = flink is not None and flink.checkpoints.latest_restored_id is not None
    chosen = start is not None and start.incarnation == ledger.incarnation and start.chosen_checkpoint_id is not None
    if ledger.has_state or not (restored or chosen or ledger.floor is not None):
        return ledger
    return ledger.evolve(has_state=True)


def _own_savepoint(situation: Situation, ledger: Ledger, savepoint: CompletedCheckpoint | None) -> Ledger:
    """Raise the floor to the savepoint of an own stop: no start may go on from before it."""
    if savepoint is None or not is_own_stop(situation, ledger, savepoint.path):
        return ledger
    if ledger.floor is not None and savepoint.checkpoint_id <= ledger.floor.checkpoint_id:
        return ledger
    floor = Floor(checkpoint_id=savepoint.checkpoint_id, path=savepoint.path, is_savepoint=True)
    return ledger.evolve(floor=floor, has_state=True)


def _newest(situation: Situation, ledger: Ledger, completed: CompletedCheckpoint | None) -> Ledger:
    if completed is None or completed.is_savepoint or not is_on_volume(situation, completed.path):
        return ledger
    if ledger.floor is not None and completed.checkpoint_id <= ledger.floor.checkpoint_id:
        return ledger
    return ledger.evolve(
        floor=Floor(checkpoint_id=completed.checkpoint_id, path=completed.path),
        last_checkpoint=LastCheckpoint(
            id=completed.checkpoint_id,
            path=completed.path,
            completed_at=completed.completed_at,
            size_bytes=completed.size_bytes,
            duration_milliseconds=completed.duration_milliseconds,
        ),
    )


def _counters(situation: Situation, flink: FlinkObservation, current: CurrentStart) -> Counters:
    """Counters never fall: an answer that is older than the last one changes nothing."""
    seen, known = flink.checkpoints, current.counters
    more = max(0, seen.failed - known.failed - known.failed_before_running)
    early = _early_failures(situation, flink, current, more)
    return Counters(
        completed=max(known.completed, seen.completed),
        failed=known.failed + more - early,
        failed_before_running=known.failed_before_running + early,
        restored=max(known.restored, seen.restored),
    )


def _early_failures(situation: Situation, flink: FlinkObservation, current: CurrentStart, more: int) -> int:
    """Return how many of `more` new failures were triggered while not all tasks ran."""
    if current.running:
        return more if _settling(situation, flink) else 0
    if current.counters == Counters() and situation.all_running:
        # First sight of a start that already runs: only Flink's short history can tell.
        return min(more, flink.checkpoints.failed_before_running)
    return more


def _settling(situation: Situation, flink: FlinkObservation) -> bool:
    """Whether failures from before all tasks ran may only now become visible."""
    since, failed_at = flink.tasks_changed_at, flink.checkpoints.latest_failed_at
    if since is None or (failed_at is not None and failed_at > since):
        return False
    return situation.all_running and situation.now - since < STATISTICS_DELAY


def _failed_since_completed(seen: CheckpointStatistics, before: CurrentStart, counters: Counters) -> int:
    """Return how many failed in a row; those from before all tasks ran are none of them."""
    more = counters.failed - before.counters.failed
    if seen.completed <= before.counters.completed:
        return before.failed_since_completed + more
    newest, failed_at = seen.latest_completed, seen.latest_failed_at
    failed_after = newest is not None and failed_at is not None and failed_at > newest.completed_at
    return min(more, 1) if failed_after else 0
