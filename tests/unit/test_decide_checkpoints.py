"""Counters over all starts, the newest checkpoint, the floor; start records and the states of the job."""

from typing import Any

import pytest
from tests.unit.decided_passes import passes
from tests.unit.observations import at, checkpoints, completed, flink, jobmanager, resource, seen, start

from anomalyjob_operator.decide import Plan, decide
from anomalyjob_operator.decide.situation import checkpoint_deadline
from anomalyjob_operator.ledger import Counters, Floor
from anomalyjob_operator.observed import FlinkObservation, Observed


def events(plans: list[Plan], reason: str) -> list[tuple[str, str]]:
    return [(event.type, event.message) for plan in plans for event in plan.events if event.reason == reason]


def next_start(statistics: Any, **changes: Any) -> FlinkObservation:
    return flink(statistics, **{"job_started_at": at(105), "tasks_changed_at": at(112), **changes})


def test_the_floor_is_the_newest_completed_checkpoint() -> None:
    plan = passes((31, seen(checkpoints(completed(3, 30)))))[-1]

    assert plan.ledger.floor == Floor(checkpoint_id=3, path=completed(3, 30).path)
    assert plan.ledger.last_checkpoint is not None
    assert (plan.ledger.last_checkpoint.id, plan.ledger.last_checkpoint.completed_at) == (3, at(30))


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(seen(checkpoints(completed(2, 20))), id="an older checkpoint"),
        pytest.param(seen(checkpoints(None)), id="no checkpoint"),
        pytest.param(seen(flink=None), id="no answer"),
        pytest.param(
            seen(checkpoints(completed(9, 39, is_savepoint=True))), id="a user's savepoint, which is no candidate"
        ),
        pytest.param(
            seen(flink=flink(checkpoints(completed(9, 39)), job_id="e" * 32)), id="a checkpoint of another job"
        ),
        pytest.param(
            seen(flink=flink(checkpoints(completed(9, 39)), job_started_at=at(-4))),
            id="a JobManager older than the known one",
        ),
    ],
)
def test_the_floor_stays_at(observed: Observed) -> None:
    plan = passes((31, seen(checkpoints(completed(3, 30)))), (40, observed))[-1]

    assert plan.ledger.floor == Floor(checkpoint_id=3, path=completed(3, 30).path)


def test_a_checkpoint_that_lies_elsewhere_is_no_candidate_and_raises_nothing() -> None:
    foreign = completed(9, 40, path="file:/volume/default.other/checkpoints/1/x/chk-9")

    plan = passes((31, seen(checkpoints(completed(3, 30)))), (41, seen(checkpoints(foreign))))[-1]

    assert plan.ledger.floor == Floor(checkpoint_id=3, path=completed(3, 30).path)


def test_a_clock_that_was_put_back_does_not_blind_the_operator() -> None:
    """The new JobManager and its job began before the last one, as its clock says."""
    earlier = {"job_started_at": at(-595), "tasks_changed_at": at(-588)}
    born = jobmanager(alive_since=at(-600))

    plans = passes(
        (31, seen(checkpoints(completed(3, 30)))),
        (-599, Observed(jobmanager=None, first_look=True)),
        (-580, seen(jobmanager=born, flink=flink(checkpoints(completed(4, -581), completed=1), **earlier))),
        (-570, seen(jobmanager=born, flink=flink(checkpoints(completed(5, -571), completed=2), **earlier))),
    )

    assert plans[-1].phase == "Running"
    assert plans[-1].ledger.totals.completed == 5
    assert plans[-1].ledger.floor is not None
    assert plans[-1].ledger.floor.checkpoint_id == 5
    assert plans[-1].ledger.recoveries == 0


def test_counters_go_on_over_a_restart_of_the_jobmanager() -> None:
    plans = passes(
        (31, seen(checkpoints(completed(3, 30), failed=1, failed_before_running=1))),
        (62, seen(checkpoints(completed(6, 60), failed=2, restored=1))),
        (120, seen(flink=next_start(checkpoints(completed(7, 119), completed=1, restored=1)))),
        (131, seen(flink=next_start(checkpoints(completed(8, 130), completed=2, restored=1)))),
    )

    assert plans[-1].ledger.totals == Counters(completed=8, failed=1, failed_before_running=1, restored=2)


def test_an_answer_older_than_the_last_one_changes_no_counter() -> None:
    plans = passes((62, seen(checkpoints(completed(6, 60)))), (63, seen(checkpoints(completed(5, 50)))))

    assert plans[-1].ledger.totals.completed == 6


def test_failures_before_all_tasks_ran_are_counted_apart() -> None:
    plans = passes(
        (10, seen(flink=flink(checkpoints(failed=1), tasks_running=5, tasks_changed_at=at(9)))),
        (13, seen(checkpoints(failed=2))),
        (31, seen(checkpoints(completed(1, 30), failed=2))),
        (41, seen(checkpoints(completed(1, 30), failed=3))),
    )

    assert plans[-1].ledger.totals == Counters(completed=1, failed=1, failed_before_running=2)


def test_early_failures_that_flinks_cache_shows_late_are_still_early() -> None:
    plans = passes((12.5, seen(checkpoints())), (15, seen(checkpoints(failed=1))))

    assert plans[-1].ledger.totals == Counters(failed_before_running=1)


def test_a_failure_recorded_after_all_tasks_ran_is_none_of_them() -> None:
    plans = passes((12.5, seen(checkpoints())), (15, seen(checkpoints(failed=1, latest_failed_at=at(13)))))

    assert plans[-1].ledger.totals == Counters(failed=1)


def test_a_checkpoint_that_a_dying_taskmanager_broke_off_is_a_failure_proper() -> None:
    """It was triggered while all tasks ran, and is seen once they do not."""
    broken = flink(
        checkpoints(completed(3, 30), failed=1), job_state="RESTARTING", tasks_running=3, tasks_changed_at=at(41)
    )

    plans = passes((31, seen(checkpoints(completed(3, 30)))), (42, seen(flink=broken)))

    assert plans[-1].ledger.totals == Counters(completed=3, failed=1)


def test_at_first_sight_of_a_running_job_flinks_history_tells_which_failures_were_early() -> None:
    plan = passes((500, seen(checkpoints(completed(40, 495), failed=3, failed_before_running=2))))[-1]

    assert plan.ledger.totals == Counters(completed=40, failed=1, failed_before_running=2)


def test_a_failed_checkpoint_is_told_at_once_and_once_until_one_completes() -> None:
    broken = checkpoints(completed(3, 30), failed=1, latest_failure="No space left on device")
    worse = checkpoints(completed(3, 30), failed=2, latest_failure="No space left on device")
    healed = checkpoints(completed(4, 60), failed=2)
    again = checkpoints(completed(4, 60), failed=3, latest_failure="Timeout")

    plans = passes(
        (31, seen(checkpoints(completed(3, 30)))),
        (41, seen(broken)),
        (42, seen(flink=None)),
        (43, seen(broken)),
        (51, seen(worse)),
        (61, seen(healed)),
        (71, seen(again)),
    )

    assert events(plans, "CheckpointError") == [
        ("Warning", "1 checkpoint failed since the last one that completed (No space left on device)"),
        ("Warning", "1 checkpoint failed since the last one that completed (Timeout)"),
    ]


def test_a_checkpoint_that_failed_between_two_looks_is_told_although_a_newer_one_completed() -> None:
    healed = checkpoints(completed(5, 50), completed=4, failed=1, latest_failure="Timeout", latest_failed_at=at(40))

    plans = passes((31, seen(checkpoints(completed(3, 30)))), (51, seen(healed)), (52, seen(healed)))

    assert events(plans, "CheckpointError") == [
        ("Warning", "1 checkpoint failed before the last one that completed (Timeout)")
    ]
    assert plans[-1].ledger.current is not None
    assert plans[-1].ledger.current.failed_since_completed == 0


def test_a_failure_is_told_again_neither_by_a_new_operator_nor_with_an_older_record() -> None:
    """The record of a failure is written at once; what a crash takes is only what completed since."""
    told = passes((31, seen(checkpoints(completed(3, 30)))), (41, seen(checkpoints(completed(3, 30), failed=1))))[-1]
    later = checkpoints(completed(4, 50), failed=1, latest_failed_at=at(40))

    plans = passes((51, seen(later)), (52, seen(later)), ledger=told.ledger)

    assert events([told], "CheckpointError")
    assert events(plans, "CheckpointError") == []


def test_failures_from_before_all_tasks_ran_are_told_to_nobody() -> None:
    plans = passes((12.5, seen(checkpoints())), (15, seen(checkpoints(failed=1))), (16, seen(checkpoints(failed=1))))

    assert events(plans, "CheckpointError") == []
    assert plans[-1].ledger.current is not None
    assert plans[-1].ledger.current.failed_since_completed == 0


def test_an_overdue_checkpoint_is_told_once_and_again_only_when_another_stays_away() -> None:
    third, fourth = checkpoints(completed(3, 30)), checkpoints(completed(4, 120))

    plans = passes(
        (31, seen(third)),
        (101, seen(third)),
        (102, seen(third, flink=None)),
        (110, seen(third)),
        (121, seen(fourth)),
        (200, seen(fourth)),
        (210, seen(fourth)),
    )

    overdue = ("Warning", "No checkpoint completed for more than 70 s")
    assert [events([plan], "CheckpointOverdue") for plan in plans] == [[], [overdue], [], [], [], [overdue], []]
    assert events(plans, "CheckpointError") == []


def test_a_checkpoint_that_failed_after_the_newest_completed_one_counts_although_both_are_new() -> None:
    both = checkpoints(completed(4, 60), failed=1, latest_failed_at=at(70))

    plan = passes((31, seen(checkpoints(completed(3, 30)))), (71, seen(both)))[-1]

    assert plan.ledger.current is not None
    assert plan.ledger.current.failed_since_completed == 1


@pytest.mark.parametrize("free", [0.09, 0.11])
def test_a_nearly_full_volume_is_told_once_and_again_only_after_there_was_room(free: float) -> None:
    def moment(seconds: float, ratio: float | None) -> tuple[float, Observed]:
        return seconds, seen(checkpoints(completed(3, 30)), volume_free_ratio=ratio)

    plans = passes(moment(31, 0.5), moment(32, 0.05), moment(33, None), moment(34, free), moment(35, 0.05))
    assert events(plans, "VolumeNearlyFull") == [
        ("Warning", "Only 5.0% of the volume is free; checkpoints fail when it is full")
    ]

    plans += passes(moment(36, 0.13), moment(37, 0.05), ledger=plans[-1].ledger)
    assert len(events(plans, "VolumeNearlyFull")) == 2


def test_each_start_record_is_told_once_and_one_that_skipped_something_as_a_warning() -> None:
    second = start(2, skipped=1, chosen_checkpoint_id=17, message="goes on from checkpoint 17; skipped 18: truncated")

    plans = passes(
        (2, seen(flink=None, start=start(1))),
        (3, seen(flink=None, start=start(1))),
        (4, seen(flink=None, start=None)),
        (50, seen(flink=None, start=second)),
        (51, seen(flink=None, start=start(1))),
    )

    assert events(plans, "Submit") == [
        ("Normal", "Start 1: begins with empty state: there is no checkpoint"),
        ("Warning", "Start 2: goes on from checkpoint 17; skipped 18: truncated"),
    ]


def test_the_record_that_a_deleted_job_of_the_same_name_left_is_not_told_as_a_start_of_the_new_one() -> None:
    left = start(12)

    plans = passes(
        (1, seen(flink=None, jobmanager=None, start=left)),
        (2, seen(flink=None, start=left)),
        (3, seen(flink=None, start=start(13))),
    )

    assert [message for _, message in events(plans, "Submit")] == [
        "Start 13: begins with empty state: there is no checkpoint"
    ]


def test_the_record_of_another_incarnation_is_not_told() -> None:
    assert events(passes((2, seen(flink=None, start=start(4, incarnation=2)))), "Submit") == []


def test_each_change_of_the_jobs_state_is_told_once() -> None:
    created = flink(job_state="CREATED", tasks_running=0)

    plans = passes(
        (6, seen(flink=created)), (7, seen(flink=None)), (8, seen(flink=created)), (13, seen()), (14, seen())
    )

    assert events(plans, "JobStatusChanged") == [
        ("Normal", "Job is CREATED"),
        ("Normal", "Job changed from CREATED to RUNNING"),
    ]


def test_the_specs_deadline_does_not_run_while_nobody_looks() -> None:
    nothing = Observed(jobmanager=None, first_look=True)

    plans = passes((0, nothing), (5_000, nothing), (5_600, seen(flink=None)))

    assert plans[-1].phase == "Deploying"


def test_the_specs_deadline_runs_while_nothing_comes_to_be_deployed() -> None:
    plans = passes((0, Observed(jobmanager=None, first_look=True)), (601, Observed(jobmanager=None)))

    assert plans[-1].phase == "Failed"


def test_a_spec_that_completed_a_checkpoint_once_has_no_deadline_any_more() -> None:
    plans = passes((0, seen(flink=None)), (31, seen(checkpoints(completed(1, 30)))), (5_000, seen(flink=None)))

    assert plans[-1].ledger.spec is not None
    assert plans[-1].ledger.spec.proven
    assert events(plans, "ProgressDeadlineExceeded") == []


def test_a_checkpoint_of_the_old_spec_does_not_prove_the_new_one() -> None:
    ledger = passes((31, seen(checkpoints(completed(1, 30)))), (41, seen(checkpoints(completed(2, 40)))))[-1].ledger
    changed = resource(recovery={"maxRestarts": 5})

    plan = decide(changed, ledger, seen(checkpoints(completed(3, 50))), at(51))

    assert plan.ledger.spec is not None
    assert not plan.ledger.spec.proven
    assert plan.ledger.floor is not None
    assert plan.ledger.floor.checkpoint_id == 3


@pytest.mark.parametrize(
    "checkpointing, factor, durations, seconds",
    [
        pytest.param({}, 3, (), 70, id="interval + timeout is the least"),
        pytest.param({"timeout": "10s"}, 3, (), 30, id="factor x interval"),
        pytest.param({"timeout": "10s"}, 3, (1, 2, 40_000, 50_000, 60_000), 120, id="factor x median duration"),
        pytest.param({"timeout": "10s"}, 5, (), 50, id="another factor"),
    ],
)
def test_how_old_the_newest_checkpoint_may_be(
    checkpointing: dict[str, str], factor: int, durations: tuple[int, ...], seconds: float
) -> None:
    spec = resource(checkpointing=checkpointing, recovery={"checkpointTimeoutFactor": factor}).spec

    assert checkpoint_deadline(spec, durations).total_seconds() == seconds
