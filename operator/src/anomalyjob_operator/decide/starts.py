"""Which spec and which start of the JobManager is on stage, and what state its job is in. Pure."""

from anomalyjob_operator.decide.chain import Outcome, normal, warning
from anomalyjob_operator.decide.situation import FAILED_STATES, Situation
from anomalyjob_operator.decide.troubles import newest_failure
from anomalyjob_operator.ledger import CurrentStart, Ledger, SpecProgress
from anomalyjob_operator.observed import StartObservation


def note_spec(situation: Situation, ledger: Ledger) -> Outcome:
    """A spec never seen before gets a fresh chance: budget, backoff and deadline begin anew.

    Its processes replace the old ones, so what differs from now on is a change that was asked for, not a recovery.
    """
    known, spec_hash = ledger.spec, situation.spec.content_hash()
    if known is not None and known.spec_hash == spec_hash:
        return ledger, ()
    fresh = SpecProgress(spec_hash=spec_hash, since=situation.now)
    return ledger.evolve(
        spec=fresh,
        constellation=None,
        open_recovery=None,
        failed_start=None,
        next_restart_at=None,
        unproductive_restarts=(),
        unproductive_in_a_row=0,
        budget_exhausted=False,
        restore_failure=None,
    ), ()


def note_deployment(situation: Situation, ledger: Ledger) -> Outcome:
    """Nothing is deployed when somebody begins to look: what comes is no recovery, and its deadline counts from now.

    Whoever has been looking for longer sees a loss in the same facts.
    """
    if situation.observed.jobmanager is not None or not situation.observed.first_look or ledger.stopped:
        return ledger, ()
    spec = ledger.spec
    if spec is not None and not spec.proven:
        spec = spec.evolve(since=situation.now)
    return ledger.evolve(spec=spec, constellation=None, open_recovery=None), ()


def note_start_record(situation: Situation, ledger: Ledger) -> Outcome:
    """A start record that was not told yet is told: which checkpoint it goes on from, and what was skipped.

    What a job of the same name left on the volume, before this one was created, is no start of this one.
    """
    start = situation.observed.start
    if start is None or start.incarnation != ledger.incarnation or start.start <= (ledger.last_start or 0):
        return ledger, ()
    if ledger.last_start is None and situation.observed.jobmanager is None:
        return ledger.evolve(last_start=start.start), ()
    tell = warning if start.skipped else normal
    return ledger.evolve(last_start=start.start), (tell("Submit", _start_sentence(start), situation.now),)


def note_job(situation: Situation, ledger: Ledger) -> Outcome:
    """A new start of the JobManager brings counters from zero: those of the last one are added to the past."""
    flink = situation.flink
    if flink is None or flink.job_state is None or flink.job_started_at is None:
        return ledger, ()
    current = ledger.current
    if current is None or flink.job_started_at != current.started_at:
        ledger = ledger.evolve(past=ledger.totals)
        current = CurrentStart(started_at=flink.job_started_at)
    before = current.job_state
    current = current.evolve(job_state=flink.job_state, ran=current.ran or situation.all_running)
    ledger = ledger.evolve(current=current)
    if before == flink.job_state:
        return ledger, ()
    text = f"Job is {flink.job_state}" if before is None else f"Job changed from {before} to {flink.job_state}"
    if flink.job_state in FAILED_STATES:
        return ledger, (warning("JobFailed", f"{text}{newest_failure(situation)}", situation.now),)
    return ledger, (normal("JobStatusChanged", text, situation.now),)


def _start_sentence(start: StartObservation) -> str:
    return f"Start {start.start}: {start.message}"
