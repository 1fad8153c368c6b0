"""What looks like a recovery and is none: spare processes, late answers, deployments and changes of the user."""

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.decided_passes import passes
from tests.unit.observations import (
    T0,
    at,
    checkpoints,
    completed,
    jobmanager,
    resource,
    seen,
    taskmanager,
    taskmanagers,
)
from tests.unit.recovery_moments import BEFORE, RUNNING_BEFORE, back, reasons, restarting

from anomalyjob_operator.decide import decide
from anomalyjob_operator.observed import Observed


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
    assert reasons(plans) == ["RecoverDeployment", "Recovered"]
    assert plans[3].events[-1].message == "demo-taskmanager-1 died; all tasks ran on"


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


def test_times_finer_than_a_millisecond_are_no_difference() -> None:
    fine = T0 + timedelta(microseconds=123_456)
    observed = seen(BEFORE, jobmanager=jobmanager(alive_since=fine), taskmanagers=taskmanagers(alive_since=fine))

    plans = passes((31, observed), (32, observed))

    assert plans[-1].ledger.open_recovery is None
    assert plans[-1].ledger == plans[0].ledger
