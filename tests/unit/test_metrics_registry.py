"""What /metrics says after passes and looks."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.notify_moments import NotificationCounts
from tests.unit.observations import at, checkpoints, completed, flink, jobmanager, resource, seen, taskmanagers
from tests.unit.recovery_moments import BEFORE, RUNNING_BEFORE, back, restarting
from tests.unit.reported_passes import Samples, reports, samples, with_status

from anomalyjob_operator.metrics.registry import Metrics
from anomalyjob_operator.notify.out_queue import QueueCounts
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.status import CheckpointsStatus

KEY = ("default", "demo")
DEAD = taskmanagers(alive=False, alive_since=None, died_at=at(40))
AGAIN = taskmanagers(alive_since=at(40.5), died_at=at(40))
LOST = (
    (41, seen(BEFORE, taskmanagers=DEAD)),
    (42, seen(flink=restarting(), taskmanagers=AGAIN)),
    (53, seen(flink=back(52), taskmanagers=AGAIN)),
)
SAFE = (61, seen(flink=back(52, newest=4, newest_at=60), taskmanagers=AGAIN))
LATER = (66, seen(flink=back(52, newest=4, newest_at=60), taskmanagers=AGAIN))


def told(passes: Iterable[PassReport], seconds: float = 100) -> Samples:
    """What is shown of the demo job, so many seconds after T0, once all these passes were made."""
    return shown(metrics_of(passes, seconds))


def metrics_of(passes: Iterable[PassReport], seconds: float = 100) -> Metrics:
    metrics = Metrics(lambda: at(seconds))
    for report in passes:
        metrics.passed(report)
    return metrics


def shown(metrics: Metrics) -> Samples:
    return samples(metrics.render()[0], namespace="default", name="demo")


def recovery(cause: str, until: str, what: str) -> str:
    return f"anomalyjob_recovery_seconds_{what}{{cause={cause},until={until}}}"


def test_a_healthy_job_is_told_as_it_is() -> None:
    found = told(reports((32, seen(checkpoints(completed(1, 30))))), seconds=42)

    assert found["anomalyjob_phase{phase=Running}"] == 1
    assert found["anomalyjob_ready"] == 1
    assert found["anomalyjob_task_managers_ready"] == found["anomalyjob_task_managers_desired"] == 3
    assert found["anomalyjob_checkpoints_completed_total"] == 1
    assert found["anomalyjob_checkpoints_failed_total"] == 0
    assert found["anomalyjob_restarts_total"] == 0
    assert found["anomalyjob_volume_free_ratio"] == 0.5


def test_a_volume_that_is_not_seen_has_no_free_part() -> None:
    assert "anomalyjob_volume_free_ratio" not in told(reports((20, seen(volume_free_ratio=None))))


def test_exactly_one_phase_is_the_one_that_the_job_is_in() -> None:
    found = told(reports(RUNNING_BEFORE, *LOST[:2]))
    phases = {name: value for name, value in found.items() if name.startswith("anomalyjob_phase")}

    assert len(phases) == 8
    assert [name for name, value in phases.items() if value] == ["anomalyjob_phase{phase=Recovering}"]


def test_the_age_of_the_checkpoint_grows_without_a_pass() -> None:
    found = told(reports((32, seen(checkpoints(completed(1, 30))))), seconds=75.5)

    assert found["anomalyjob_last_checkpoint_timestamp_seconds"] == at(30).timestamp()
    assert found["anomalyjob_checkpoint_age_seconds"] == 45.5


def test_a_job_without_a_checkpoint_has_been_without_one_since_it_came_up() -> None:
    found = told(reports((20, seen())), seconds=35)

    assert found["anomalyjob_checkpoint_age_seconds"] == 30
    assert "anomalyjob_last_checkpoint_timestamp_seconds" not in found


def test_nobody_waits_for_a_checkpoint_of_a_job_that_is_not_up_yet() -> None:
    starting = seen(flink=flink(job_state="CREATED", tasks_running=4, tasks_changed_at=at(9)))

    assert "anomalyjob_checkpoint_age_seconds" not in told(reports((10, starting)))


def test_nobody_waits_for_a_checkpoint_of_a_suspended_job() -> None:
    (running,) = reports((32, seen(checkpoints(completed(1, 30)))))
    found = told([running, with_status(running, phase="Suspended")])

    assert "anomalyjob_checkpoint_age_seconds" not in found
    assert found["anomalyjob_last_checkpoint_timestamp_seconds"] == at(30).timestamp()


def test_a_resumed_job_is_not_overdue_because_of_the_time_that_it_stood_still() -> None:
    (running,) = reports((32, seen(checkpoints(completed(1, 30)))))
    suspended = with_status(running, phase="Suspended")
    resumed = replace(running, at=at(5_000))

    assert told([running, suspended, resumed], seconds=5_007)["anomalyjob_checkpoint_age_seconds"] == 7


def test_a_new_operator_that_meets_a_silent_rest_endpoint_finds_out_later_when_the_job_came_up() -> None:
    silent_at_first = reports((20, seen()), (25, seen(flink=None)), (30, seen()))[1:]

    assert told(silent_at_first, seconds=35)["anomalyjob_checkpoint_age_seconds"] == 30


def test_to_a_new_operator_a_job_that_was_resumed_is_not_overdue_because_of_the_time_that_it_stood_still() -> None:
    resumed = flink(checkpoints(completed(1, 30)), job_started_at=at(5_000), tasks_changed_at=at(5_001))

    assert told(reports((5_003, seen(flink=resumed))), seconds=5_007)["anomalyjob_checkpoint_age_seconds"] == 7


def test_to_a_new_operator_a_recovery_does_not_make_the_checkpoint_any_younger() -> None:
    started_anew = back(52, job_started_at=at(45))
    other = jobmanager(alive_since=at(42))
    again = reports(RUNNING_BEFORE, (53, seen(flink=started_anew, jobmanager=other)))[-1:]

    assert again[0].status.last_recovery is not None
    assert told(again, seconds=90)["anomalyjob_checkpoint_age_seconds"] == 60


def test_a_recovery_does_not_make_the_checkpoint_any_younger() -> None:
    found = told(reports(RUNNING_BEFORE, *LOST), seconds=90)

    assert found["anomalyjob_checkpoint_age_seconds"] == 60


def test_a_checkpoint_from_the_future_has_no_negative_age() -> None:
    assert (
        told(reports((32, seen(checkpoints(completed(1, 30))))), seconds=29)["anomalyjob_checkpoint_age_seconds"] == 0
    )


def test_the_limit_of_the_age_is_the_one_that_the_operator_uses() -> None:
    slow = checkpoints(completed(1, 30), recent_durations_milliseconds=(40_000, 40_000))

    assert told(reports((32, seen(slow))))["anomalyjob_checkpoint_age_limit_seconds"] == 120


def test_a_recovery_is_counted_once_however_often_it_is_seen() -> None:
    found = told(reports(RUNNING_BEFORE, *LOST, SAFE, LATER))

    assert found["anomalyjob_recoveries_total{cause=TaskManagerLost}"] == 1
    assert found[recovery("TaskManagerLost", "running", "count")] == 1
    assert found[recovery("TaskManagerLost", "running", "sum")] == 12
    assert found[recovery("TaskManagerLost", "safe", "count")] == 1
    assert found[recovery("TaskManagerLost", "safe", "sum")] == 20


def test_a_recovery_that_is_under_way_is_not_counted_yet() -> None:
    found = told(reports(RUNNING_BEFORE, *LOST[:2]))

    assert found["anomalyjob_recoveries_total{cause=TaskManagerLost}"] == 0
    assert found[recovery("TaskManagerLost", "running", "count")] == 0


def test_a_recovery_that_is_not_safe_yet_has_one_figure() -> None:
    found = told(reports(RUNNING_BEFORE, *LOST))

    assert found[recovery("TaskManagerLost", "running", "count")] == 1
    assert found[recovery("TaskManagerLost", "safe", "count")] == 0


def test_every_cause_begins_at_zero() -> None:
    found = told(reports((20, seen())))

    assert {name: value for name, value in found.items() if name.startswith("anomalyjob_recoveries")} == {
        f"anomalyjob_recoveries_total{{cause={cause}}}": 0
        for cause in ("TaskManagerLost", "JobManagerLost", "JobFailed", "TaskFailure")
    }


def test_a_new_operator_counts_no_recovery_that_an_older_one_has_told() -> None:
    found = told(reports(RUNNING_BEFORE, *LOST, SAFE, LATER)[-2:])

    assert found["anomalyjob_recoveries_total{cause=TaskManagerLost}"] == 0
    assert found[recovery("TaskManagerLost", "running", "count")] == 0


def test_a_new_operator_counts_the_recovery_that_its_first_pass_finds_at_an_end() -> None:
    found = told(reports(RUNNING_BEFORE, *LOST)[-1:])

    assert found["anomalyjob_recoveries_total{cause=TaskManagerLost}"] == 1
    assert found[recovery("TaskManagerLost", "running", "count")] == 1


def test_a_new_operator_that_dismisses_a_recovery_counts_none_of_the_older_ones_again() -> None:
    ended = reports(RUNNING_BEFORE, *LOST)[-1]
    later = replace(ended, at=at(10_000))

    found = told([later])

    assert found["anomalyjob_recoveries_total{cause=TaskManagerLost}"] == 0
    assert found[recovery("TaskManagerLost", "running", "count")] == 0


def test_a_new_operator_that_finds_a_recovery_at_work_tells_when_it_is_safe() -> None:
    found = told([*reports(RUNNING_BEFORE, *LOST, (54, seen(flink=back(52), taskmanagers=AGAIN)), SAFE)[-2:]])

    assert found[recovery("TaskManagerLost", "running", "count")] == 0
    assert found[recovery("TaskManagerLost", "safe", "count")] == 1


def test_two_recoveries_are_two() -> None:
    second = taskmanagers(alive_since=at(80.5), died_at=at(80))
    again = (92, seen(flink=back(91, restored=4, newest=5, newest_at=70), taskmanagers=second))
    found = told(reports(RUNNING_BEFORE, *LOST, SAFE, again))

    assert found["anomalyjob_recoveries_total{cause=TaskManagerLost}"] == 2
    assert found[recovery("TaskManagerLost", "running", "sum")] == 12 + 11


def test_a_recovery_that_is_shown_again_after_one_that_was_not_needed_is_not_counted_again() -> None:
    replaced = taskmanagers(alive_since=at(80.5), died_at=at(80))
    ran_on = [
        (seconds, seen(flink=back(52, newest=4, newest_at=60), taskmanagers=replaced)) for seconds in (81, 145, 150)
    ]
    found = told(reports(RUNNING_BEFORE, *LOST, SAFE, *ran_on))

    assert found["anomalyjob_recoveries_total{cause=TaskManagerLost}"] == 1
    assert found[recovery("TaskManagerLost", "running", "count")] == 1
    assert found[recovery("TaskManagerLost", "safe", "count")] == 1


def test_counters_of_the_status_go_on_over_an_operators_restart() -> None:
    (report,) = reports((32, seen(checkpoints(completed(1, 30)))))
    counted = CheckpointsStatus(completed=165, failed=2)

    found = told([with_status(report, checkpoints=counted, restarts=4)])

    assert found["anomalyjob_checkpoints_completed_total"] == 165
    assert found["anomalyjob_checkpoints_failed_total"] == 2
    assert found["anomalyjob_restarts_total"] == 4


@pytest.mark.parametrize("field", ["completed", "failed"])
def test_a_counter_never_goes_back_and_counts_on_after_the_status_did(field: str) -> None:
    (report,) = reports((32, seen(checkpoints(completed(1, 30)))))
    values: list[Any] = [CheckpointsStatus(**{field: count}) for count in (10, 12, 0, 3)]
    metrics, found = Metrics(lambda: at(100)), []

    for value in values:
        metrics.passed(with_status(report, checkpoints=value))
        found.append(shown(metrics)[f"anomalyjob_checkpoints_{field}_total"])

    assert found == [10, 12, 12, 15]


def test_nothing_is_left_of_a_forgotten_job_and_all_of_the_others() -> None:
    passes = reports(RUNNING_BEFORE, *LOST, SAFE)
    other = [replace(report, job=_named("other")) for report in passes]
    metrics = metrics_of([*passes, *other])
    metrics.look_failed(KEY)

    metrics.forget(KEY)

    assert shown(metrics) == {}
    assert samples(metrics.render()[0], namespace="default", name="other") == told(passes)


def test_a_job_that_never_had_a_pass_can_be_forgotten() -> None:
    metrics = Metrics()
    metrics.look_failed(KEY)
    metrics.forget(KEY)
    metrics.forget(KEY)

    assert shown(metrics) == {}


def test_the_look_that_finds_a_job_gone_brings_no_series_of_it_back() -> None:
    metrics = metrics_of(reports((20, seen())))
    metrics.forget(KEY)
    metrics.looked(0.1)

    assert shown(metrics) == {}


def test_looks_and_failed_looks_are_counted() -> None:
    metrics = metrics_of(reports((20, seen())))
    assert shown(metrics)["anomalyjob_reconcile_errors_total"] == 0

    metrics.looked(0.3)
    metrics.looked(0.7)
    metrics.look_failed(KEY)

    everything = samples(metrics.render()[0])
    assert everything["anomalyjob_reconcile_seconds_count"] == 2
    assert everything["anomalyjob_reconcile_seconds_sum"] == 1
    assert shown(metrics)["anomalyjob_reconcile_errors_total"] == 1


def test_the_process_tells_of_itself() -> None:
    everything = samples(Metrics().render()[0])

    assert everything["process_resident_memory_bytes"] > 1_000_000
    assert [name for name in everything if name.startswith("anomalyjob_operator_info")]


def test_two_operators_in_one_process_share_nothing() -> None:
    first, second = Metrics(), Metrics()
    first.look_failed(KEY)

    assert shown(second) == {}


def test_the_content_type_is_that_of_prometheus_text() -> None:
    assert Metrics().render()[1] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_silent_rest_endpoint_leaves_limit_and_counters_as_they_were() -> None:
    slow = checkpoints(completed(1, 30), recent_durations_milliseconds=(40_000, 40_000))
    found = told(reports((32, seen(slow)), (37, seen(flink=None))))

    assert found["anomalyjob_checkpoint_age_limit_seconds"] == 120
    assert found["anomalyjob_checkpoints_completed_total"] == 1


def test_the_limit_without_any_checkpoint_is_the_one_of_the_spec() -> None:
    assert told(reports((20, seen())))["anomalyjob_checkpoint_age_limit_seconds"] == 70


def test_what_became_of_notifications_is_told_of_each_target() -> None:
    metrics, told_of = Metrics(), NotificationCounts({"pager": QueueCounts(waiting=2, delivered=5, failed=1)})
    metrics.watch_notifications(told_of)
    told_of.targets["chat"] = QueueCounts(dropped=3)

    assert samples(metrics.render()[0], target="pager") == {
        "anomalyjob_notifications_total{outcome=delivered}": 5,
        "anomalyjob_notifications_total{outcome=failed}": 1,
        "anomalyjob_notifications_total{outcome=dropped}": 0,
        "anomalyjob_notifications_waiting": 2,
    }
    assert samples(metrics.render()[0], target="chat")["anomalyjob_notifications_total{outcome=dropped}"] == 3


def test_what_became_of_the_events_of_jobs_is_told_and_how_many_jobs_name_no_target_that_there_is() -> None:
    metrics = Metrics()
    told_of = NotificationCounts(events=QueueCounts(waiting=1, delivered=2, failed=3, dropped=4), unknown_targets=5)
    metrics.watch_notifications(told_of)

    found = samples(metrics.render()[0])

    assert {name: value for name, value in found.items() if name.startswith("anomalyjob_notification_")} == {
        "anomalyjob_notification_events_total{outcome=delivered}": 2,
        "anomalyjob_notification_events_total{outcome=failed}": 3,
        "anomalyjob_notification_events_total{outcome=dropped}": 4,
        "anomalyjob_notification_events_waiting": 1,
        "anomalyjob_notification_targets_unknown": 5,
    }


def test_reports_that_were_missed_are_counted_from_the_begin() -> None:
    metrics, missed = Metrics(), [0]
    metrics.watch_missed(lambda: missed[0])
    found = []
    for count in (0, 7):
        missed[0] = count
        found.append(samples(metrics.render()[0])["anomalyjob_reports_missed_total"])

    assert found == [0, 7]


def _named(name: str) -> Any:
    job = resource()
    return job.model_copy(update={"metadata": job.metadata.model_copy(update={"name": name})})


def test_a_job_that_comes_during_a_scrape_is_in_the_next_one() -> None:
    (report,) = reports((20, seen()))
    metrics = metrics_of([report])
    families = metrics._records.collect()
    first = next(families)

    metrics.passed(replace(report, job=_named("other")))

    told_of = {sample.labels["name"] for family in (first, *families) for sample in family.samples}
    assert told_of == {"demo"}
