"""The phase: computed from facts on every pass, never stored as truth. Pure.

A chain of checks, the first that answers wins; each answer carries the sentence that becomes the status's message.
"""

from collections.abc import Callable
from typing import Final

from anomalyjob_operator.decide import troubles
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.status import Phase

Answer = tuple[Phase, str]

HOPELESS: Final[tuple[troubles.Check, ...]] = (
    troubles.refused,
    troubles.budget_exhausted,
    troubles.finished,
    troubles.restore_failed,
    troubles.no_progress,
    troubles.tasks_fail_again_and_again,
)
"""Troubles that the phase Failed stands for."""

DEGRADING: Final[tuple[troubles.Check, ...]] = (troubles.checkpoints_fail, troubles.checkpoint_overdue)
"""Troubles of a job whose tasks all run."""


def phase_of(situation: Situation, ledger: Ledger) -> Answer:
    """Return the phase and its sentence."""
    answers = (check(situation, ledger) for check in CHAIN)
    return next(answer for answer in answers if answer is not None)


def _upgrading(situation: Situation, ledger: Ledger) -> Answer | None:
    operation = ledger.operation
    if operation is None:
        return None
    left = ", ".join(workload.name for workload in situation.workloads)
    waits = {
        "Checkpoint": "waiting for a checkpoint",
        "Savepoint": "stopping with a savepoint",
        "Stop": f"waiting for the end of {left}" if left else "everything has stopped",
    }[operation.step]
    return "Upgrading", f"{operation.kind}: {waits}"


def _suspended(situation: Situation, ledger: Ledger) -> Answer | None:
    if not ledger.stopped:
        return None
    left = ", ".join(workload.name for workload in situation.workloads)
    return "Suspended", f"Suspended; waiting for the end of {left}" if left else "Suspended by spec.job.state"


def _failed(situation: Situation, ledger: Ledger) -> Answer | None:
    trouble = troubles.first(HOPELESS, situation, ledger)
    return None if trouble is None else ("Failed", trouble[1])


def _pending(situation: Situation, ledger: Ledger) -> Answer | None:
    if situation.workloads:
        return None
    if ledger.constellation is not None:
        return "Recovering", "All processes of the job are gone; they are started again"
    if ledger.restart_counter:
        return "Deploying", "All processes of the job are to be started"
    refused = troubles.object_refused(situation, ledger)
    return "Pending", "Nothing has been started yet" if refused is None else refused[1]


def _waiting(situation: Situation, ledger: Ledger) -> Answer | None:
    """A failed job that is started again later, or is about to be replaced."""
    if not situation.job_failed:
        return None
    when = "at once" if ledger.next_restart_at is None else f"at {ledger.next_restart_at:%H:%M:%S} UTC"
    phase: Phase = "Deploying" if ledger.open_recovery is None else "Recovering"
    return phase, f"The job ended {situation.job_state} and is started again {when}"


def _recovering(situation: Situation, ledger: Ledger) -> Answer | None:
    recovery = ledger.open_recovery
    if recovery is None or recovery.running_at is not None:
        return None
    if situation.all_running:
        return "Degraded", f"{recovery.cause}: {recovery.subject} is not what it was; so far all tasks are RUNNING"
    return "Recovering", f"{recovery.cause}: {recovery.subject}; {_obstacle(situation, ledger) or _tasks(situation)}"


def _degraded(situation: Situation, ledger: Ledger) -> Answer | None:
    if not situation.all_running:
        return None
    trouble = troubles.first(DEGRADING, situation, ledger)
    if trouble is not None:
        return "Degraded", trouble[1]
    ready, wanted = situation.taskmanagers_ready, situation.spec.task_manager.replicas
    return ("Degraded", f"Only {ready} of {wanted} TaskManagers are ready") if ready < wanted else None


def _running(situation: Situation, ledger: Ledger) -> Answer | None:
    if situation.all_running:
        trouble = troubles.checkpoint_failed(situation, ledger)
        return "Running", _tasks(situation) if trouble is None else trouble[1]
    unseen = situation.flink is None and ledger.constellation is not None
    if unseen and all(workload.alive for workload in situation.workloads):
        return "Running", "Flink's REST endpoint did not answer; all processes live"
    return None


def _deploying(situation: Situation, ledger: Ledger) -> Answer:
    alive, wanted = sum(workload.alive for workload in situation.workloads), situation.spec.task_manager.replicas + 1
    return "Deploying", f"{alive} of {wanted} processes live; {_obstacle(situation, ledger) or _tasks(situation)}"


def _obstacle(situation: Situation, ledger: Ledger) -> str | None:
    trouble = troubles.first((troubles.object_refused, troubles.workload_waiting), situation, ledger)
    if trouble is not None:
        return trouble[1]
    return "Flink's REST endpoint does not answer yet" if situation.flink is None else None


def _tasks(situation: Situation) -> str:
    flink = situation.flink
    if flink is None:
        return "Flink's REST endpoint does not answer"
    if flink.tasks_total == 0:
        return "the job has no tasks yet"
    return f"{flink.tasks_running} of {flink.tasks_total} tasks RUNNING"


CHAIN: Final[tuple[Callable[[Situation, Ledger], Answer | None], ...]] = (
    _upgrading,
    _suspended,
    _failed,
    _pending,
    _waiting,
    _recovering,
    _degraded,
    _running,
    _deploying,
)
