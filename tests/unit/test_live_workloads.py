"""In which state a process is shown: a death is seen until all tasks run again."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from tests.unit.live_reports import Passes
from tests.unit.observations import at, checkpoints, flink, jobmanager, seen, taskmanager, taskmanagers

from anomalyjob_operator.live.workload_states import WorkloadState, workload_states
from anomalyjob_operator.observed import Observed, Refusal
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.status import Phase

ALL = frozenset({"demo-taskmanager-1", "demo-taskmanager-2", "demo-taskmanager-3"})


class Shown:
    """The states of one job's workloads over several passes."""

    def __init__(self, **spec: Any) -> None:
        self.passes = Passes(**spec)

    def states(
        self,
        observed: Observed,
        now: datetime,
        registered: frozenset[str] | None = ALL,
        all_running_since: datetime | None = None,
    ) -> dict[str, WorkloadState]:
        """The states after a pass that saw this."""
        report = self.passes.report(observed, now)
        shown = workload_states(report, registered, all_running_since)
        return {state.seen.name.removeprefix("demo-"): state for state in shown}


def restoring(**changes: Any) -> Observed:
    """TaskManager 1 died at 30 s and lives again since 31 s; the tasks are not all back."""
    back = taskmanagers(alive=True, alive_since=at(31), died_at=at(30))
    return replace(seen(taskmanagers=back, flink=flink(tasks_running=8, tasks_changed_at=at(33))), **changes)


def test_all_is_well() -> None:
    states = Shown().states(seen(), at(20))

    assert [(name, state.state, state.reason) for name, state in states.items()] == [
        ("jobmanager", "running", None),
        ("taskmanager-1", "running", None),
        ("taskmanager-2", "running", None),
        ("taskmanager-3", "running", None),
    ]
    assert states["taskmanager-1"].since == at(0)


def test_a_dead_taskmanager_is_down_since_its_death() -> None:
    dead = seen(taskmanagers=taskmanagers(alive=False, alive_since=None, died_at=at(30)))
    shown = Shown()
    shown.states(seen(), at(20))
    state = shown.states(dead, at(31))["taskmanager-1"]

    assert (state.state, state.since) == ("down", at(30))


def test_a_taskmanager_that_came_back_is_restarting_until_all_tasks_run() -> None:
    shown = Shown()
    shown.states(seen(), at(20))
    during = shown.states(restoring(), at(34), all_running_since=at(12))
    running = flink(checkpoints(), tasks_changed_at=at(36))
    after = shown.states(restoring(flink=running), at(37), all_running_since=at(36))

    assert during["taskmanager-1"].state == "restarting"
    assert during["taskmanager-2"].state == "running"
    assert after["taskmanager-1"].state == "running"


def test_a_death_that_was_recovered_before_is_no_part_of_the_next_recovery() -> None:
    shown = Shown()
    shown.states(seen(), at(20))
    shown.states(restoring(), at(34))
    recovered = restoring(flink=flink(checkpoints(), tasks_changed_at=at(36)))
    shown.states(recovered, at(37), all_running_since=at(36))
    workers = (*recovered.taskmanagers[:2], taskmanager(3, alive=False, alive_since=None, died_at=at(39)))
    states = shown.states(replace(recovered, taskmanagers=workers), at(40), all_running_since=at(36))

    assert (states["taskmanager-1"].state, states["taskmanager-3"].state) == ("running", "down")


def test_whoever_looks_for_the_first_time_in_a_recovery_sees_it_too() -> None:
    shown = Shown()
    shown.states(seen(), at(20))

    assert shown.states(restoring(), at(34), all_running_since=None)["taskmanager-1"].state == "restarting"


def test_a_living_taskmanager_that_flink_does_not_know_is_starting() -> None:
    state = Shown().states(seen(), at(20), registered=ALL - {"demo-taskmanager-2"})["taskmanager-2"]

    assert (state.state, state.reason) == ("starting", "not yet registered with the JobManager")


def test_while_flink_has_not_answered_yet_everything_is_starting() -> None:
    states = Shown().states(seen(flink=None), at(5), registered=None)

    assert {state.state for state in states.values()} == {"starting"}


def test_of_a_job_that_ran_a_silent_flink_says_nothing_about_the_processes() -> None:
    shown = Shown()
    shown.states(seen(), at(20))
    states = shown.states(seen(flink=None), at(25), registered=None)

    assert {(state.state, state.reason) for state in states.values()} == {
        ("running", "Flink's REST endpoint does not answer")
    }


def test_a_pod_that_waits_says_what_for() -> None:
    waiting = Refusal(reason="ImagePullBackOff", message="no such image")
    workers = taskmanagers(alive=False, alive_since=None, waiting=waiting)
    state = Shown().states(seen(taskmanagers=workers), at(20))["taskmanager-1"]

    assert (state.state, state.reason) == ("waiting", "ImagePullBackOff: no such image")


def test_a_launcher_that_refused_says_why() -> None:
    refusal = Refusal(reason="BelowFloor", message="the newest checkpoint is below the floor")
    dead = seen(jobmanager=jobmanager(alive=False, alive_since=None, died_at=at(3), refusal=refusal), flink=None)
    state = Shown().states(dead, at(5), registered=None)["jobmanager"]

    assert (state.state, state.reason) == ("down", "the newest checkpoint is below the floor")


def test_before_anything_was_started_everything_is_shown_as_starting() -> None:
    states = Shown().states(Observed(jobmanager=None), at(0), registered=None)

    assert {name: state.state for name, state in states.items()} == dict.fromkeys(
        ("jobmanager", "taskmanager-1", "taskmanager-2", "taskmanager-3"), "starting"
    )


def test_of_a_suspended_job_everything_is_shown_as_stopped() -> None:
    shown = Shown(job={"state": "suspended"})
    shown.states(Observed(jobmanager=None), at(0), registered=None)
    states = shown.states(Observed(jobmanager=None), at(1), registered=None)

    assert {state.state for state in states.values()} == {"stopped"}
    assert len(states) == 4


def test_ten_taskmanagers_stand_in_the_order_of_their_numbers() -> None:
    shown = Shown(taskManager={"replicas": 11})
    names = list(shown.states(Observed(jobmanager=None), at(0), registered=None))

    assert names == ["jobmanager", *(f"taskmanager-{number}" for number in range(1, 12))]


def with_phase(report: PassReport, phase: Phase) -> PassReport:
    return replace(report, status=report.status.evolve(phase=phase))


@pytest.mark.parametrize("phase", ["Running", "Degraded", "Upgrading"])
def test_a_recovery_that_a_change_cut_short_is_not_open_for_ever(phase: Phase) -> None:
    passes = Passes()
    passes.report(seen(), at(20))
    superseded = with_phase(passes.report(restoring(), at(34)), phase)
    states = workload_states(superseded, ALL, at(50))

    assert superseded.status.last_recovery is not None
    assert superseded.status.last_recovery.running_at is None
    assert {state.state for state in states} == {"running"}


@pytest.mark.parametrize("phase", ["Upgrading", "Suspended", "Deleting"])
def test_what_ends_in_a_planned_stop_has_not_died(phase: Phase) -> None:
    passes = Passes()
    passes.report(seen(), at(20))
    leaving = seen(taskmanagers=taskmanagers(alive=False, alive_since=None, died_at=at(30)))
    states = workload_states(with_phase(passes.report(leaving, at(31)), phase), ALL, at(12))

    assert [(state.state, state.reason) for state in states][1] == ("stopped", f"stopped: {phase}")
