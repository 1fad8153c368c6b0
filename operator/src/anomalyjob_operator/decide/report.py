"""From a plan and what was seen to the status document. Pure; it tells, and decides nothing."""

from datetime import datetime

from anomalyjob.volume_layout import job_id
from anomalyjob_operator.decide.chain import warning
from anomalyjob_operator.decide.plan import Plan
from anomalyjob_operator.decide.situation import Situation, situation_of
from anomalyjob_operator.document import cut_time
from anomalyjob_operator.ledger import Ledger, Recovery
from anomalyjob_operator.names import role_selector
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.spec import AnomalyJob
from anomalyjob_operator.status import (
    CheckpointsStatus,
    ClusterStatus,
    Event,
    JobStatus,
    LedgerStatus,
    OperationStatus,
    RecoveryStatus,
    Status,
    TaskManagerStatus,
    Verdict,
    merged_conditions,
)


def status_document(
    job: AnomalyJob, plan: Plan, observed: Observed, now: datetime, *, generation: int, previous: Status | None
) -> Status:
    """Return the status of the job at `generation`; `previous` is what was published last, for the transition times."""
    ledger = plan.ledger
    situation = situation_of(job, ledger, observed, now)
    known = () if previous is None else previous.conditions
    return Status(
        phase=plan.phase,
        observed_generation=generation,
        message=plan.message,
        conditions=merged_conditions(plan.conditions, known, generation, situation.now),
        job=_job(situation, ledger),
        cluster=_cluster(situation, ledger),
        last_checkpoint=ledger.last_checkpoint,
        checkpoints=CheckpointsStatus(**dict(ledger.totals)),
        last_recovery=_recovery(ledger.open_recovery or ledger.last_recovery),
        recoveries=ledger.recoveries,
        restarts=ledger.restarts,
        ledger=LedgerStatus(
            floor=ledger.floor,
            restart_counter=ledger.restart_counter,
            next_restart_at=ledger.next_restart_at,
            rule=ledger.rule,
            rule_path=ledger.rule_path,
            restore_nonce=ledger.restore_nonce,
        ),
        operation=None if ledger.operation is None else OperationStatus.parse(ledger.operation.document()),
        last_good=ledger.last_good,
        savepoints=ledger.savepoints,
        task_manager=_task_manager(situation),
    )


def invalid_from_the_start(
    invalid: tuple[str, ...], now: datetime, *, generation: int, previous: Status | None
) -> tuple[Status, tuple[Event, ...]]:
    """Return status and events of a resource that never had a valid spec: nothing of it exists."""
    message = f"The resource is invalid: {'; '.join(invalid)}"
    verdicts = (
        Verdict(type="Ready", status="False", reason="ValidationError", message=message),
        Verdict(type="Reconciling", status="False", reason="Settled", message="Nothing is being changed"),
        Verdict(type="Stalled", status="True", reason="ValidationError", message=message),
    )
    known = Status() if previous is None else previous
    conditions = merged_conditions(verdicts, known.conditions, generation, cut_time(now))
    status = Status(phase="Failed", observed_generation=generation, message=message, conditions=conditions)
    told = known.message == message
    return status, () if told else (warning("ValidationError", message, cut_time(now)),)


def _task_manager(situation: Situation) -> TaskManagerStatus:
    selector = role_selector(situation.job.metadata.name, "taskmanager")
    return TaskManagerStatus(
        replicas=len(situation.observed.taskmanagers),
        selector=",".join(f"{label}={value}" for label, value in sorted(selector.items())),
    )


def _job(situation: Situation, ledger: Ledger) -> JobStatus:
    flink, metadata = situation.flink, situation.job.metadata
    return JobStatus(
        id=job_id(metadata.namespace, metadata.name, ledger.incarnation),
        incarnation=ledger.incarnation,
        state=None if flink is None else flink.job_state,
        tasks_running=None if flink is None else flink.tasks_running,
        tasks_total=None if flink is None else flink.tasks_total,
        started_at=None if flink is None else flink.job_started_at,
    )


def _cluster(situation: Situation, ledger: Ledger) -> ClusterStatus:
    flink = situation.flink
    return ClusterStatus(
        task_managers_ready=situation.taskmanagers_ready,
        task_managers_desired=0 if ledger.stopped else situation.spec.task_manager.replicas,
        slots_total=None if flink is None else flink.slots_total,
        slots_free=None if flink is None else flink.slots_free,
        flink_version=None if flink is None else flink.flink_version,
    )


def _recovery(recovery: Recovery | None) -> RecoveryStatus | None:
    if recovery is None:
        return None
    return RecoveryStatus(
        cause=recovery.cause,
        from_checkpoint=recovery.from_checkpoint,
        detected_at=recovery.detected_at,
        running_at=recovery.running_at,
        safe_at=recovery.safe_at,
        seconds_to_running=_seconds(recovery.detected_at, recovery.running_at),
        seconds_to_safe=_seconds(recovery.detected_at, recovery.safe_at),
    )


def _seconds(begin: datetime, end: datetime | None) -> float | None:
    return None if end is None else round((end - begin).total_seconds(), 3)
