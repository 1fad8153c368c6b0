"""Recoveries: noticed by what differs from the constellation in which all tasks last ran, timed, and closed.

Pure. Nothing here restarts anything; dead processes are started by the back end, failed tasks by Flink. A recovery
that happened between two passes, or while nobody looked, leaves the same differences and is told all the same.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from anomalyjob_operator.decide.chain import Outcome, normal, warning
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.ledger import MAXIMUM_TASKMANAGERS, Cause, Constellation, Ledger, Recovery
from anomalyjob_operator.observed import WorkloadObservation
from anomalyjob_operator.status import Event

HEARTBEAT_GRACE: Final = timedelta(seconds=60)
"""Flink misses a TaskManager after `heartbeat.timeout` at the latest: 10 s here, 50 s by its own default. If all tasks
ran on until after that, the TaskManager had none of them: no recovery was needed."""

Loss = tuple[Cause, str, datetime]
"""A cause, the name of the workload or the state of the job, and when it happened as far as that is known."""


def note_recovery(situation: Situation, ledger: Ledger) -> Outcome:
    """Open, time and close recoveries, and remember the constellation in which all tasks run.

    What ends in the course of a deliberate stop is no loss.
    """
    if ledger.operation is not None or ledger.stopped:
        return ledger, ()
    ledger, events = _open(situation, ledger)
    ledger, told = _run(situation, ledger)
    return _make_safe(situation, _note_restored(situation, ledger)), events + told


def _open(situation: Situation, ledger: Ledger) -> Outcome:
    known = ledger.constellation
    if known is None:
        return ledger, ()
    loss = next((found for check in LOSSES if (found := check(situation, known)) is not None), None)
    if loss is None:
        return ledger, ()
    cause, subject, at = loss
    recovery = ledger.open_recovery
    if recovery is not None and recovery.running_at is None:
        return _with_better_cause(ledger, recovery, cause, subject), ()
    detected_at = min(situation.now, max(at, known.running_since))
    opened = Recovery(cause=cause, subject=subject, detected_at=detected_at, restored_before=known.restored_at)
    ledger = ledger.evolve(open_recovery=opened, last_recovery=recovery or ledger.last_recovery)
    return ledger, (warning("RecoverDeployment", f"{_sentence(cause, subject)}; recovering", situation.now),)


def _with_better_cause(ledger: Ledger, recovery: Recovery, cause: Cause, subject: str) -> Ledger:
    """A failure of tasks is often the first that is seen of a lost process."""
    if recovery.cause != "TaskFailure" or cause == "TaskFailure":
        return ledger
    return ledger.evolve(open_recovery=recovery.evolve(cause=cause, subject=subject))


def _run(situation: Situation, ledger: Ledger) -> Outcome:
    new, recovery = constellation_of(situation), ledger.open_recovery
    if new is None:
        return ledger, ()
    if recovery is None or recovery.running_at is not None:
        return _remembered(ledger, new), ()
    if not _came_back(ledger.constellation, new):
        return _dismissed(situation, ledger, recovery, new)
    running_at = min(situation.now, max(new.running_since, recovery.detected_at))
    recovery = recovery.evolve(running_at=running_at)
    ledger = ledger.evolve(constellation=new, open_recovery=recovery, recoveries=ledger.recoveries + 1)
    seconds = (running_at - recovery.detected_at).total_seconds()
    text = f"All tasks RUNNING {seconds:.1f} s after {_sentence(recovery.cause, recovery.subject)}"
    return ledger, (normal("Recovered", text, situation.now),)


def _remembered(ledger: Ledger, new: Constellation) -> Ledger:
    known = ledger.constellation
    outdated = known is not None and _age(new) < _age(known)
    return ledger if outdated or new == known else ledger.evolve(constellation=new)


def _dismissed(situation: Situation, ledger: Ledger, recovery: Recovery, new: Constellation) -> Outcome:
    """Drop a recovery that was not needed: all tasks ran on although a process is another one now."""
    if situation.now - recovery.detected_at < HEARTBEAT_GRACE:
        return ledger, ()
    text = f"{_sentence(recovery.cause, recovery.subject)}; all tasks ran on"
    return ledger.evolve(open_recovery=None, constellation=new), (normal("Recovered", text, situation.now),)


def _note_restored(situation: Situation, ledger: Ledger) -> Ledger:
    """Take over which checkpoint the recovery goes on from, as soon as Flink tells a restore that is its own."""
    recovery, flink = ledger.open_recovery, situation.flink
    if recovery is None or flink is None or flink.checkpoints.latest_restored_at is None:
        return ledger
    if flink.checkpoints.latest_restored_at == recovery.restored_before:
        return ledger
    restored = flink.checkpoints.latest_restored_id
    if restored == recovery.from_checkpoint:
        return ledger
    return ledger.evolve(open_recovery=recovery.evolve(from_checkpoint=restored))


def _make_safe(situation: Situation, ledger: Ledger) -> Ledger:
    recovery, flink = ledger.open_recovery, situation.flink
    if recovery is None or recovery.running_at is None or flink is None:
        return ledger
    newest = flink.checkpoints.latest_completed
    if newest is None or newest.completed_at <= recovery.running_at:
        return ledger
    if recovery.from_checkpoint is not None and newest.checkpoint_id <= recovery.from_checkpoint:
        return ledger
    return ledger.evolve(open_recovery=None, last_recovery=recovery.evolve(safe_at=newest.completed_at))


def superseded(before: Ledger, after: Ledger, events: tuple[Event, ...], now: datetime) -> tuple[Event, ...]:
    """Tell the end of a recovery that a deliberate change cut short: what begins must end for whoever listens."""
    recovery = before.open_recovery
    if recovery is None or recovery.running_at is not None or after.open_recovery is not None:
        return ()
    if any(event.reason == "Recovered" for event in events):
        return ()
    how = "its recovery is not followed to its end, because the job was changed or started anew"
    text = f"{_sentence(recovery.cause, recovery.subject)}; {how}"
    return (normal("RecoverySuperseded", text, now),)


def constellation_of(situation: Situation) -> Constellation | None:
    """Return who is at work, None unless all tasks run."""
    flink = situation.flink
    if flink is None or not situation.all_running or flink.tasks_changed_at is None or flink.job_started_at is None:
        return None
    jobmanager = situation.observed.jobmanager
    return Constellation(
        running_since=flink.tasks_changed_at,
        job_started_at=flink.job_started_at,
        restored_at=flink.checkpoints.latest_restored_at,
        jobmanager_since=None if jobmanager is None else jobmanager.alive_since,
        taskmanagers={
            # One that is dead already is entered as it is: when it comes back it is another one. One that has not
            # been born yet, such as a spare that was just asked for, is not missed.
            taskmanager.name: since
            for taskmanager in situation.observed.taskmanagers[:MAXIMUM_TASKMANAGERS]
            if (since := taskmanager.alive_since or taskmanager.died_at) is not None
        },
    )


def _age(constellation: Constellation) -> tuple[datetime, datetime]:
    """Return what orders constellations in time: a JobManager's clock is only compared with itself."""
    return constellation.job_started_at, constellation.running_since


def _came_back(known: Constellation | None, new: Constellation) -> bool:
    """Whether Flink has started tasks anew since: only that proves that a loss has been answered."""
    if known is None:
        return True
    return _age(new) > _age(known)


def _jobmanager_lost(situation: Situation, known: Constellation) -> Loss | None:
    jobmanager, flink = situation.observed.jobmanager, situation.flink
    if jobmanager is None:
        return None
    other_job = flink is not None and flink.job_started_at not in {None, known.job_started_at}
    if other_job or _is_another(jobmanager, known.jobmanager_since):
        return "JobManagerLost", jobmanager.name, _death(jobmanager, known, situation.now)
    return None


def _job_failed(situation: Situation, _known: Constellation) -> Loss | None:
    flink = situation.flink
    if flink is None or flink.job_state is None or not situation.job_failed:
        return None
    return "JobFailed", flink.job_state, flink.failures[0].at if flink.failures else situation.now


def _taskmanager_lost(situation: Situation, known: Constellation) -> Loss | None:
    for taskmanager in situation.observed.taskmanagers:
        since = known.taskmanagers.get(taskmanager.name)
        if since is not None and _is_another(taskmanager, since):
            return "TaskManagerLost", taskmanager.name, _death(taskmanager, known, situation.now)
    return None


def _tasks_failed(situation: Situation, known: Constellation) -> Loss | None:
    flink, now = situation.flink, situation.now
    if flink is None or flink.job_state is None or situation.job_finished:
        return None
    if flink.tasks_changed_at is not None and flink.tasks_changed_at <= known.running_since:
        # Nothing has changed since, or this answer is older than that.
        return None
    newer = [failure.at for failure in flink.failures if failure.at > known.running_since]
    at = min(newer, default=now)
    return "TaskFailure", flink.job_state, at


LOSSES: Final[tuple[Callable[[Situation, Constellation], Loss | None], ...]] = (
    _jobmanager_lost,
    _job_failed,
    _taskmanager_lost,
    _tasks_failed,
)


def _is_another(workload: WorkloadObservation, since: datetime | None) -> bool:
    """Whether the process is dead, or another one than the one that lived since then."""
    if not workload.alive:
        return True
    return None not in {workload.alive_since, since} and workload.alive_since != since


def _death(workload: WorkloadObservation, known: Constellation, now: datetime) -> datetime:
    """Return when the process died, as far as that is known."""
    candidates = (workload.died_at, workload.alive_since)
    return next((time for time in candidates if time is not None and time >= known.running_since), now)


def _sentence(cause: Cause, subject: str) -> str:
    if cause == "JobFailed":
        return f"the job ended {subject}"
    return "tasks failed" if cause == "TaskFailure" else f"{subject} died"
