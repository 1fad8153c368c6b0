"""A job that ended unasked, or whose JobManager crash-loops, is started again from its newest checkpoint, with backoff.

Pure. "Started again" is a raised restart counter, nothing else, within a budget. A dead process is not its business:
the back end starts that again at once. A REST timeout is no evidence: without an answer nothing is counted and nothing
is restarted.
"""

from datetime import timedelta
from typing import Final

from anomalyjob_operator.decide.chain import Outcome, warning
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.spec import Spec

CRASH_LOOP: Final = "CrashLoopBackOff"
LARGEST_EXPONENT: Final = 32
"""Doubling further makes no difference to any permitted backoff."""


def note_restarts(situation: Situation, ledger: Ledger) -> Outcome:
    """Plan one restart for a failed start; carry it out when it is due; drop it when the job was started otherwise."""
    if ledger.operation is not None or ledger.stopped:
        return _without_plan(ledger), ()
    if _crash_loops(situation):
        return _after_crash(situation, ledger)
    current = ledger.current
    if situation.flink is None or situation.job_state is None or current is None:
        return ledger, ()
    if not situation.job_failed:
        return _without_plan(_forgiven(situation, ledger)), ()
    if ledger.failed_start != current.started_at:
        ledger = ledger.evolve(failed_start=current.started_at)
        ledger = _planned(situation, ledger, productive=current.counters.completed > 0)
    return _carried_out(situation, ledger, f"Job ended {situation.job_state}")


def _forgiven(situation: Situation, ledger: Ledger) -> Ledger:
    """A pod whose tasks all ran may come to a crash loop of another cause."""
    if not situation.all_running or ledger.crashed_workload is None:
        return ledger
    return ledger.evolve(crashed_workload=None)


def _crash_loops(situation: Situation) -> bool:
    jobmanager = situation.observed.jobmanager
    if jobmanager is None or jobmanager.alive or jobmanager.waiting is None:
        return False
    return jobmanager.waiting.reason == CRASH_LOOP


def _after_crash(situation: Situation, ledger: Ledger) -> Outcome:
    """Leave a crash loop by a new pod: the pauses between the starts of one pod grow to minutes and stay so long.

    One pod counts once, whatever it is seen to do; the next one has another content hash.
    """
    jobmanager = situation.observed.jobmanager
    crashed = "" if jobmanager is None else jobmanager.content_hash or ""
    if ledger.crashed_workload != crashed:
        ledger = _planned(situation, ledger.evolve(crashed_workload=crashed), productive=False)
        if ledger.next_restart_at is not None:
            # The pod has been started again at once, and again, before it came to this.
            pause = backoff(situation.spec, ledger.unproductive_in_a_row + 1)
            ledger = ledger.evolve(next_restart_at=situation.now + pause)
    return _carried_out(situation, ledger, "The JobManager's container crashes again and again")


def backoff(spec: Spec, failures_in_a_row: int) -> timedelta:
    """Return how long to wait before the restart after so many unproductive starts in a row: nothing for the first."""
    if failures_in_a_row <= 1:
        return timedelta()
    doubled = spec.recovery.initial_backoff.milliseconds * 2 ** min(failures_in_a_row - 2, LARGEST_EXPONENT)
    return timedelta(milliseconds=min(doubled, spec.recovery.max_backoff.milliseconds))


def _without_plan(ledger: Ledger) -> Ledger:
    return ledger if ledger.next_restart_at is None else ledger.evolve(next_restart_at=None)


def _planned(situation: Situation, ledger: Ledger, *, productive: bool) -> Ledger:
    ledger = ledger.evolve(next_restart_at=None)
    if productive:
        return ledger.evolve(next_restart_at=situation.now, unproductive_in_a_row=0)
    recovery = situation.spec.recovery
    begin = situation.now - timedelta(milliseconds=recovery.window.milliseconds)
    counted = tuple(time for time in ledger.unproductive_restarts if time > begin)
    ledger = ledger.evolve(
        unproductive_restarts=counted,
        unproductive_in_a_row=ledger.unproductive_in_a_row + 1,
    )
    if ledger.budget_exhausted or len(counted) >= recovery.max_restarts:
        return ledger.evolve(budget_exhausted=True)
    return ledger.evolve(next_restart_at=situation.now + backoff(situation.spec, ledger.unproductive_in_a_row))


def _carried_out(situation: Situation, ledger: Ledger, why: str) -> Outcome:
    due = ledger.next_restart_at
    if due is None or situation.now < due:
        return ledger, ()
    times = (*ledger.unproductive_restarts, situation.now) if ledger.unproductive_in_a_row else ()
    ledger = ledger.evolve(
        next_restart_at=None,
        restart_counter=ledger.restart_counter + 1,
        restarts=ledger.restarts + 1,
        unproductive_restarts=times,
    )
    return ledger, (warning("RestartUnhealthyJob", _sentence(ledger, why), situation.now),)


def _sentence(ledger: Ledger, why: str) -> str:
    begin = "the newest checkpoint" if ledger.floor is None else f"checkpoint {ledger.floor.checkpoint_id} or newer"
    return f"{why}; starting it again from {begin} (restart {ledger.restart_counter})"
