"""Python in processes of its own: the same records, and no process is left of whatever is killed."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flink.job_output import logged_lines
from tests.flink.job_watch import watching
from tests.flink.local_job import LocalJob, fast_resource
from tests.flink.processes import descendants, processes_of, wait_for_end

pytestmark = pytest.mark.flink

GONE_SECONDS = 5
WORKER = "pyflink.fn_execution.beam"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[LocalJob]:
    with LocalJob(tmp_path, fast_resource(job={"pythonExecutionMode": "process"})) as running:
        yield running
    for process in processes_of(running.home):
        # Only after a failure: what this test is about must not outlive it all the same.
        process.send(signal.SIGKILL)


@pytest.mark.timeout(900)
def test_workers_die_with_their_taskmanager_and_with_the_supervisor_and_nothing_is_lost(job: LocalJob) -> None:
    job.up()
    with watching(job) as watch:
        job.wait_running(300)
        job.wait_checkpoint_after(0)
        assert_log_is_clean(job)

        workers = [process for process in descendants(job.pids()["taskmanager-2"]) if WORKER in process.command]
        assert workers, "there are no Python workers to die"
        killed_at = time.time_ns() // 1_000_000
        assert job.run("kill", "taskmanager-2").returncode == 0
        assert wait_for_end(lambda: [worker for worker in workers if worker.alive], GONE_SECONDS) == []
        job.wait("a restore", lambda: watch.restored_after(killed_at), 180)
        job.wait_running(300)
        job.wait_checkpoint_after(watch.restored_after(killed_at) or 0)
    assert watch.wrong_restores() == []

    supervisor = job.process
    assert supervisor is not None
    assert len([process for process in processes_of(job.home) if WORKER in process.command]) >= 3 * len(workers)
    supervisor.kill()
    supervisor.wait(10)
    assert wait_for_end(lambda: processes_of(job.home), GONE_SECONDS) == []

    job.up()
    job.wait_running(300)
    newest = job.start_records()[2]["chosen"]["checkpointId"]
    job.wait_checkpoint_after(newest)
    report = job.run("audit")
    assert "0 lost, 0 doubled, 0 wrong" in report.stdout, report.stdout + report.stderr
    assert report.returncode == 0
    assert_log_is_clean(job)
    assert job.interrupt() == 0
    assert wait_for_end(lambda: processes_of(job.home), GONE_SECONDS) == []


def assert_log_is_clean(job: LocalJob) -> None:
    """The log sink's lines stand alone, not wrapped into Flink's log as the output of workers is."""
    shown = logged_lines(job)
    assert shown
    assert all(line.startswith(('{"kind": "', "[ALERT] ")) for line in shown)
    for log in (job.state / "logs").glob(f"{job.name}-taskmanager-*.log"):
        text = log.read_text(encoding="utf-8")
        wrapped = [line for line in text.splitlines() if '{"kind": ' in line and not line.startswith('{"kind": ')]
        assert wrapped == [], f"{log}: {wrapped[0]}"
