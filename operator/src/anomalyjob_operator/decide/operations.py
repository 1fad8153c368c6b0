"""A deliberate stop and the start after it: the one path of every change, of suspending, restarting and restoring.

| step       | what runs | what is waited for                             | then                                       |
| ---------- | --------- | ---------------------------------------------- | ------------------------------------------ |
| Checkpoint | old spec  | a checkpoint, bounded by checkpointing.timeout | Stop; nothing if the change was taken back |
| Savepoint  | old spec  | the savepoint with which Flink ends the job    | Stop; if it fails: wait, or Checkpoint     |
| Stop       | nothing   | no process of the job is left                  | the new spec starts, or stays suspended    |

Pure and level-triggered: which step comes next is read from facts, so a pass that was cut off is simply made again. A
change that needs a savepoint which cannot be taken now does not begin: it waits, and `troubles` says so. What is wanted
is looked at once more when everything has stopped; what cannot be started then without a savepoint begins a round of
its own after the old spec has started again.
"""

from datetime import timedelta
from typing import Final

from anomalyjob.timestamps import format_time
from anomalyjob_operator.decide.chain import Outcome, normal, warning
from anomalyjob_operator.decide.changes import savepoint_fields
from anomalyjob_operator.decide.restarts import backoff
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.decide.stop_requests import request_of
from anomalyjob_operator.decide.wishes import (
    Change,
    broken_off,
    change_of,
    ended_by_operator,
    needs_savepoint,
    restore_is_due,
    restored,
)
from anomalyjob_operator.ledger import Ledger, Operation, OperationStep, SavepointFailure
from anomalyjob_operator.observed import RequestObservation

STATISTICS_SECONDS: Final = 30.0
"""How much longer than Flink's own timeout the end of a checkpoint or savepoint may take to be seen."""


STOPPING_STATES: Final = frozenset({None, "RUNNING", "FINISHED"})
"""A job that is being stopped with a savepoint is in one of these; None: not seen."""


def note_operation(situation: Situation, ledger: Ledger) -> Outcome:
    """Begin, advance and end the deliberate stop, as far as the facts allow."""
    operation = ledger.operation
    if operation is None:
        return _resumed(situation, ledger) if ledger.stopped else _begun(situation, ledger)
    advance = {"Checkpoint": _after_checkpoint, "Savepoint": _after_savepoint, "Stop": _after_stop}[operation.step]
    return advance(situation, ledger, operation)


def _begun(situation: Situation, ledger: Ledger) -> Outcome:
    change = change_of(situation, ledger)
    if change is None:
        return (ledger if ledger.savepoint_failure is None else ledger.evolve(savepoint_failure=None)), ()
    if _has_to_wait(situation, ledger, change):
        return ledger, ()
    step, now = _first_step(situation, ledger, change), situation.now
    operation = Operation(
        id=f"{change.kind.lower()}-{format_time(now)}", kind=change.kind, step=step, started_at=now, step_started_at=now
    )
    events = () if _has_failed(situation, ledger) else (normal("SpecChanged", _plan(change, step), now),)
    return _without_plans(ledger.evolve(operation=operation)), events


def _has_to_wait(situation: Situation, ledger: Ledger, change: Change) -> bool:
    """Whether the change needs a savepoint that cannot be taken now, or failed a moment ago."""
    if not change.needs_savepoint:
        return False
    if not situation.all_running:
        return True
    failure = ledger.savepoint_failure
    again_at = situation.now if failure is None else failure.at + backoff(situation.spec, failure.count + 1)
    return _has_failed(situation, ledger) and situation.now < again_at


def _has_failed(situation: Situation, ledger: Ledger) -> bool:
    """Whether a savepoint for this very change has failed already."""
    failure = ledger.savepoint_failure
    return failure is not None and failure.spec_hash == situation.wanted.content_hash()


def _first_step(situation: Situation, ledger: Ledger, change: Change) -> OperationStep:
    if change.needs_savepoint:
        return "Savepoint"
    mode = situation.wanted.job.upgrade_mode
    if mode == "stateless" or change.kind in {"Restore", "Resume"} or not _may_run(situation):
        return "Stop"
    # One that is suspended for a change gets its savepoint while it can be taken.
    wished = mode == "savepoint" or bool(savepoint_fields(situation.spec, situation.wanted))
    return "Savepoint" if wished and not _has_failed(situation, ledger) else "Checkpoint"


def _may_run(situation: Situation) -> bool:
    """Whether all tasks run, as far as can be seen: a living JobManager whose REST endpoint is silent may run them."""
    jobmanager = situation.observed.jobmanager
    if jobmanager is None or not jobmanager.alive:
        return False
    return situation.flink is None or situation.all_running


def _after_checkpoint(situation: Situation, ledger: Ledger, operation: Operation) -> Outcome:
    change = change_of(situation, ledger)
    if change is None:
        return ledger.evolve(operation=None), (normal("SpecChanged", "The change was taken back", situation.now),)
    if change.needs_savepoint:
        # The user has asked for more meanwhile.
        step = _to_step(situation, ledger, operation, "Savepoint")
        return (step if situation.all_running else ledger.evolve(operation=None)), ()
    if _checkpoint_is_over(situation, ledger, operation):
        return _to_step(situation, ledger, operation, "Stop"), ()
    return ledger, ()


def _checkpoint_is_over(situation: Situation, ledger: Ledger, operation: Operation) -> bool:
    if not _may_run(situation) or _is_late(situation, operation):
        return True
    fate = _fate(situation, operation, ledger)
    if fate is None or fate.state == "InProgress":
        return False
    if fate.state == "Failed" or fate.checkpoint_id is None:
        return True
    return ledger.floor is not None and ledger.floor.checkpoint_id >= fate.checkpoint_id


def _after_savepoint(situation: Situation, ledger: Ledger, operation: Operation) -> Outcome:
    if ended_by_operator(situation, ledger):
        # The floor has been raised to it by now.
        return _to_step(situation, ledger, operation, "Stop").evolve(savepoint_failure=None), ()
    failure = _savepoint_failure(situation, ledger, operation)
    if failure is None:
        return ledger, ()
    ledger = ledger.evolve(savepoint_failure=_counted(situation, ledger, failure))
    change = change_of(situation, ledger)
    if change is None or change.needs_savepoint:
        ledger, then = ledger.evolve(operation=None), "The change waits"
    else:
        step: OperationStep = "Checkpoint" if _may_run(situation) else "Stop"
        ledger, then = _to_step(situation, ledger, operation, step), "Going on from a checkpoint instead"
    return ledger, (warning("SavepointError", f"The savepoint failed: {failure}. {then}", situation.now),)


def _counted(situation: Situation, ledger: Ledger, message: str) -> SavepointFailure:
    known = ledger.savepoint_failure
    count = 1 if known is None or not _has_failed(situation, ledger) else known.count + 1
    spec_hash = situation.wanted.content_hash()
    return SavepointFailure(spec_hash=spec_hash, message=message, at=situation.now, count=count)


def _savepoint_failure(situation: Situation, ledger: Ledger, operation: Operation) -> str | None:
    """Return why there will be no savepoint, None as long as there may be one."""
    fate = _fate(situation, operation, ledger)
    if fate is not None and fate.state == "Failed":
        return fate.failure or "Flink gave no reason"
    jobmanager = situation.observed.jobmanager
    if jobmanager is None or not jobmanager.alive:
        return "the JobManager died"
    if situation.job_state not in STOPPING_STATES:
        return f"the job is {situation.job_state}"
    # Tasks end one by one, and Flink tells of the savepoint some seconds late.
    return "it did not complete in time" if _is_late(situation, operation) else None


def _after_stop(situation: Situation, ledger: Ledger, operation: Operation) -> Outcome:
    if situation.workloads or operation.step_started_at == situation.now:
        # The second condition: what was seen in the pass that decided to stop says nothing about the stop.
        return ledger, ()
    if situation.wanted.job.state == "suspended":
        ledger = ledger.evolve(operation=None, stopped=True)
        return ledger, (normal("Suspended", _kept(ledger), situation.now),)
    breaks = operation.kind != "Resume" and situation.wanted.job.upgrade_mode == "stateless"
    return _started(situation, ledger, breaks=breaks), ()


def _resumed(situation: Situation, ledger: Ledger) -> Outcome:
    if situation.wanted.job.state == "suspended" or situation.workloads:
        return ledger, ()
    text = f"spec.job.state is running; {_kept(ledger)}"
    breaks = situation.wanted.job.upgrade_mode == "stateless"
    return _started(situation, ledger, breaks=breaks), (normal("SpecChanged", text, situation.now),)


def _started(situation: Situation, ledger: Ledger, *, breaks: bool) -> Ledger:
    """Return the ledger of the next start; nothing of the job runs now."""
    wanted = situation.wanted
    ledger = _without_plans(ledger).evolve(operation=None, stopped=False, restart_counter=ledger.restart_counter + 1)
    if restore_is_due(wanted, ledger):
        ledger = restored(wanted, ledger)
    elif breaks:
        ledger = broken_off(ledger, "empty", None)
    elif needs_savepoint(situation, ledger):
        # The old spec once more: with it the savepoint can be taken.
        return ledger.evolve(spec=None)
    return ledger.evolve(
        deployed=wanted.document(), restart_nonce=wanted.job.restart_nonce, savepoint_failure=None, spec=None
    )


def _without_plans(ledger: Ledger) -> Ledger:
    """Return the ledger without what was to be done about the job that is being stopped."""
    return ledger.evolve(
        constellation=None,
        open_recovery=None,
        last_recovery=ledger.open_recovery or ledger.last_recovery,
        next_restart_at=None,
    )


def _to_step(situation: Situation, ledger: Ledger, operation: Operation, step: OperationStep) -> Ledger:
    return ledger.evolve(operation=operation.evolve(step=step, step_started_at=situation.now))


def _fate(situation: Situation, operation: Operation, ledger: Ledger) -> RequestObservation | None:
    request, flink = request_of(situation.job, ledger, operation), situation.flink
    if flink is None or request is None:
        return None
    return next((fate for fate in flink.requests if fate.trigger_id == request.trigger_id), None)


def _is_late(situation: Situation, operation: Operation) -> bool:
    waited = (situation.now - operation.step_started_at) / timedelta(seconds=1)
    extra = STATISTICS_SECONDS if operation.step == "Savepoint" else 0.0
    return waited > situation.spec.checkpointing.timeout.seconds + extra


def _plan(change: Change, step: OperationStep) -> str:
    how = {
        "Checkpoint": "taking a checkpoint, then stopping",
        "Savepoint": "stopping with a savepoint",
        "Stop": "stopping",
    }[step]
    why = " (unaligned checkpoints cannot carry this change)" if change.needs_savepoint else ""
    return f"{change.sentence}; {how}{why}"


def _kept(ledger: Ledger) -> str:
    if ledger.floor is None:
        return "no checkpoint is on record"
    what = "savepoint" if ledger.floor.is_savepoint else "checkpoint"
    return f"{what} {ledger.floor.checkpoint_id} or a newer one is kept"
