"""The promise of the whole system: whatever is killed, no event is lost, counted twice or counted wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flink.local_job import LocalJob, fast_resource

pytestmark = pytest.mark.flink


@pytest.fixture
def job(tmp_path: Path) -> Iterator[LocalJob]:
    with LocalJob(tmp_path, fast_resource()) as running:
        yield running


@pytest.mark.timeout(900)
def test_a_killed_taskmanager_and_a_killed_jobmanager_lose_and_double_nothing(job: LocalJob) -> None:
    job.up()
    job.wait_running()
    for victim in ("taskmanager-2", "jobmanager"):
        before = job.wait_checkpoint_after(0)
        assert job.run("kill", victim).returncode == 0
        job.wait("tasks to be lost", lambda: job.tasks_running() < 12, 60)
        job.wait_running()
        job.wait_checkpoint_after(before)
    report = job.run("audit")
    assert report.returncode == 0, report.stdout + report.stderr
    assert "0 lost, 0 doubled, 0 wrong" in report.stdout
    assert job.interrupt() == 0
