"""The decision: (job, ledger, observed, now) to a plan. Pure; nothing is read, written or started here.

One pass is a chain of steps, each from a ledger to the next; phase and conditions are then read off the result. It is
level-triggered: the same facts on top of the resulting ledger give the same ledger again, and no event.
"""

from datetime import datetime
from typing import Final

from anomalyjob_operator.decide.alarms import note_alarms
from anomalyjob_operator.decide.chain import Step, run
from anomalyjob_operator.decide.checkpoints import note_checkpoints
from anomalyjob_operator.decide.conditions import conditions_of
from anomalyjob_operator.decide.phase import phase_of
from anomalyjob_operator.decide.plan import Deployment, FlinkRequest, Plan
from anomalyjob_operator.decide.recovery import note_recovery
from anomalyjob_operator.decide.report import status_document
from anomalyjob_operator.decide.restarts import note_restarts
from anomalyjob_operator.decide.restore import note_restore_failure
from anomalyjob_operator.decide.situation import Situation, situation_of
from anomalyjob_operator.decide.starts import note_deployment, note_job, note_spec, note_start_record
from anomalyjob_operator.desired.workloads import StartIntent
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.spec import AnomalyJob
from anomalyjob_operator.status import Phase

__all__ = ["Deployment", "FlinkRequest", "Plan", "decide", "start_intent", "status_document"]

STEPS: Final[tuple[Step, ...]] = (
    note_spec,
    note_deployment,
    note_start_record,
    note_job,
    note_checkpoints,
    note_recovery,
    note_restore_failure,
    note_restarts,
    note_alarms,
)

BUSY_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 5.0


def decide(job: AnomalyJob, ledger: Ledger, observed: Observed, now: datetime) -> Plan:
    """Return what to record, to tell and when to look again; `now` has a zone. Never raises for anything observed."""
    situation = situation_of(job, ledger, observed, now)
    ledger, events = run(STEPS, situation, ledger)
    phase, message = phase_of(situation, ledger)
    return Plan(
        ledger=ledger,
        deployment=Deployment(spec=job.spec, running=True, intent=start_intent(ledger)),
        requests=(),
        phase=phase,
        conditions=conditions_of(situation, ledger, phase, message),
        events=events,
        message=message,
        requeue_after_seconds=_requeue_after_seconds(situation, ledger, phase),
    )


def start_intent(ledger: Ledger) -> StartIntent:
    """Return how the JobManager has to start according to the ledger."""
    return StartIntent(incarnation=ledger.incarnation, restart_counter=ledger.restart_counter)


def _requeue_after_seconds(situation: Situation, ledger: Ledger, phase: Phase) -> float:
    usual = QUIET_SECONDS if phase in {"Running", "Failed"} else BUSY_SECONDS
    if ledger.next_restart_at is None:
        return usual
    return min(usual, max(0.0, (ledger.next_restart_at - situation.now).total_seconds()))
