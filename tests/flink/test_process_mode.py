"""Python in processes of its own: the same records, and no process is left of whatever is killed."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flink.job_output import logged_lines
from tests.flink.job_watch import watching
from tests.flink.local_job import LocalJob, fast_resource

pytestmark = pytest.mark.flink

GONE_SECONDS = 5
WORKER = "pyflink.fn_execution.beam"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[LocalJob]:
    with LocalJob(tmp_path, fast_resource(job={"pythonExecutionMode": "process"})) as running:
        yield running
    for pid in processes_of(running):
        # Only after a failure: what this test is about must not outlive it all the same.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(900)
def test_workers_die_with_their_taskmanager_and_with_the_supervisor_and_nothing_is_lost(job: LocalJob) -> None:
    job.up()
    with watching(job) as watch:
        job.wait_running(300)
        job.wait_checkpoint_after(0)
        assert_log_is_clean(job)

        victim = job.pids()["taskmanager-2"]
        workers = workers_of(victim)
        assert workers, "there are no Python workers to die"
        killed_at = time.time_ns() // 1_000_000
        assert job.run("kill", "taskmanager-2").returncode == 0
        job.wait("the workers to be gone", lambda: not workers_of(victim), GONE_SECONDS)
        job.wait("a restore", lambda: watch.restored_after(killed_at), 180)
        job.wait_running(300)
        job.wait_checkpoint_after(watch.restored_after(killed_at) or 0)
    assert watch.wrong_restores() == []

    supervisor = job.process
    assert supervisor is not None
    assert len(processes_of(job)) > 4 + len(workers)
    supervisor.kill()
    supervisor.wait(10)
    wait_for_nothing_left(job)

    job.up()
    job.wait_running(300)
    newest = job.start_records()[2]["chosen"]["checkpointId"]
    job.wait_checkpoint_after(newest)
    report = job.run("audit")
    assert "0 lost, 0 doubled, 0 wrong" in report.stdout, report.stdout + report.stderr
    assert report.returncode == 0
    assert_log_is_clean(job)
    assert job.interrupt() == 0
    wait_for_nothing_left(job)


def assert_log_is_clean(job: LocalJob) -> None:
    """The log sink's lines stand alone, not wrapped into Flink's log as the output of workers is."""
    shown = logged_lines(job)
    assert shown
    assert all(line.startswith(('{"kind": "', "[ALERT] ")) for line in shown)
    for log in (job.state / "logs").glob(f"{job.name}-taskmanager-*.log"):
        text = log.read_text(encoding="utf-8")
        wrapped = [line for line in text.splitlines() if '{"kind": ' in line and not line.startswith('{"kind": ')]
        assert wrapped == [], f"{log}: {wrapped[0]}"


def workers_of(taskmanager: int) -> list[int]:
    """The Python workers in the session that a TaskManager led or leads."""
    return [pid for pid in pids() if session_of(pid) == taskmanager and WORKER in command_line(pid)]


def processes_of(job: LocalJob) -> dict[int, str]:
    """Every living process that carries the job's home folder in its command line or its environment."""
    home = str(job.home)
    found = {pid: command_line(pid) for pid in pids()}
    return {pid: line for pid, line in found.items() if home in line or home in environment(pid)}


def wait_for_nothing_left(job: LocalJob) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while left := processes_of(job):
        assert time.monotonic() < deadline, f"left after {GONE_SECONDS} s: {left}"
        time.sleep(0.1)  # noqa: TID251 - the pause between two looks at a condition, under a bound


def pids() -> list[int]:
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [number for number in numbers if is_alive(number)]


def is_alive(pid: int) -> bool:
    fields = stat_fields(pid)
    return bool(fields) and fields[0] not in {"Z", "X"}


def session_of(pid: int) -> int:
    fields = stat_fields(pid)
    return int(fields[3]) if fields else 0


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name, which may hold blanks; none when the process is gone."""
    return read(pid, "stat").rpartition(")")[2].split()


def command_line(pid: int) -> str:
    return read(pid, "cmdline").replace("\0", " ")


def environment(pid: int) -> str:
    return read(pid, "environ")


def read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
