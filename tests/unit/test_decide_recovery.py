"""Recoveries: which are noticed, when they begin and end, what they are said to come from."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.observations import (
    T0,
    at,
    checkpoints,
    completed,
    failed_job,
    flink,
    jobmanager,
    resource,
    seen,
    taskmanager,
    taskmanagers,
)

from anomalyjob_operator.decide import Plan, decide
from anomalyjob_operator.ledger import Ledger, Recovery
from anomalyjob_operator.observed import FlinkObservation, JobFailure, Observed

BEFORE = checkpoints(completed(3, 30))
RUNNING_BEFORE = (31, seen(BEFORE))


def restarting(**changes: Any) -> FlinkObservation:
    return flink(BEFORE, **{"job_state": "RESTARTING", "tasks_running": 4, "tasks_changed_at": at(41), **changes})


def back(seconds: float, restored: int = 3, newest: int = 3, newest_at: float = 30, **changes: Any) -> FlinkObservation:
    """All tasks RUNNING since then, restored a second earlier."""
    statistics = checkpoints(
        completed(newest, newest_at), restored=1, latest_restored_id=restored, latest_restored_at=at(seconds - 1)
    )
    return flink(statistics, **{"tasks_changed_at": at(seconds), **changes})


def passes(*moments: tuple[float, Observed], ledger: Ledger | None = None) -> list[Plan]:
    plans: list[Plan] = []
    ledger = ledger or Ledger()
    for seconds, observed in moments:
        plans.append(decide(resource(), ledger, observed, at(seconds)))
        ledger = plans[-1].ledger
    return plans


def reasons(plans: list[Plan]) -> list[str]:
    """The reasons of all events but the state changes of the job."""
    return [event.reason for plan in plans for event in plan.events if event.reason != "JobStatusChanged"]


def test_a_taskmanager_dies_and_comes_back_and_the_job_is_safe_again() -> None:
    dead = taskmanagers(alive=False, alive_since=None, died_at=at(40))
    again = taskmanagers(alive_since=at(40.5), died_at=at(40))

    plans = passes(
        RUNNING_BEFORE,
        (41, seen(BEFORE, taskmanagers=dead)),
        (42, seen(flink=restarting(), taskmanagers=again)),
        (53, seen(flink=back(52), taskmanagers=again)),
        (61, seen(flink=back(52, newest=4, newest_at=60), taskmanagers=again)),
    )

    assert plans[-1].ledger.last_recovery == Recovery(
        cause="TaskManagerLost",
        subject="demo-taskmanager-1",
        detected_at=at(40),
        from_checkpoint=3,
        running_at=at(52),
        safe_at=at(60),
    )
    assert plans[-1].ledger.open_recovery is None
    assert plans[-1].ledger.recoveries == 1
    assert reasons(plans) == ["RecoverDeployment", "Recovered"]
    assert [plan.phase for plan in plans] == ["Running", "Degraded", "Recovering", "Running", "Running"]


def test_a_recovery_counts_only_once_all_tasks_were_started_anew() -> None:
    """REST still shows the old tasks for a moment: that is not a recovery of no seconds."""
    dead = taskmanagers(alive=False, alive_since=None, died_at=at(40))

    plans = passes(RUNNING_BEFORE, (41, seen(BEFORE, taskmanagers=dead)))

    assert plans[-1].ledger.open_recovery is not None
    assert plans[-1].ledger.open_recovery.running_at is None
    assert plans[-1].ledger.recoveries == 0


def test_a_recovery_that_happened_entirely_between_two_passes_is_noticed() -> None:
    again = taskmanagers(alive_since=at(40.5), died_at=at(40))

    plans = passes(RUNNING_BEFORE, (61, seen(flink=back(52, newest=4, newest_at=60), taskmanagers=again)))

    recovery = plans[-1].ledger.last_recovery
    assert recovery is not None
    assert (recovery.cause, recovery.from_checkpoint) == ("TaskManagerLost", 3)
    assert (recovery.detected_at, recovery.running_at, recovery.safe_at) == (at(40), at(52), at(60))
    assert reasons(plans) == ["RecoverDeployment", "Recovered"]


def test_a_jobmanager_dies_and_the_new_one_goes_on() -> None:
    dead = jobmanager(alive=False, alive_since=None, died_at=at(40))
    again = jobmanager(alive_since=at(40.2), died_at=at(40))
    new = back(60, job_started_at=at(48))

    plans = passes(
        RUNNING_BEFORE,
        (41, seen(flink=None, jobmanager=dead)),
        (45, seen(flink=None, jobmanager=again)),
        (47, seen(flink=flink(job_id=None, job_state=None, tasks_total=0, tasks_running=0), jobmanager=again)),
        (61, seen(flink=new, jobmanager=again)),
    )

    recovery = plans[-1].ledger.open_recovery
    assert recovery is not None
    assert (recovery.cause, recovery.detected_at, recovery.running_at) == ("JobManagerLost", at(40), at(60))
    assert recovery.from_checkpoint == 3
    assert plans[-1].ledger.recoveries == 1


def test_a_jobmanager_that_restarted_while_nobody_looked_is_noticed() -> None:
    again = jobmanager(alive_since=at(40.2))

    plans = passes(RUNNING_BEFORE, (90, seen(flink=back(60, job_started_at=at(48)), jobmanager=again)))

    recovery = plans[-1].ledger.open_recovery
    assert recovery is not None
    assert (recovery.cause, recovery.detected_at, recovery.running_at) == ("JobManagerLost", at(40.2), at(60))


def test_all_processes_die_at_once_and_it_is_one_recovery() -> None:
    dead = jobmanager(alive=False, alive_since=None, died_at=at(40))
    lost = taskmanagers(alive=False, alive_since=None, died_at=at(40))
    again: dict[str, Any] = {
        "jobmanager": jobmanager(alive_since=at(41)),
        "taskmanagers": taskmanagers(alive_since=at(41)),
    }

    plans = passes(
        RUNNING_BEFORE,
        (41, seen(flink=None, jobmanager=dead, taskmanagers=lost)),
        (80, seen(flink=back(79, job_started_at=at(50)), **again)),
    )

    assert plans[-1].ledger.recoveries == 1
    assert reasons(plans) == ["RecoverDeployment", "Recovered"]


def test_a_task_failure_is_timed_from_flinks_own_record_of_it() -> None:
    failure = JobFailure(at=at(40.5), message="java.lang.Exception: broken")

    plans = passes(RUNNING_BEFORE, (42, seen(flink=restarting(failures=(failure,)))), (50, seen(flink=back(49))))

    recovery = plans[-1].ledger.open_recovery
    assert recovery is not None
    assert (recovery.cause, recovery.detected_at, recovery.running_at) == ("TaskFailure", at(40.5), at(49))


def test_a_lost_process_is_the_better_cause_than_the_failing_tasks_it_left() -> None:
    dead = taskmanagers(alive=False, alive_since=None, died_at=at(42.5))

    plans = passes(RUNNING_BEFORE, (42, seen(flink=restarting())), (43, seen(flink=restarting(), taskmanagers=dead)))

    assert plans[-1].ledger.open_recovery is not None
    assert plans[-1].ledger.open_recovery.cause == "TaskManagerLost"
    assert reasons(plans) == ["RecoverDeployment"]


def test_a_spare_taskmanager_that_comes_back_is_no_recovery() -> None:
    again = taskmanagers(alive_since=at(40.5), died_at=at(40))

    plans = passes(
        RUNNING_BEFORE,
        (41, seen(BEFORE, taskmanagers=again)),
        (99, seen(checkpoints(completed(9, 90)), taskmanagers=again)),
        (101, seen(checkpoints(completed(10, 100)), taskmanagers=again)),
    )

    assert plans[2].ledger.open_recovery is not None
    assert plans[3].ledger.open_recovery is None
    assert plans[3].ledger.recoveries == 0
    assert plans[3].ledger.last_recovery is None
    assert plans[3].phase == "Running"


def test_a_second_loss_before_the_tasks_run_belongs_to_the_same_recovery() -> None:
    plans = passes(
        RUNNING_BEFORE,
        (42, seen(flink=restarting(), taskmanagers=taskmanagers(alive_since=at(40)))),
        (44, seen(flink=None, jobmanager=jobmanager(alive=False, died_at=at(43)))),
        (70, seen(flink=back(69, job_started_at=at(50)), jobmanager=jobmanager(alive_since=at(44)))),
    )

    assert plans[-1].ledger.recoveries == 1
    assert plans[-1].ledger.open_recovery is not None
    assert plans[-1].ledger.open_recovery.cause == "TaskManagerLost"


def test_a_loss_after_the_tasks_ran_is_another_recovery_and_the_first_stays_unsafe() -> None:
    first = taskmanagers(alive_since=at(40.5), died_at=at(40))
    second = taskmanagers(alive_since=at(55), died_at=at(54))

    plans = passes(
        RUNNING_BEFORE,
        (53, seen(flink=back(52), taskmanagers=first)),
        (55, seen(flink=restarting(tasks_changed_at=at(55)), taskmanagers=second)),
    )

    ledger = plans[-1].ledger
    assert ledger.last_recovery is not None
    assert (ledger.last_recovery.running_at, ledger.last_recovery.safe_at) == (at(52), None)
    assert ledger.open_recovery is not None
    assert (ledger.open_recovery.detected_at, ledger.open_recovery.running_at) == (at(54), None)


def test_a_checkpoint_that_completed_before_the_tasks_ran_makes_nothing_safe() -> None:
    again = taskmanagers(alive_since=at(40.5), died_at=at(40))

    plans = passes(RUNNING_BEFORE, (53, seen(flink=back(52, newest=4, newest_at=39.9), taskmanagers=again)))

    assert plans[-1].ledger.open_recovery is not None
    assert plans[-1].ledger.open_recovery.safe_at is None


def test_statistics_that_lag_behind_do_not_hide_what_was_restored() -> None:
    """Flink caches checkpoint statistics: the restore shows up after the tasks already run."""
    again = taskmanagers(alive_since=at(40.5), died_at=at(40))
    lagging = flink(BEFORE, tasks_changed_at=at(52))

    plans = passes(
        RUNNING_BEFORE,
        (53, seen(flink=lagging, taskmanagers=again)),
        (55, seen(flink=back(52), taskmanagers=again)),
    )

    assert plans[1].ledger.open_recovery is not None
    assert plans[1].ledger.open_recovery.from_checkpoint is None
    assert plans[2].ledger.open_recovery is not None
    assert plans[2].ledger.open_recovery.from_checkpoint == 3
    assert plans[2].ledger.recoveries == 1


def test_a_restore_of_an_earlier_recovery_is_not_taken_for_this_one() -> None:
    once = taskmanagers(alive_since=at(40.5), died_at=at(40))
    twice = taskmanagers(alive_since=at(90.5), died_at=at(90))
    safe = back(52, newest=4, newest_at=60)

    plans = passes(
        RUNNING_BEFORE,
        (61, seen(flink=safe, taskmanagers=once)),
        (91, seen(flink=safe, taskmanagers=twice)),
    )

    assert plans[-1].ledger.open_recovery is not None
    assert plans[-1].ledger.open_recovery.from_checkpoint is None


def test_a_failed_job_is_a_recovery_and_its_new_jobmanager_is_not_another_cause() -> None:
    replaced = jobmanager(alive_since=at(45), died_at=at(44))

    plans = passes(
        RUNNING_BEFORE,
        (41, seen(flink=failed_job(BEFORE))),
        (46, seen(flink=None, jobmanager=replaced)),
        (61, seen(flink=back(60, job_started_at=at(48)), jobmanager=replaced)),
    )

    recovery = plans[-1].ledger.open_recovery
    assert recovery is not None
    assert (recovery.cause, recovery.detected_at, recovery.running_at) == ("JobFailed", at(20), at(60))
    assert plans[-1].ledger.recoveries == 1


def test_rest_that_does_not_answer_is_no_recovery() -> None:
    plans = passes(RUNNING_BEFORE, (41, seen(flink=None)), (42, seen(BEFORE)))

    assert [plan.ledger.open_recovery for plan in plans] == [None, None, None]
    assert reasons(plans) == []


def test_an_answer_of_the_jobmanager_before_is_not_believed() -> None:
    again = jobmanager(alive_since=at(40.2), died_at=at(40))
    new = back(60, job_started_at=at(48), newest=4, newest_at=65)

    plans = passes(RUNNING_BEFORE, (66, seen(flink=new, jobmanager=again)), (67, seen(BEFORE, jobmanager=again)))

    assert plans[2].ledger == plans[1].ledger
    assert plans[2].message == "Flink's REST endpoint did not answer; all processes live"


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(seen(BEFORE), id="all tasks ran"),
        pytest.param(seen(flink=restarting()), id="tasks were restarting"),
    ],
)
def test_an_answer_from_before_the_tasks_ran_again_opens_no_recovery(late: Observed) -> None:
    plans = passes(
        RUNNING_BEFORE,
        (42, seen(flink=restarting())),
        (61, seen(flink=back(52, newest=4, newest_at=60))),
        (62, late),
        (63, seen(flink=back(52, newest=4, newest_at=60))),
    )

    assert reasons(plans) == ["RecoverDeployment", "Recovered"]
    assert plans[-1].ledger.open_recovery is None


def test_a_deployment_from_nothing_is_no_recovery() -> None:
    fresh: dict[str, Any] = {
        "jobmanager": jobmanager(alive_since=at(500)),
        "taskmanagers": taskmanagers(alive_since=at(500)),
    }

    plans = passes(
        RUNNING_BEFORE,
        (499, Observed(jobmanager=None, first_look=True)),
        (501, seen(flink=None, **fresh)),
        (540, seen(flink=back(539, job_started_at=at(510)), **fresh)),
    )

    assert [plan.phase for plan in plans] == ["Running", "Pending", "Deploying", "Running"]
    assert plans[-1].ledger.recoveries == 0
    assert reasons(plans) == []


def test_a_new_spec_replaces_processes_without_a_recovery() -> None:
    ledger = passes(RUNNING_BEFORE)[-1].ledger
    changed = resource(checkpointing={"retained": 5})

    plan = decide(changed, ledger, seen(BEFORE, jobmanager=jobmanager(alive_since=at(40))), at(41))

    assert plan.ledger.open_recovery is None
    assert reasons([plan]) == ["SpecChanged"]


def test_a_taskmanager_that_is_only_coming_is_not_missed() -> None:
    coming = taskmanager(4, alive=False, alive_since=None)
    there = taskmanager(4, alive_since=at(50))

    plans = passes(
        RUNNING_BEFORE,
        (41, seen(BEFORE, taskmanagers=(*taskmanagers(), coming))),
        (51, seen(BEFORE, taskmanagers=(*taskmanagers(), there))),
    )

    assert reasons(plans) == []
    assert plans[-1].ledger.open_recovery is None
    gone = taskmanager(4, alive=False, alive_since=None, died_at=at(60))
    assert reasons(passes((61, seen(BEFORE, taskmanagers=(*taskmanagers(), gone))), ledger=plans[-1].ledger)) == [
        "RecoverDeployment"
    ]


def test_everything_gone_at_once_is_a_recovery_for_whoever_has_been_looking() -> None:
    fresh: dict[str, Any] = {
        "jobmanager": jobmanager(alive_since=at(50)),
        "taskmanagers": taskmanagers(alive_since=at(50)),
    }

    plans = passes(
        RUNNING_BEFORE,
        (49, Observed(jobmanager=None)),
        (51, seen(flink=None, **fresh)),
        (71, seen(flink=back(70, job_started_at=at(60)), **fresh)),
    )

    assert [plan.phase for plan in plans] == ["Running", "Recovering", "Recovering", "Running"]
    assert plans[-1].ledger.recoveries == 1


@pytest.mark.parametrize(
    "died_at, since, expected",
    [
        pytest.param(at(40), at(41), at(40), id="the death that was seen"),
        pytest.param(None, at(41), at(41), id="the new process, when nobody saw the death"),
        pytest.param(at(1), at(41), at(41), id="not a death from before all tasks ran"),
        pytest.param(None, None, at(42), id="now, when nothing is known"),
        pytest.param(at(77), at(41), at(42), id="never later than now"),
    ],
)
def test_a_recovery_begins_with(died_at: datetime | None, since: datetime | None, expected: datetime) -> None:
    lost = taskmanagers(alive=since is not None, alive_since=since, died_at=died_at)

    plan = passes(RUNNING_BEFORE, (42, seen(BEFORE, taskmanagers=lost)))[-1]

    assert plan.ledger.open_recovery is not None
    assert plan.ledger.open_recovery.detected_at == expected


def test_times_finer_than_a_millisecond_are_no_difference() -> None:
    fine = T0 + timedelta(microseconds=123_456)
    observed = seen(BEFORE, jobmanager=jobmanager(alive_since=fine), taskmanagers=taskmanagers(alive_since=fine))

    plans = passes((31, observed), (32, observed))

    assert plans[-1].ledger.open_recovery is None
    assert plans[-1].ledger == plans[0].ledger
