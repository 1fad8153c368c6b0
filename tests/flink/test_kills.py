"""The promise of the whole system: whatever is killed, and when, no event is lost, counted twice or counted wrong.

What to compare with is found out here: the audit's own minimum from the log of the run, the newest checkpoint from this
test's listing of the volume.
"""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flink.job_output import last_indexes, logged_records
from tests.flink.job_watch import JobWatch, watching
from tests.flink.kill_schedule import Kill, describe, kill_schedule
from tests.flink.local_job import ConditionNotMetError, LocalJob, fast_resource

from anomalyjob.audit import AuditReport
from anomalyjob.audit_output import audit_folder

pytestmark = pytest.mark.flink

TASKS = 12
RECOVERY_BOUND_SECONDS = 180
IN_FLIGHT_SECONDS = 1.0
SHORT_SEED = 20
SEED_VARIABLE = "ANOMALYJOB_KILL_SEED"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[LocalJob]:
    with LocalJob(tmp_path, fast_resource()) as running:
        yield running


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(4, marks=pytest.mark.timeout(1200), id="4 kills"),
        pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(3600)], id="20 kills"),
    ],
)
def test_whatever_is_killed_every_start_takes_the_newest_checkpoint_and_nothing_is_lost_or_doubled(
    job: LocalJob, kills: int, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get(SEED_VARIABLE) or (SHORT_SEED if kills == 4 else secrets.randbelow(1_000_000)))
    schedule = kill_schedule(seed, kills)
    with capsys.disabled():
        print(f"\n{describe(seed, schedule)}\n(again: {SEED_VARIABLE}={seed})")
    job.up()
    with watching(job) as watch:
        job.wait_running()
        early = 0
        killed = 0
        for kill in schedule:
            killed, was_early, seen = carry_out(job, watch, kill, killed)
            early += was_early
            with capsys.disabled():
                print(f"{seen}")
        settle(job, watch, killed)
        assert early >= max(kills // 5, 1), "too few of the kills came while not all tasks were RUNNING"
        assert_every_start_and_restore_took_the_newest(watch, schedule)
        minimum = assert_all_is_committed(job)
    assert job.interrupt() == 0
    assert_only_the_tail_is_missing(job, minimum)


def carry_out(job: LocalJob, watch: JobWatch, kill: Kill, last_kill: int) -> tuple[int, bool, str]:
    """Wait for the moment and kill; return when (ms since 1970), whether not all tasks were RUNNING, and a report."""
    began = time.monotonic()
    if kill.moment == "settled":
        settle(job, watch, last_kill)
    else:
        job.wait("tasks to be lost", lambda: job.tasks_running() < TASKS, RECOVERY_BOUND_SECONDS)
    waited = time.monotonic() - began
    due = time.monotonic() + kill.after_seconds
    job.wait("the moment of the kill", lambda: time.monotonic() >= due, kill.after_seconds + 10)
    # Whoever died young several times in a row is started again only after some seconds.
    job.wait(f"{kill.victim} to live", lambda: kill.victim in {"all", *job.pids()}, 30)
    before, at = job.tasks_running(), time.time_ns() // 1_000_000
    result = job.run("kill", kill.victim)
    after = job.tasks_running()
    assert result.returncode == 0, result.stderr
    state = f"{before} tasks RUNNING before, {after} after; the moment came after {waited:.1f} s"
    return at, max(before, after) < TASKS, f"{kill.describe()} ({state})"


def settle(job: LocalJob, watch: JobWatch, last_kill: int) -> None:
    """Wait until the last kill has been recovered from, and a newer checkpoint is complete."""
    restored = 0
    if last_kill:
        job.wait("a restore", lambda: watch.restored_after(last_kill) is not None, RECOVERY_BOUND_SECONDS)
        restored = watch.restored_after(last_kill) or 0
    job.wait_running(RECOVERY_BOUND_SECONDS)
    job.wait_checkpoint_after(restored)


def assert_every_start_and_restore_took_the_newest(watch: JobWatch, schedule: tuple[Kill, ...]) -> None:
    starts = 1 + sum(not kill.victim.startswith("taskmanager") for kill in schedule)
    # A JobManager that is killed before its launcher has chosen leaves no record.
    early = sum(kill.moment != "settled" for kill in schedule)
    assert starts - early <= len(watch.starts) <= starts
    assert watch.starts[1].chosen is None
    assert watch.wrong_starts() == []
    settled = sum(kill.moment == "settled" for kill in schedule)
    assert len(watch.restores) >= settled
    assert watch.wrong_restores() == []


def assert_all_is_committed(job: LocalJob) -> dict[str, int]:
    """While the job runs: everything that reached the sinks before the last checkpoint was triggered gets committed."""
    statistics = job.checkpoints()
    assert statistics is not None
    triggered = statistics["latest"]["completed"]["trigger_timestamp"] / 1000
    minimum = last_indexes(logged_records(job, "process"), until=triggered - IN_FLIGHT_SECONDS)
    assert set(minimum) == {"user1", "user2", "user3"}

    def audited() -> AuditReport:
        return audit_folder(job.job_volume, minimum_last_index=minimum)

    def is_committed() -> bool:
        report = audited()
        return report.clean and report.not_yet_committed == 0

    try:
        job.wait(f"everything up to {minimum} to be committed", is_committed, 60)
    except ConditionNotMetError as error:
        raise AssertionError(audited().describe()) from error
    assert "0 lost, 0 doubled, 0 wrong" in job.run("audit").stdout
    return minimum


def assert_only_the_tail_is_missing(job: LocalJob, minimum: dict[str, int]) -> None:
    """After the end: what is not committed is only what came after the last checkpoint."""
    report = audit_folder(job.job_volume, minimum_last_index=minimum)
    assert report.clean, report.describe()
    logged = last_indexes(logged_records(job, "process"))
    tail = sum(logged[user] - committed for user, committed in report.last_indexes.items())
    print(report.describe(), f"\n{tail} events after the last commit")
    assert all(report.last_indexes[user] >= index for user, index in minimum.items())
    assert report.not_yet_committed <= 2 * tail
    # Settled, the job completes a checkpoint every 2 s; its processes end within their grace of 15 s.
    assert tail <= len(logged) * (2 * 2 + 15) / 0.2
