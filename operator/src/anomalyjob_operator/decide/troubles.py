"""What is wrong right now, each as one pure check that returns a reason and a message, or None.

Pure. Phase, conditions and events are all made of these, so they cannot contradict each other.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from anomalyjob.refusal import Reason
from anomalyjob_operator.decide.situation import Situation, checkpoint_deadline
from anomalyjob_operator.decide.wishes import change_of
from anomalyjob_operator.ledger import Ledger

Trouble = tuple[str, str]
"""A CamelCase reason and a sentence."""

Check = Callable[[Situation, Ledger], Trouble | None]

NEARLY_FULL: Final = 0.10
FREE_AGAIN: Final = 0.12
"""Parts of the volume that are free; two limits, so that one megabyte back and forth tells nothing."""

STATE_REFUSALS: Final = frozenset(
    {
        Reason.BAD_LEDGER,
        Reason.CHECKPOINT_BELOW_FLOOR,
        Reason.CHECKPOINTS_MISSING,
        Reason.NO_USABLE_CHECKPOINT,
        Reason.OLDER_INCARNATION,
        Reason.RESTORE_PATH_UNUSABLE,
        Reason.VOLUME_DAMAGED,
        Reason.VOLUME_MISSING,
        Reason.VOLUME_OF_ANOTHER_JOB,
    }
)
"""Refusals that protect the state; the others say that this machine or its configuration is not as it must be."""

HOPELESS_WAITS: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName"}
)
"""What pods wait for in vain until somebody changes something."""

MAXIMUM_CHARACTERS: Final = 300
"""As much of what a kubelet says as is repeated."""

WAITING_GRACE: Final = timedelta(seconds=60)
"""How long a pod may wait for a node or its volume, or be started again, before that is called stalled."""

SAME_REASON: Final = {"ErrImagePull": "ImagePullBackOff"}
"""Reasons between which a waiting pod goes back and forth."""


def refused(situation: Situation, _ledger: Ledger) -> Trouble | None:
    """A launcher does not start Flink."""
    refusal = situation.refusal
    return None if refusal is None else (refusal.reason, refusal.message)


def state_refused(situation: Situation, _ledger: Ledger) -> Trouble | None:
    """The launcher does not start Flink because state could be lost."""
    refusal = situation.refusal
    return (refusal.reason, refusal.message) if refusal is not None and refusal.reason in STATE_REFUSALS else None


def restore_failed(_situation: Situation, ledger: Ledger) -> Trouble | None:
    """Flink could not take over the newest checkpoint."""
    failure = ledger.restore_failure
    if failure is None:
        return None
    text = (
        f"Checkpoint {failure.checkpoint_id} could not be restored: {failure.message}. No older one is taken by itself:"
        " `anomalyjob checkpoints` lists what there is, spec.job.restore with a new nonce begins from the one you name"
    )
    return "RestoreFailed", text


def budget_exhausted(situation: Situation, ledger: Ledger) -> Trouble | None:
    """The job failed too often without getting anywhere."""
    if not ledger.budget_exhausted:
        return None
    recovery = situation.spec.recovery
    text = (
        f"The job failed again after {recovery.max_restarts} restarts within {recovery.window} that completed no"
        f" checkpoint{newest_failure(situation)}. It is not restarted until the spec changes; its state is kept"
    )
    return "RestartBudgetExhausted", text


def invalid(situation: Situation, _ledger: Ledger) -> Trouble | None:
    """The resource cannot be read; the last valid spec goes on."""
    if not situation.invalid:
        return None
    return "ValidationError", f"The resource is invalid, its last valid spec goes on: {'; '.join(situation.invalid)}"


def waits_for_savepoint(situation: Situation, ledger: Ledger) -> Trouble | None:
    """A change cannot be made before a savepoint that cannot be taken now."""
    if ledger.operation is not None or ledger.stopped or _is_silent(situation):
        return None
    change = change_of(situation, ledger)
    if change is None or not change.needs_savepoint:
        return None
    failure = ledger.savepoint_failure
    why = f"the job is {situation.job_state or 'not there'}" if failure is None else f"it failed ({failure.message})"
    text = (
        f"{change.sentence}, which takes a savepoint, and {why}. It is made as soon as one can be taken."
        " Or change it back, or give the state up: spec.job.restore with a new nonce, or upgradeMode: stateless"
    )
    return "NeedsSavepoint", text


def workload_waiting(situation: Situation, _ledger: Ledger) -> Trouble | None:
    """A pod does not come to run, for a reason that waiting alone seldom cures."""
    for workload in situation.workloads:
        if workload.waiting is not None and not workload.alive:
            reason = SAME_REASON.get(workload.waiting.reason, workload.waiting.reason)
            return reason, f"{workload.name} waits: {reason} ({workload.waiting.message[:MAXIMUM_CHARACTERS]})"
    return None


def object_refused(situation: Situation, _ledger: Ledger) -> Trouble | None:
    """The cluster does not accept what was applied, or does not carry it out."""
    refusal = situation.observed.refused_object
    return None if refusal is None else (refusal.reason, refusal.message)


def workload_stuck(situation: Situation, ledger: Ledger) -> Trouble | None:
    """A pod waits for something that will not come, or has been waiting for long after the last change or loss."""
    trouble = workload_waiting(situation, ledger)
    if trouble is None or trouble[0] in HOPELESS_WAITS:
        return trouble
    begins = (
        None if ledger.spec is None else ledger.spec.since,
        None if ledger.open_recovery is None else ledger.open_recovery.detected_at,
    )
    newest = max((begin for begin in begins if begin is not None), default=situation.now)
    return trouble if situation.now - newest > WAITING_GRACE else None


def finished(situation: Situation, ledger: Ledger) -> Trouble | None:
    """The job came to an end although its source has none, and nobody was stopping it."""
    if not situation.job_finished or ledger.operation is not None:
        return None
    return "JobFinished", "The job FINISHED although nobody asked it to stop; it stays as it is"


def tasks_fail_again_and_again(situation: Situation, ledger: Ledger) -> Trouble | None:
    """Flink restarts tasks over and over; counted since the newest checkpoint, within the window."""
    flink, recovery = situation.flink, situation.spec.recovery
    if flink is None:
        return None
    begin = situation.now - timedelta(milliseconds=recovery.window.milliseconds)
    if ledger.last_checkpoint is not None:
        begin = max(begin, ledger.last_checkpoint.completed_at)
    failures = sum(failure.at > begin for failure in flink.failures)
    if failures <= recovery.max_restarts:
        return None
    text = f"Tasks failed {failures} times since the newest checkpoint{newest_failure(situation)}. Flink goes on trying"
    return "TasksFailAgainAndAgain", text


def no_progress(situation: Situation, ledger: Ledger) -> Trouble | None:
    """A new spec has completed no checkpoint in time."""
    spec, deadline = ledger.spec, situation.spec.recovery.progress_deadline
    if spec is None or spec.proven or ledger.stopped or ledger.operation is not None:
        return None
    if situation.now - spec.since <= timedelta(milliseconds=deadline.milliseconds):
        return None
    waiting = workload_waiting(situation, ledger)
    why = newest_failure(situation) if waiting is None else f" ({waiting[1]})"
    text = f"This spec completed no checkpoint within {deadline}{why}. {_last_good(ledger)}"
    return "ProgressDeadlineExceeded", text


def recovery_stuck(situation: Situation, ledger: Ledger) -> Trouble | None:
    """A recovery does not come to an end."""
    recovery, deadline = ledger.open_recovery, situation.spec.recovery.progress_deadline
    if recovery is None or recovery.running_at is not None:
        return None
    if situation.now - recovery.detected_at <= timedelta(milliseconds=deadline.milliseconds):
        return None
    return "RecoveryStuck", f"Not all tasks run again after {deadline}{newest_failure(situation)}"


def checkpoints_fail(situation: Situation, ledger: Ledger) -> Trouble | None:
    """More checkpoints in a row failed than are tolerated."""
    current, tolerated = ledger.current, situation.spec.checkpointing.tolerable_failures
    if current is None or current.failed_since_completed <= tolerated:
        return None
    return "CheckpointsFail", failed_checkpoints(situation, current.failed_since_completed)


def checkpoint_overdue(situation: Situation, ledger: Ledger) -> Trouble | None:
    """No checkpoint completed for too long although all tasks run."""
    if not situation.all_running or ledger.constellation is None:
        return None
    durations = () if situation.flink is None else situation.flink.checkpoints.recent_durations_milliseconds
    deadline, since = checkpoint_deadline(situation.spec, durations), ledger.constellation.running_since
    if ledger.last_checkpoint is not None:
        since = max(since, ledger.last_checkpoint.completed_at)
    if situation.now - since <= deadline:
        return None
    text = (
        f"No checkpoint completed for more than {deadline.total_seconds():g} s{_newest_checkpoint_failure(situation)}"
    )
    return "CheckpointOverdue", text


def checkpoint_failed(situation: Situation, ledger: Ledger) -> Trouble | None:
    """At least one checkpoint failed since the last one that completed."""
    current = ledger.current
    if current is None or current.failed_since_completed == 0:
        return None
    return "CheckpointFailed", failed_checkpoints(situation, current.failed_since_completed)


def volume_nearly_full(situation: Situation, ledger: Ledger) -> Trouble | None:
    """Less than a tenth of the volume is free."""
    free = situation.observed.volume_free_ratio
    if free is None or free >= (FREE_AGAIN if "VolumeNearlyFull" in ledger.alarms else NEARLY_FULL):
        return None
    return "VolumeNearlyFull", f"Only {free:.1%} of the volume is free; checkpoints fail when it is full"


def _last_good(ledger: Ledger) -> str:
    """Say what there is to go back to."""
    floor, good = ledger.floor, ledger.last_good
    what = "savepoint" if floor is not None and floor.is_savepoint else "checkpoint"
    newest = "" if floor is None else f"The newest {what} {floor.checkpoint_id} ({floor.path}) is kept"
    kept = newest or "There is no earlier checkpoint"
    if good is None:
        return kept
    return f"The last good spec is in status.lastGood (hash {good.spec_hash}). {kept}"


def _is_silent(situation: Situation) -> bool:
    """Whether the JobManager lives and its REST endpoint tells nothing: no reason to say anything about the job."""
    jobmanager = situation.observed.jobmanager
    return situation.flink is None and jobmanager is not None and jobmanager.alive


def first(checks: tuple[Check, ...], situation: Situation, ledger: Ledger) -> Trouble | None:
    """Return the first trouble that a check finds."""
    return next((found for check in checks if (found := check(situation, ledger)) is not None), None)


def failed_checkpoints(situation: Situation, count: int, when: str = "since the last one that completed") -> str:
    """Say how many checkpoints failed, and why the newest of them did."""
    checkpoints = "1 checkpoint" if count == 1 else f"{count} checkpoints"
    return f"{checkpoints} failed {when}{_newest_checkpoint_failure(situation)}"


def newest_failure(situation: Situation) -> str:
    """Say why the job or its tasks failed last, in brackets; nothing where that is not known."""
    flink = situation.flink
    return f" ({flink.failures[0].message})" if flink is not None and flink.failures else ""


def _newest_checkpoint_failure(situation: Situation) -> str:
    flink = situation.flink
    return f" ({flink.checkpoints.latest_failure})" if flink is not None and flink.checkpoints.latest_failure else ""
