"""A checkpoint that Flink could not restore: noticed, named, and never stepped back from.

Pure. The launcher has checked that the files are complete; damage that only Flink finds at load ends here. Choosing an
older checkpoint loses events, so that is the user's choice alone.
"""

from typing import Final

from anomalyjob_operator.decide.chain import Outcome
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.ledger import Ledger, RestoreFailure

RESTORE_MARKERS: Final = ("restore", "StreamOperatorStateContext", "rollback to checkpoint", "state handle")
"""Words by which Flink's failures say that a task, or the coordinator, could not take over its state."""

REPEATED: Final = 2
"""So many failures at restore in a row: one alone may be a TaskManager that died in the middle of it."""


def note_restore_failure(situation: Situation, ledger: Ledger) -> Outcome:
    """Record that the newest checkpoint cannot be restored; forget it as soon as all tasks run."""
    if situation.all_running:
        return (ledger if ledger.restore_failure is None else ledger.evolve(restore_failure=None)), ()
    checkpoint = _restoring(situation, ledger)
    message = _failure_at_restore(situation, ledger)
    if checkpoint is None or message is None:
        return ledger, ()
    failure = RestoreFailure(checkpoint_id=checkpoint, message=message)
    return (ledger if failure == ledger.restore_failure else ledger.evolve(restore_failure=failure)), ()


def _restoring(situation: Situation, ledger: Ledger) -> int | None:
    """Return the checkpoint that the tasks were to go on from, None when they begin with nothing."""
    flink, start = situation.flink, situation.observed.start
    if flink is not None and flink.checkpoints.latest_restored_id is not None:
        return flink.checkpoints.latest_restored_id
    if start is None or start.incarnation != ledger.incarnation:
        return None
    return start.chosen_checkpoint_id


def _failure_at_restore(situation: Situation, ledger: Ledger) -> str | None:
    flink, current = situation.flink, ledger.current
    if flink is None or current is None:
        return None
    if situation.job_state == "FAILED" and not current.ran:
        return flink.failures[0].message if flink.failures else "the job failed before any task ran"
    newest = flink.failures[:REPEATED]
    repeated = len(newest) == REPEATED and all(_is_at_restore(failure.message) for failure in newest)
    return newest[0].message if repeated else None


def _is_at_restore(message: str) -> bool:
    return any(marker.lower() in message.lower() for marker in RESTORE_MARKERS)
