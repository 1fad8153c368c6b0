"""A full volume and a job that writes nothing there but checkpoints: it goes on, and only its checkpoints fail."""

from pathlib import Path
from typing import Any

import pytest
from tests.flink.local_job import LocalJob
from tests.flink.mounts import file_system, full
from tests.flink.small_job import TASKS, condition, failed_checkpoints, small_resource

pytestmark = [pytest.mark.flink, pytest.mark.timeout(400)]

FAILURES = 6


def log_only() -> dict[str, Any]:
    """More failures are tolerated than this test lets happen: Flink has no reason to restart a task."""
    return small_resource(sink={"log": {}}, checkpointing={"interval": "1s", "tolerableFailures": 1000})


def last_index(job: LocalJob) -> int:
    """The newest event of user1 that the log tells of."""
    lines = job.run("logs").stdout.splitlines()
    indexes = (int(line.split('"index": ')[1].split(",")[0]) for line in lines if '"userId": "user1"' in line)
    return max(indexes, default=-1)


def test_the_job_goes_on_while_checkpoints_fail_and_they_complete_again_when_space_returns(tmp_path: Path) -> None:
    job = LocalJob(tmp_path, log_only())
    volume = job.state / "volume"
    volume.mkdir(parents=True)
    with file_system(volume, size_mebibytes=8), job:
        job.up()
        job.wait_running(tasks=TASKS)
        job.wait_checkpoint_after(job.wait_checkpoint_after(0))
        processes, failed = job.pids(), failed_checkpoints(job)
        with full(volume):
            seen = last_index(job)
            job.wait("failed checkpoints", lambda: failed_checkpoints(job) >= failed + FAILURES, 120)
            job.wait("events that are still counted", lambda: last_index(job) > seen, 60)
            job.wait("the status to say so", lambda: condition(job, "CheckpointingHealthy")[0] == "False", 60)
            newest = max(job.checkpoints_on_volume())
            assert job.tasks_running() == TASKS
        job.wait_checkpoint_after(newest)
        job.wait("Ready", lambda: condition(job, "Ready")[0] == "True", 60)
        statistics = job.checkpoints()
        assert statistics is not None
        assert statistics["latest"]["restored"] is None, "a task was restarted"
        assert job.pids() == processes
        assert condition(job, "CheckpointingHealthy")[0] == "True"
        assert job.interrupt() == 0
