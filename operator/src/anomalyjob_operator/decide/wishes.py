"""What the resource asks for, compared with what is deployed: the one place where a wish becomes a change.

Pure. A change is computed anew on every pass from spec and ledger, so none is forgotten, and one that was taken back is
gone. Nothing is stopped here.
"""

from dataclasses import dataclass

from anomalyjob_operator.decide.changes import savepoint_fields, spec_of, stopping_fields, taken_over
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.decide.stop_requests import stop_folder
from anomalyjob_operator.ledger import Ledger, OperationKind
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What takes a stop: what for, which fields, and whether only a canonical savepoint carries the state across."""

    kind: OperationKind
    fields: tuple[str, ...] = ()
    needs_savepoint: bool = False

    @property
    def sentence(self) -> str:
        """What it is, in words."""
        named = ", ".join(f"spec.{field}" for field in self.fields)
        return {
            "Upgrade": f"{named} changed",
            "Suspend": "spec.job.state is suspended",
            "Restart": "spec.job.restartNonce changed",
            "Restore": "spec.job.restore names a new start",
            "Resume": "the job ended with a savepoint that the operator had asked for",
        }[self.kind]


def with_wishes(wanted: Spec, ledger: Ledger, observed: Observed) -> Ledger:
    """Return the ledger with everything taken over from the spec that needs no stop; at first sight that is all."""
    deployed = spec_of(ledger.deployed)
    if deployed is None:
        return _at_first_sight(wanted, ledger, observed)
    document = taken_over(deployed, wanted).document()
    return ledger if document == ledger.deployed else ledger.evolve(deployed=document)


def with_accepted(wanted: Spec, ledger: Ledger) -> Ledger:
    """Return the ledger that remembers the last valid spec, should the next one be invalid."""
    document = wanted.document()
    accepted = None if document == ledger.deployed else document
    return ledger if accepted == ledger.accepted else ledger.evolve(accepted=accepted)


def change_of(situation: Situation, ledger: Ledger) -> Change | None:
    """Return what is to be changed by a stop, None when everything is as it is wanted."""
    wanted = situation.wanted
    fields = stopping_fields(situation.spec, wanted)
    if wanted.job.state == "suspended":
        return Change(kind="Suspend")
    if restore_is_due(wanted, ledger):
        return Change(kind="Restore")
    if fields:
        return Change(kind="Upgrade", fields=fields, needs_savepoint=needs_savepoint(situation, ledger))
    if wanted.job.restart_nonce not in {None, ledger.restart_nonce}:
        return Change(kind="Restart")
    return Change(kind="Resume") if ended_by_operator(situation, ledger) else None


def restore_is_due(wanted: Spec, ledger: Ledger) -> bool:
    """Whether the user asks for a start from somewhere else and has not had it yet."""
    restore = wanted.job.restore
    return restore is not None and restore.from_ != "latest" and restore.nonce != ledger.restore_nonce


def needs_savepoint(situation: Situation, ledger: Ledger) -> bool:
    """Whether the wanted spec can go on from nothing but a canonical savepoint that is still to be taken."""
    if situation.wanted.job.upgrade_mode == "stateless" or restore_is_due(situation.wanted, ledger):
        return False
    if not savepoint_fields(situation.spec, situation.wanted):
        return False
    if situation.all_running:
        # Whatever the newest is, a checkpoint may complete at any moment.
        return True
    return ledger.has_state and (ledger.floor is None or not ledger.floor.is_savepoint)


def ended_by_operator(situation: Situation, ledger: Ledger) -> bool:
    """Whether the job FINISHED by a stop of the operator: its savepoint lies where only such savepoints do."""
    flink = situation.flink
    if flink is None or not situation.job_finished or flink.checkpoints.latest_savepoint is None:
        return False
    return is_own_stop(situation, ledger, flink.checkpoints.latest_savepoint.path)


def is_own_stop(situation: Situation, ledger: Ledger, path: str) -> bool:
    """Tell whether a savepoint lies in the folder of the operator's own stops of this incarnation."""
    return f"{_job_folder(situation)}{stop_folder(ledger)}/" in path


def is_on_volume(situation: Situation, path: str) -> bool:
    """Tell whether something lies in the job's own folder: what lies elsewhere is no candidate for any start."""
    return _job_folder(situation) in path


def _job_folder(situation: Situation) -> str:
    metadata = situation.job.metadata
    return f"/{metadata.namespace}.{metadata.name}/"


def broken_off(ledger: Ledger, rule: str, path: str | None) -> Ledger:
    """Return the ledger of the next incarnation: nothing of the present one's state is gone on from."""
    return ledger.evolve(
        incarnation=ledger.incarnation + 1,
        rule=rule,
        rule_path=path,
        has_state=False,
        floor=None,
        last_checkpoint=None,
    )


def restored(wanted: Spec, ledger: Ledger) -> Ledger:
    """Return the ledger of the incarnation that begins where the user said."""
    restore = wanted.job.restore
    if restore is None:
        raise AssertionError("asked only when a restore is due")
    empty = restore.from_ == "empty"
    broken = broken_off(ledger, "empty" if empty else "path", None if empty else restore.from_)
    return broken.evolve(restore_nonce=restore.nonce)


def _at_first_sight(wanted: Spec, ledger: Ledger, observed: Observed) -> Ledger:
    """Everything is deployed as it is wanted; only what was asked for once must not be done again later."""
    ledger = restored(wanted, ledger) if restore_is_due(wanted, ledger) else ledger
    nothing_there = observed.jobmanager is None and not observed.taskmanagers
    return ledger.evolve(
        deployed=wanted.document(),
        stopped=wanted.job.state == "suspended" and nothing_there,
        restart_nonce=wanted.job.restart_nonce,
        savepoint_nonce=wanted.job.savepoint_trigger_nonce,
    )
