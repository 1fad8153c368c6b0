"""With RocksDB, one JobManager after the other is killed: nothing is lost, and the volume does not grow."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flink.job_watch import JobWatch, watching
from tests.flink.local_job import LocalJob, fast_resource

pytestmark = pytest.mark.flink

RETAINED = 3


@pytest.fixture
def job(tmp_path: Path) -> Iterator[LocalJob]:
    checkpointing = {"interval": "2s", "stateBackend": "rocksdb", "retained": RETAINED}
    with LocalJob(tmp_path, fast_resource(checkpointing=checkpointing)) as running:
        yield running


@pytest.mark.parametrize(
    "restarts",
    [
        pytest.param(2, marks=pytest.mark.timeout(900), id="2 restarts"),
        pytest.param(10, marks=[pytest.mark.soak, pytest.mark.timeout(2400)], id="10 restarts"),
    ],
)
def test_restarts_lose_nothing_and_the_checkpoints_take_no_more_space_than_a_few(
    job: LocalJob, restarts: int, capsys: pytest.CaptureFixture[str]
) -> None:
    job.up()
    with watching(job) as watch:
        job.wait_running()
        newest = job.wait_checkpoint_after(0)
        for number in range(1, restarts + 1):
            newest = kill_jobmanager(job, watch, newest)
            assert_only_needed_folders_are_left(job, watch, number + 1)
            with capsys.disabled():
                print(f"\nrestart {number}: {sizes(job)}", end="")
            assert_bounded(job)
        assert watch.wrong_starts() == []
        assert watch.wrong_restores() == []
    assert "rocksdb" in (job.state / "logs" / f"{job.name}-taskmanager-1.log").read_text(encoding="utf-8").lower()
    report = job.run("audit")
    assert "0 lost, 0 doubled, 0 wrong" in report.stdout, report.stdout + report.stderr
    assert report.returncode == 0
    assert job.interrupt() == 0


def kill_jobmanager(job: LocalJob, watch: JobWatch, newest: int) -> int:
    """Kill it, wait until the job is back and has completed a checkpoint of its own, and return its id."""
    killed_at = time.time_ns() // 1_000_000
    os.kill(job.pids()["jobmanager"], signal.SIGKILL)
    job.wait("a restore", lambda: watch.restored_after(killed_at), 180)
    job.wait_running()
    return job.wait_checkpoint_after(max(newest, watch.restored_after(killed_at) or 0))


def assert_only_needed_folders_are_left(job: LocalJob, watch: JobWatch, start: int) -> None:
    """Left are this start's folder, that of the chosen checkpoint, and those of the newest `retained` at the start."""
    assert max(watch.starts) == start
    seen = watch.starts[start]
    assert seen.chosen is not None
    at_start = {number: found.start for number, found in watch.checkpoints.items() if found.start < start}
    newest = sorted(at_start, reverse=True)[:RETAINED]
    needed = {start, at_start[seen.chosen[0]], *(at_start[number] for number in newest)}
    assert {int(folder.name) for folder in (job.job_volume / "checkpoints").iterdir()} == needed
    assert set(newest) <= set(seen.before), "a start removed one of the newest checkpoints"


def assert_bounded(job: LocalJob) -> None:
    """However often it started: what the last lives retained, what this one does, and one that is being written.

    A start keeps whole folders, so there may be `retained` checkpoints in each of at most `retained` older folders, one
    more in each that was under way, and the same again in the present one.
    """
    folders = list((job.job_volume / "checkpoints").glob("*/*/chk-*"))
    assert len(folders) <= (RETAINED + 1) * (RETAINED + 1)
    largest = max(size(folder) for folder in folders)
    assert size(job.job_volume / "checkpoints") <= len(folders) * largest, "something else than checkpoints grows"


def size(folder: Path) -> int:
    """Bytes of all files below; those that vanish meanwhile count nothing."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def sizes(job: LocalJob) -> str:
    checkpoints = job.job_volume / "checkpoints"
    starts = sorted(int(folder.name) for folder in checkpoints.iterdir())
    count = len(list(checkpoints.glob("*/*/chk-*")))
    return (
        f"{count} checkpoints of starts {starts} take {size(checkpoints) / 1000:.1f} KB; "
        f"the whole volume with its part files {size(job.job_volume) / 1000:.1f} KB"
    )
