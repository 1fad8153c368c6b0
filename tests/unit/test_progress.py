"""What a person who watches is told: each fact once, checkpoints now and then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anomalyjob_operator.ledger import LastCheckpoint
from anomalyjob_operator.local.progress import Progress, age_text, size_text
from anomalyjob_operator.status import (
    CheckpointsStatus,
    ClusterStatus,
    Condition,
    ConditionStatus,
    JobStatus,
    LedgerStatus,
    Status,
)

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RUNNING = "Running: 12 of 12 tasks RUNNING; 9 of 9 slots used"


def _status(**changes: Any) -> Status:
    job = JobStatus(id="1", incarnation=1, state="RUNNING", tasks_running=12, tasks_total=12, started_at=T0)
    cluster = ClusterStatus(
        task_managers_ready=3, task_managers_desired=3, slots_total=9, slots_free=0, flink_version="2.3.0"
    )
    healthy = Status(
        phase="Running",
        observed_generation=1,
        message="12 of 12 tasks RUNNING",
        conditions=(_safe("True", "NewestIsKept"),),
        job=job,
        cluster=cluster,
        last_checkpoint=None,
        checkpoints=CheckpointsStatus(completed=0, failed=0, failed_before_running=0, restored=0),
        last_recovery=None,
        recoveries=0,
        restarts=0,
        ledger=LedgerStatus(floor=None, restart_counter=0, next_restart_at=None),
    )
    return healthy.evolve(**changes)


def _safe(status: ConditionStatus, reason: str) -> Condition:
    return Condition(
        type="StateSafe",
        status=status,
        reason=reason,
        message="as it is",
        observed_generation=1,
        last_transition_time=T0,
    )


def _checkpoint(number: int) -> LastCheckpoint:
    return LastCheckpoint(
        id=number, path=f"/chk-{number}", completed_at=T0, size_bytes=13_400, duration_milliseconds=61
    )


def _told(*moments: tuple[int, Status]) -> list[str]:
    progress = Progress()
    return [line for seconds, status in moments for line in progress.lines(status, T0 + timedelta(seconds=seconds))]


def test_a_job_that_runs_is_told_once() -> None:
    assert _told((0, _status()), (1, _status()), (2, _status())) == [RUNNING]


def test_what_was_true_before_the_first_start_is_not_told_after_it() -> None:
    assert _told((0, _status(phase="Pending", message="Nothing has been started yet")), (1, _status())) == [RUNNING]


def test_each_new_phase_or_message_is_told() -> None:
    lost = _status(phase="Recovering", message="TaskManagerLost: taskmanager-2")
    lost = lost.evolve(job=lost.job.evolve(tasks_running=8))
    assert _told((0, _status()), (1, lost), (2, lost), (3, _status())) == [
        RUNNING,
        "Recovering: TaskManagerLost: taskmanager-2",
        RUNNING,
    ]


def test_checkpoints_are_told_at_most_once_a_minute() -> None:
    moments = [(10 * number, _status(last_checkpoint=_checkpoint(number))) for number in range(1, 14)]
    assert _told((0, _status()), *moments)[1:] == [
        "checkpoint 1 (13.4 KB, 61 ms) completed; 0 completed, 0 failed so far",
        "checkpoint 7 (13.4 KB, 61 ms) completed; 0 completed, 0 failed so far",
        "checkpoint 13 (13.4 KB, 61 ms) completed; 0 completed, 0 failed so far",
    ]


def test_the_checkpoint_of_an_earlier_run_is_not_told_as_new() -> None:
    old = _status(last_checkpoint=_checkpoint(5))
    assert _told((0, old), (1, old)) == [RUNNING]


def test_what_becomes_unsafe_and_safe_again_is_told() -> None:
    unsafe = _status(conditions=(_safe("False", "RestoreFailed"),))
    assert _told((0, _status()), (1, unsafe), (2, unsafe), (3, _status()))[1:] == [
        "StateSafe=False (RestoreFailed): as it is",
        "StateSafe=True (NewestIsKept): as it is",
    ]


@pytest.mark.parametrize("status,reason", [("True", "NewestIsKept"), ("Unknown", "NothingSeen")])
def test_that_all_is_well_at_first_is_no_news(status: ConditionStatus, reason: str) -> None:
    assert _told((0, _status(conditions=(_safe(status, reason),)))) == [RUNNING]


@pytest.mark.parametrize(
    "size_bytes,text",
    [(0, "0 B"), (999, "999 B"), (1_000, "1.0 KB"), (13_400, "13.4 KB"), (2_100_000, "2.1 MB"), (3 * 10**9, "3.0 GB")],
)
def test_sizes_read_well(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


@pytest.mark.parametrize(
    "seconds,text",
    [(-3, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_800, "2 d")],
)
def test_ages_read_well(seconds: int, text: str) -> None:
    assert age_text(timedelta(seconds=seconds)) == text
