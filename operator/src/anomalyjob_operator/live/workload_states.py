"""What state a process or pod is shown in: alive is not yet registered, and back is not yet recovered.

Pure. Judged by what was seen in the last pass and by Flink; it must not remember anything.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from anomalyjob_operator.names import job_manager_name, task_manager_name
from anomalyjob_operator.observed import Role, WorkloadObservation
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.status import Phase

State = Literal["running", "starting", "down", "restarting", "waiting", "stopped"]

_BEGINNING: Final = frozenset({"Pending", "Deploying"})
_RECOVERING: Final = frozenset({"Recovering", "Degraded", "Failed"})
_STOPPING: Final = frozenset({"Suspended", "Upgrading", "Deleting"})
_CLOCKS_DIFFER: Final = timedelta(seconds=5)
"""By so much a death may seem older than the recovery that it caused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadState:
    """A workload with its state; `reason` says why it is not running, `since` when that began, as far as known."""

    seen: WorkloadObservation
    state: State
    reason: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Light:
    """In which light a living process is seen."""

    registered: frozenset[str] | None
    lost_since: datetime | None
    phase: Phase


def workload_states(
    report: PassReport, registered: frozenset[str] | None, all_running_since: datetime | None
) -> tuple[WorkloadState, ...]:
    """Return every workload, the JobManager first, also those that are wanted but not there.

    `registered` names the TaskManagers that Flink knows, None when nobody told. `all_running_since` is the last moment
    known at which the last of all tasks had come to run.
    """
    light = _Light(
        registered=registered,
        lost_since=_recovering_since(report, all_running_since),
        phase=report.status.phase,
    )
    seen = [_state(workload, light) for workload in _seen(report)]
    there = {state.seen.name for state in seen}
    missing = [_missing(name, role, report) for name, role in _wanted(report) if name not in there]
    return tuple(sorted([*seen, *missing], key=lambda state: (state.seen.role, _natural(state.seen.name))))


def _seen(report: PassReport) -> tuple[WorkloadObservation, ...]:
    first = () if report.observed.jobmanager is None else (report.observed.jobmanager,)
    return (*first, *report.observed.taskmanagers)


def _wanted(report: PassReport) -> list[tuple[str, Role]]:
    name, count = report.job.metadata.name, report.job.spec.task_manager.replicas
    wanted: list[tuple[str, Role]] = [(job_manager_name(name), "jobmanager")]
    return wanted + [(task_manager_name(name, number), "taskmanager") for number in range(1, count + 1)]


def _missing(name: str, role: Role, report: PassReport) -> WorkloadState:
    workload = WorkloadObservation(name=name, role=role, alive=False)
    if report.status.phase in _STOPPING:
        return _stopped(workload, report.status.phase)
    return WorkloadState(seen=workload, state="starting", reason="not there yet", since=None)


def _recovering_since(report: PassReport, all_running_since: datetime | None) -> datetime | None:
    """Return the moment since which a death belongs to the open recovery, None when none is open.

    A recovery that a change of the job cut short stays in the status as it was: the phase tells that it is over.
    """
    recovery = report.status.last_recovery
    if recovery is None or recovery.running_at is not None or report.status.phase not in _RECOVERING:
        return None
    return all_running_since or recovery.detected_at - _CLOCKS_DIFFER


def _state(workload: WorkloadObservation, light: _Light) -> WorkloadState:
    if not workload.alive:
        return _not_alive(workload, light)
    state, reason = _alive(workload, light)
    return WorkloadState(seen=workload, state=state, reason=reason, since=workload.alive_since)


def _alive(workload: WorkloadObservation, light: _Light) -> tuple[State, str | None]:
    if light.lost_since is not None and workload.died_at is not None and workload.died_at >= light.lost_since:
        return "restarting", "its process died; it is back, the tasks are being restored"
    if workload.refusal is not None:
        return "waiting", workload.refusal.message
    if light.registered is None:
        # In a job that ran before, a silent endpoint says nothing about the processes.
        return ("starting" if light.phase in _BEGINNING else "running"), "Flink's REST endpoint does not answer"
    if workload.role == "taskmanager" and workload.name not in light.registered:
        return "starting", "not yet registered with the JobManager"
    return "running", None


def _not_alive(workload: WorkloadObservation, light: _Light) -> WorkloadState:
    if workload.waiting is not None:
        waits = f"{workload.waiting.reason}: {workload.waiting.message}"
        return WorkloadState(seen=workload, state="waiting", reason=waits, since=workload.died_at)
    if light.phase in _STOPPING and workload.refusal is None:
        return _stopped(workload, light.phase)
    if workload.died_at is None:
        return WorkloadState(seen=workload, state="starting", reason="no process yet", since=None)
    reason = "its process died" if workload.refusal is None else workload.refusal.message
    return WorkloadState(seen=workload, state="down", reason=reason, since=workload.died_at)


def _stopped(workload: WorkloadObservation, phase: Phase) -> WorkloadState:
    return WorkloadState(seen=workload, state="stopped", reason=f"stopped: {phase}", since=workload.died_at)


def _natural(name: str) -> tuple[str, int]:
    head, _, number = name.rpartition("-")
    return (head, int(number)) if number.isdecimal() else (name, 0)
