"""Recoveries: which are noticed, when they begin and end, what they are said to come from."""

from datetime import datetime
from typing import Any

import pytest
from tests.unit.decided_passes import history, passes
from tests.unit.observations import at, failed_job, flink, jobmanager, resource, seen, taskmanagers
from tests.unit.recovery_moments import BEFORE, RUNNING_BEFORE, back, reasons, restarting

from anomalyjob_operator.ledger import Recovery
from anomalyjob_operator.observed import JobFailure, Observed


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


@pytest.mark.parametrize(
    "spec, expected",
    [
        pytest.param({"detection": {"maxCount": 4}}, ["SpecChanged", "RecoverySuperseded"], id="a stop and a start"),
        pytest.param({"recovery": {"maxRestarts": 9}}, ["RecoverySuperseded"], id="a fresh chance"),
        pytest.param({"notifications": {"webhook": "on-call"}}, [], id="not by another to be told"),
    ],
)
def test_a_recovery_that_a_change_cuts_short_is_told_to_be_over(spec: dict[str, Any], expected: list[str]) -> None:
    plans = passes(RUNNING_BEFORE, (42, seen(flink=restarting())))
    changed = history(
        [(43, seen(flink=restarting())), (44, seen(flink=restarting()))], plans[-1].ledger, resource(**spec)
    )

    assert reasons(plans) == ["RecoverDeployment"]
    assert reasons(changed) == expected


def test_a_recovery_is_told_to_be_over_when_somebody_begins_to_look_at_nothing() -> None:
    plans = passes(RUNNING_BEFORE, (42, seen(flink=restarting())), (49, Observed(jobmanager=None, first_look=True)))

    assert reasons(plans) == ["RecoverDeployment", "RecoverySuperseded"]


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
