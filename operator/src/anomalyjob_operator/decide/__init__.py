"""The decision: (job, ledger, observed, now) to a plan. Pure; nothing is read, written or started here.

One pass is a chain of steps, each from a ledger to the next: first what is seen goes on record, then what is wanted is
compared with it, then the result is judged; phase and conditions are read off at the end. It is level-triggered: the
same facts on top of the resulting ledger give the same ledger again, and no event.
"""

from datetime import datetime
from typing import Final

from anomalyjob_operator.decide.alarms import note_alarms
from anomalyjob_operator.decide.chain import Step, run
from anomalyjob_operator.decide.changes import changed_fields, spec_of
from anomalyjob_operator.decide.checkpoints import note_checkpoints
from anomalyjob_operator.decide.conditions import conditions_of
from anomalyjob_operator.decide.operations import note_operation
from anomalyjob_operator.decide.phase import phase_of
from anomalyjob_operator.decide.plan import Deployment, FlinkRequest, Plan
from anomalyjob_operator.decide.recovery import note_recovery, superseded
from anomalyjob_operator.decide.report import invalid_from_the_start, status_document
from anomalyjob_operator.decide.restarts import note_restarts
from anomalyjob_operator.decide.restore import note_restore_failure
from anomalyjob_operator.decide.savepoints import note_savepoint
from anomalyjob_operator.decide.situation import Situation, situation_of
from anomalyjob_operator.decide.starts import note_deployment, note_job, note_spec, note_start_record
from anomalyjob_operator.decide.stop_requests import requests_on_record, requests_to_send
from anomalyjob_operator.decide.wishes import with_accepted, with_wishes
from anomalyjob_operator.desired.workloads import StartIntent
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.spec import AnomalyJob, Spec
from anomalyjob_operator.status import Phase

__all__ = [
    "Deployment",
    "FlinkRequest",
    "Plan",
    "changed_fields",
    "decide",
    "invalid_from_the_start",
    "last_valid_spec",
    "requests_on_record",
    "start_intent",
    "status_document",
]

FACTS: Final[tuple[Step, ...]] = (note_start_record, note_job, note_checkpoints)
WISHES: Final[tuple[Step, ...]] = (note_operation, note_savepoint)
JUDGEMENTS: Final[tuple[Step, ...]] = (
    note_spec,
    note_deployment,
    note_recovery,
    note_restore_failure,
    note_restarts,
    note_alarms,
)

BUSY_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 5.0
SETTLED: Final[frozenset[Phase]] = frozenset({"Running", "Failed", "Suspended"})


def decide(
    job: AnomalyJob, ledger: Ledger, observed: Observed, now: datetime, *, invalid: tuple[str, ...] = ()
) -> Plan:
    """Return what to record, to do, to tell and when to look again; `now` has a zone. Never raises for what is seen.

    `invalid` says what is wrong with a resource that cannot be read; `job` then carries the last valid spec.
    """
    before, ledger = ledger, with_wishes(job.spec, ledger, observed)
    seen = situation_of(job, ledger, observed, now, invalid=invalid)
    ledger, events = run((*FACTS, *WISHES), seen, ledger)
    situation = situation_of(job, ledger, observed, now, invalid=invalid)
    ledger, judged = run(JUDGEMENTS, situation, with_accepted(job.spec, ledger))
    events += (*judged, *superseded(before, ledger, judged, situation.now))
    phase, message = phase_of(situation, ledger)
    return Plan(
        ledger=ledger,
        deployment=_deployment(situation, ledger),
        requests=requests_to_send(situation, ledger),
        phase=phase,
        conditions=conditions_of(situation, ledger, phase, message),
        events=events,
        message=message,
        requeue_after_seconds=_requeue_after_seconds(situation, ledger, phase),
    )


def start_intent(ledger: Ledger) -> StartIntent:
    """Return how the JobManager has to start according to the ledger."""
    return StartIntent(
        incarnation=ledger.incarnation,
        restart_counter=ledger.restart_counter,
        rule=ledger.rule,
        path=ledger.rule_path,
        restore_nonce=ledger.restore_nonce,
    )


def last_valid_spec(ledger: Ledger) -> Spec | None:
    """Return the newest spec that was valid, None when there never was one."""
    return spec_of(ledger.accepted) or spec_of(ledger.deployed)


def _deployment(situation: Situation, ledger: Ledger) -> Deployment:
    is_stopping = ledger.operation is not None and ledger.operation.step == "Stop"
    return Deployment(spec=situation.spec, running=not (ledger.stopped or is_stopping), intent=start_intent(ledger))


def _requeue_after_seconds(situation: Situation, ledger: Ledger, phase: Phase) -> float:
    usual = QUIET_SECONDS if phase in SETTLED else BUSY_SECONDS
    if ledger.next_restart_at is None:
        return usual
    return min(usual, max(0.0, (ledger.next_restart_at - situation.now).total_seconds()))
