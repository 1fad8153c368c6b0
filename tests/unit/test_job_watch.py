"""What the tests with real Flink compare a start and a restore with: a wrong one must be named."""

import os
import struct
from pathlib import Path
from typing import Any

import pytest
from tests.flink.job_watch import JobWatch
from tests.flink.local_job import METADATA_MAGIC, LocalJob, resource
from typing_extensions import override


class Watched(LocalJob):
    """A job without a process; `statistics` is what Flink would say."""

    statistics: dict[str, Any] | None = None

    @override
    def checkpoints(self) -> dict[str, Any] | None:
        """What Flink would say."""
        return self.statistics

    def complete(self, start: int, checkpoint_id: int, seconds: int) -> Path:
        """Put a completed checkpoint on the volume."""
        folder = self.job_volume / "checkpoints" / str(start) / "id" / f"chk-{checkpoint_id}"
        folder.mkdir(parents=True)
        (folder / "_metadata").write_bytes(struct.pack(">IiQ", METADATA_MAGIC, 6, checkpoint_id))
        os.utime(folder / "_metadata", (seconds, seconds))
        return folder

    def record(self, start: int, chosen: tuple[int, Path] | None) -> None:
        """Put a start record on the volume."""
        text = "null" if chosen is None else f'{{"checkpointId": {chosen[0]}, "path": "{chosen[1]}"}}'
        (self.job_volume / "starts").mkdir(parents=True, exist_ok=True)
        (self.job_volume / "starts" / f"{start}.json").write_text(f'{{"chosen": {text}}}')

    def restored(self, checkpoint_id: int, seconds: int) -> None:
        """Let Flink say what it restored last."""
        self.statistics = {"latest": {"restored": {"id": checkpoint_id, "restore_timestamp": seconds * 1000}}}


@pytest.fixture
def job(tmp_path: Path) -> Watched:
    return Watched(tmp_path, resource())


def test_a_start_that_took_the_newest_of_the_starts_before_it_is_right(job: Watched) -> None:
    watch = JobWatch(job)
    job.record(1, None)
    watch.look()
    job.complete(1, 1, 10)
    job.record(2, (2, job.complete(1, 2, 20)))
    # Its own first checkpoint may be there already when the record is seen.
    job.complete(2, 3, 30)
    watch.look()
    assert watch.wrong_starts() == []


def test_a_start_that_took_an_older_one_or_none_is_named(job: Watched) -> None:
    older, newest = job.complete(1, 1, 10), job.complete(1, 2, 20)
    job.record(2, (1, older))
    job.record(3, None)
    watch = JobWatch(job)
    watch.look()
    assert watch.wrong_starts() == [
        f"start 2 chose (1, '{older}'), the newest was (2, '{newest}')",
        f"start 3 chose None, the newest was (2, '{newest}')",
    ]


def test_a_restore_is_compared_with_what_was_complete_then(job: Watched) -> None:
    watch = JobWatch(job)
    job.complete(1, 1, 10)
    job.complete(1, 2, 20)
    job.restored(2, 25)
    watch.look()
    # Complete only after the restore: nothing that it could have taken.
    job.complete(1, 3, 30)
    watch.look()
    assert watch.wrong_restores() == []
    assert watch.restored_after(24_000) == 2
    assert watch.restored_after(25_000) is None
    job.restored(2, 35)
    watch.look()
    assert watch.wrong_restores() == ["the restore at 35000 took 2, the newest was 3"]


def test_a_checkpoint_that_flink_or_a_start_removed_since_is_remembered(job: Watched) -> None:
    watch = JobWatch(job)
    folder = job.complete(1, 1, 10)
    watch.look()
    (folder / "_metadata").unlink()
    job.complete(1, 2, 20)
    (job.job_volume / "checkpoints" / "1").rename(job.job_volume / "checkpoints" / "1.pruned")
    watch.look()
    assert watch.newest_before(15_000) == 1
    assert set(watch.checkpoints) == {1}


def test_a_watch_that_broke_down_does_not_pass(job: Watched) -> None:
    watch = JobWatch(job, failure=OSError("no such volume"))
    with pytest.raises(OSError, match="no such volume"):
        watch.restored_after(0)
