"""`kill -9` of the supervisor: every process that it started ends within 5 s, and the next `up` goes on.

The tests share one job and run in the order in which they stand here; each also stands alone.
"""

import signal
import time
from collections.abc import Iterator

import pytest
from tests.flink.local_job import LocalJob
from tests.flink.processes import Process, descendants, processes_of, wait_for_end
from tests.flink.small_job import TASKS, assert_audit_is_clean, kill_supervisor, small_resource, start_after

pytestmark = [pytest.mark.flink, pytest.mark.timeout(300)]

END_SECONDS = 5.0


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJob]:
    """A job that runs and has completed checkpoints."""
    with LocalJob(tmp_path_factory.mktemp("supervisor-death"), small_resource()) as running:
        running.up()
        running.wait_running(tasks=TASKS)
        running.wait_checkpoint_after(2)
        yield running


def supervisor_of(job: LocalJob) -> int:
    assert job.process is not None
    assert job.process.poll() is None
    return job.process.pid


def family(job: LocalJob) -> list[Process]:
    """The supervisor's descendants; the JobManager, a TaskManager and the watchdog at least."""
    found = descendants(supervisor_of(job))
    for part in ("StandaloneApplicationClusterEntryPoint", "TaskManagerRunner", "anomalyjob_operator.local.watchdog"):
        assert any(part in process.command for process in found), f"no {part} among {found}"
    return found


def assert_all_end(job: LocalJob, known: list[Process], since: float) -> None:
    """Those that were known before the kill, and whatever else names the job's folder, are gone in time."""

    def left() -> list[Process]:
        return [*(process for process in known if process.alive), *processes_of(job.home)]

    survivors = wait_for_end(left, END_SECONDS)
    for process in survivors:
        process.send(signal.SIGKILL)
    assert survivors == []
    assert time.monotonic() - since <= END_SECONDS


def python_client(job: LocalJob) -> Process | None:
    """The Python process that Flink starts to build the job graph; it lives for the time of the submission only."""
    found = descendants(supervisor_of(job))
    is_client = (p for p in found if "-m anomalyjob.pipeline" in p.command and "java" not in p.command.split()[0])
    return next(is_client, None)


def test_a_supervisor_killed_while_the_job_runs_leaves_nothing(job: LocalJob) -> None:
    known = family(job)

    kill_supervisor(job)

    assert_all_end(job, known, time.monotonic())


def test_a_supervisor_killed_during_the_submission_leaves_nothing_not_even_a_client_that_hangs(job: LocalJob) -> None:
    kill_supervisor(job)
    job.up()
    client = job.wait("the Python client of the JobManager", lambda: python_client(job), 60)
    # A client that is stopped cannot notice by itself that its JobManager is gone.
    client.send(signal.SIGSTOP)
    known = family(job)
    assert client in known

    kill_supervisor(job)

    assert_all_end(job, known, time.monotonic())


def test_the_next_up_goes_on_from_the_newest_checkpoint(job: LocalJob) -> None:
    kill_supervisor(job)
    on_volume = job.checkpoints_on_volume()
    newest, starts = max(on_volume), max(job.start_records())
    job.up()

    record = start_after(job, starts)

    assert record["chosen"] == {"checkpointId": newest, "path": str(on_volume[newest])}
    assert record["possibleRepeats"] == {}
    job.wait_running(tasks=TASKS)
    job.wait_checkpoint_after(newest)
    assert f"goes on from checkpoint {newest} " in job.printed
    assert_audit_is_clean(job)
    assert job.interrupt() == 0
