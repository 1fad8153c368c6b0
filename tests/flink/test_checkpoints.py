"""Undisturbed, a job completes every checkpoint."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.flink.local_job import LocalJob, fast_resource

pytestmark = pytest.mark.flink

CHECKPOINTS = 30
INTERVAL_SECONDS = 1


@pytest.fixture
def job(tmp_path: Path) -> Iterator[LocalJob]:
    with LocalJob(tmp_path, fast_resource(checkpointing={"interval": f"{INTERVAL_SECONDS}s"})) as running:
        yield running


@pytest.mark.timeout(600)
def test_thirty_checkpoints_in_a_row_complete(job: LocalJob) -> None:
    job.up()
    job.wait_running()
    # Triggers before all tasks ran are refused and counted as failed: from now on there must be none.
    before = statistics(job)["counts"]["failed"]
    seen: dict[int, dict[str, Any]] = {}

    def enough() -> bool:
        # Flink remembers ten; this looks ten times a second.
        seen.update({entry["id"]: entry for entry in statistics(job)["history"]})
        return len(completed(seen)) >= CHECKPOINTS

    job.wait(f"{CHECKPOINTS} checkpoints", enough, 10 * CHECKPOINTS * INTERVAL_SECONDS)

    durations = sorted(seen[number]["end_to_end_duration"] for number in completed(seen))
    print(f"{len(durations)} checkpoints: median {durations[len(durations) // 2]} ms, longest {durations[-1]} ms")
    assert statistics(job)["counts"]["failed"] == before
    assert [entry["id"] for entry in seen.values() if entry["status"] == "FAILED"] == []
    assert completed(seen) == list(range(1, len(completed(seen)) + 1)), "a number is missing"
    assert newest_on_volume(job) >= CHECKPOINTS
    reported = job.status()["checkpoints"]
    assert (reported["failed"], reported["restored"]) == (0, 0)


def statistics(job: LocalJob) -> dict[str, Any]:
    found = job.checkpoints()
    return found or {"counts": {"failed": 0}, "history": []}


def completed(seen: dict[int, dict[str, Any]]) -> list[int]:
    return sorted(number for number, entry in seen.items() if entry["status"] == "COMPLETED")


def newest_on_volume(job: LocalJob) -> int:
    return max(job.checkpoints_on_volume())
