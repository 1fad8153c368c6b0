"""The five conditions, each with a reason and a sentence; Ready, Reconciling and Stalled follow the kstatus contract.

Pure. When REST did not answer, a condition keeps what the ledger still supports and becomes Unknown only after that.
"""

from anomalyjob_operator.decide import troubles
from anomalyjob_operator.decide.phase import HOPELESS
from anomalyjob_operator.decide.situation import Situation, checkpoint_deadline
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.status import ConditionStatus, Phase, Verdict

UNHEALTHY: tuple[troubles.Check, ...] = (
    troubles.checkpoints_fail,
    troubles.checkpoint_overdue,
    troubles.volume_nearly_full,
)
STALLING: tuple[troubles.Check, ...] = (
    troubles.invalid,
    troubles.object_refused,
    *HOPELESS,
    troubles.waits_for_savepoint,
    troubles.workload_stuck,
    troubles.recovery_stuck,
)
UNSAFE: tuple[troubles.Check, ...] = (troubles.state_refused, troubles.restore_failed)


def conditions_of(situation: Situation, ledger: Ledger, phase: Phase, message: str) -> tuple[Verdict, ...]:
    """Return one verdict of each type, in a fixed order."""
    stalled = _stalled(situation, ledger)
    return (
        _ready(situation, ledger, phase, message),
        _reconciling(stalled, phase, message),
        stalled,
        _checkpointing_healthy(situation, ledger),
        _state_safe(situation, ledger),
    )


def _ready(situation: Situation, ledger: Ledger, phase: Phase, message: str) -> Verdict:
    runs = situation.all_running and (ledger.open_recovery is None or ledger.open_recovery.running_at is not None)
    supported = situation.flink is None and phase == "Running"
    if phase in {"Upgrading", "Suspended"} or not (runs or supported):
        return Verdict(type="Ready", status="False", reason=phase, message=message)
    if not _fresh(situation, ledger):
        status: ConditionStatus = "False" if runs else "Unknown"
        return Verdict(type="Ready", status=status, reason="NoRecentCheckpoint", message=_newest(ledger))
    return Verdict(type="Ready", status="True", reason="Running", message=f"{message}; {_newest(ledger)}")


def _reconciling(stalled: Verdict, phase: Phase, message: str) -> Verdict:
    busy = phase in {"Pending", "Deploying", "Recovering", "Upgrading"} and stalled.status == "False"
    if busy:
        return Verdict(type="Reconciling", status="True", reason=phase, message=message)
    return Verdict(type="Reconciling", status="False", reason="Settled", message="Nothing is being changed")


def _stalled(situation: Situation, ledger: Ledger) -> Verdict:
    trouble = troubles.first(STALLING, situation, ledger)
    if trouble is None:
        return Verdict(type="Stalled", status="False", reason="Progressing", message="Nothing stands in the way")
    return Verdict(type="Stalled", status="True", reason=trouble[0], message=trouble[1])


def _checkpointing_healthy(situation: Situation, ledger: Ledger) -> Verdict:
    trouble = troubles.first(UNHEALTHY, situation, ledger)
    if trouble is not None:
        return Verdict(type="CheckpointingHealthy", status="False", reason=trouble[0], message=trouble[1])
    if _fresh(situation, ledger):
        return Verdict(
            type="CheckpointingHealthy", status="True", reason="CheckpointsComplete", message=_newest(ledger)
        )
    reason = "NoCheckpointYet" if situation.all_running else "NotObserved"
    return Verdict(type="CheckpointingHealthy", status="Unknown", reason=reason, message=_newest(ledger))


def _state_safe(situation: Situation, ledger: Ledger) -> Verdict:
    trouble = troubles.first(UNSAFE, situation, ledger)
    if trouble is not None:
        return Verdict(type="StateSafe", status="False", reason=trouble[0], message=trouble[1])
    floor = ledger.floor
    kept = "No checkpoint is on record yet" if floor is None else f"No start goes on from before {floor.checkpoint_id}"
    return Verdict(type="StateSafe", status="True", reason="NewestIsKept", message=kept)


def _fresh(situation: Situation, ledger: Ledger) -> bool:
    newest = ledger.last_checkpoint
    if newest is None:
        return False
    durations = () if situation.flink is None else situation.flink.checkpoints.recent_durations_milliseconds
    return situation.now - newest.completed_at <= checkpoint_deadline(situation.spec, durations)


def _newest(ledger: Ledger) -> str:
    newest = ledger.last_checkpoint
    # No age here: a message that changes every second would make every pass a write.
    return "no checkpoint completed yet" if newest is None else f"checkpoint {newest.id} is the newest"
