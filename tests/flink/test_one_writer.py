"""One JobManager writes to the volume: a second one waits for the first, and a first that does not go only delays.

The JobManager of these tests ignores SIGTERM, as a hanging one would: its launcher is started with that signal ignored,
and Java leaves it so. The tests share one job and run in the order in which they stand here.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.flink.local_job import LocalJob
from tests.flink.processes import Process, descendants, look_at, processes_of, wait_for_end
from tests.flink.small_job import TASKS, assert_audit_is_clean, kill_supervisor, small_resource, start_after

pytestmark = [pytest.mark.flink, pytest.mark.timeout(300)]

GRACE_SECONDS = 15.0
END_SECONDS = 5.0
DEAF_JOB_MANAGER = """#!/bin/sh
[ "$3" != jobmanager ] || trap '' TERM
exec {python} "$@"
"""

Listing = dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJob]:
    """A job whose JobManager ignores SIGTERM, not running yet."""
    folder = tmp_path_factory.mktemp("one-writer")
    python = folder / "python"
    python.write_text(DEAF_JOB_MANAGER.format(python=sys.executable), encoding="utf-8")
    python.chmod(0o755)
    with LocalJob(folder, small_resource(), environment={"ANOMALYJOB_FLINK_PYTHON": str(python)}) as made:
        yield made
        # Not by an orderly stop, which would wait for the grace of the JobManager.
        kill_supervisor(made)


@pytest.fixture
def running(job: LocalJob) -> LocalJob:
    """The job, with all tasks running and a checkpoint of this very start."""
    if job.process is None or job.process.poll() is not None:
        job.up()
    job.wait_running(tasks=TASKS)
    newest = max(job.checkpoints_on_volume(), default=0)
    job.wait_checkpoint_after(newest)
    return job


def job_manager(job: LocalJob) -> Process:
    found = look_at(job.pids()["jobmanager"])
    assert found is not None
    assert "StandaloneApplicationClusterEntryPoint" in found.command
    return found


def configuration(job: LocalJob) -> Path:
    """The folder that the JobManager was started with."""
    processes = json.loads((job.state / "processes.json").read_text(encoding="utf-8"))["processes"]
    (content_hash,) = (entry["contentHash"] for entry in processes if entry["role"] == "jobmanager")
    return job.state / "config" / str(content_hash)


@contextlib.contextmanager
def launched_by_hand(configuration_folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A JobManager that somebody starts beside the supervisor; it and all that it started end with the block."""
    environment = {**os.environ, "ANOMALYJOB_CONFIG_DIR": str(configuration_folder), "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("wb") as output:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "anomalyjob.launch", "jobmanager"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield launcher
    finally:
        family = descendants(launcher.pid)
        launcher.kill()
        launcher.wait(END_SECONDS)
        for process in family:
            process.send(signal.SIGKILL)


def files_beside_the_running_start(job: LocalJob) -> Listing:
    """Everything on the volume that the running JobManager does not write by itself: size and time of last change."""
    own = {job.job_volume / "checkpoints" / str(max(job.start_records())), job.job_volume / "output"}
    found: Listing = {}
    for path in sorted((job.state / "volume").rglob("*")):
        if not own & {path, *path.parents}:
            state = path.stat()
            found[str(path)] = (state.st_size, state.st_mtime_ns)
    return found


def bytes_written(pid: int) -> int:
    """How much a process has written, to whatever file, as the kernel counts."""
    lines = (Path("/proc") / str(pid) / "io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("wchar:")))


def wait_said(job: LocalJob, log: Path, text: str) -> None:
    job.wait(f"the line {text!r}", lambda: text in log.read_text(encoding="utf-8"), 60)


def newest_on_volume(job: LocalJob) -> dict[str, Any]:
    found = job.checkpoints_on_volume()
    return {"checkpointId": max(found), "path": str(found[max(found)])}


def test_a_second_job_manager_waits_names_the_first_and_writes_nothing(running: LocalJob, tmp_path: Path) -> None:
    log, first = tmp_path / "launcher.log", job_manager(running)
    before = files_beside_the_running_start(running)
    with launched_by_hand(configuration(running), log) as second:
        waiting = f"waiting at most 120 s for the lock {running.job_volume / 'jobmanager.lock'}, held by process"
        wait_said(running, log, f"{waiting} {first.pid} on ")
        # It tries the lock ten times a second, and two more checkpoints take more than one.
        for _ in range(2):
            running.wait_checkpoint_after(running.wait_checkpoint_after(0))
        assert second.poll() is None
        assert bytes_written(second.pid) == log.stat().st_size
        assert files_beside_the_running_start(running) == before
        second.terminate()
        second.wait(END_SECONDS)
    assert files_beside_the_running_start(running) == before
    assert job_manager(running) == first
    assert (running.checkpoints() or {})["counts"]["failed"] == 0


def test_a_second_job_manager_that_has_waited_long_enough_says_who_is_in_its_way(
    running: LocalJob, tmp_path: Path
) -> None:
    log, first = tmp_path / "launcher.log", job_manager(running)
    impatient = shutil.copytree(configuration(running), tmp_path / "configuration")
    start = json.loads((impatient / "start.json").read_text(encoding="utf-8"))
    changed = {**start, "lockTimeoutSeconds": 1, "terminationLog": str(tmp_path / "termination")}
    (impatient / "start.json").write_text(json.dumps(changed), encoding="utf-8")
    before = files_beside_the_running_start(running)
    with launched_by_hand(impatient, log) as second:
        assert second.wait(30) == 1
    refusal = json.loads((tmp_path / "termination").read_text(encoding="utf-8"))
    assert refusal["reason"] == "VolumeLocked"
    assert f"process {first.pid} on " in refusal["message"]
    assert "Nothing was written. End that process" in refusal["message"]
    assert refusal["message"] in log.read_text(encoding="utf-8")
    assert files_beside_the_running_start(running) == before


def test_a_frozen_job_manager_ends_with_its_supervisor_and_the_next_up_goes_on(running: LocalJob) -> None:
    frozen, number = job_manager(running), max(running.start_records())
    frozen.send(signal.SIGSTOP)
    known = descendants(running.process.pid) if running.process else []
    assert frozen in known

    kill_supervisor(running)

    killed_at = time.monotonic()
    left = wait_for_end(lambda: [*filter(lambda process: process.alive, known), *processes_of(running.home)], 5)
    assert left == []
    assert time.monotonic() - killed_at < END_SECONDS
    newest = newest_on_volume(running)
    running.up()
    assert start_after(running, number)["chosen"] == newest


def test_a_job_manager_that_ignores_the_request_to_end_delays_the_stop_by_its_grace(running: LocalJob) -> None:
    deaf = job_manager(running)
    assert deaf.ignores(signal.SIGTERM)
    asked_at = time.monotonic()

    result = running.run("down", timeout_seconds=90)

    assert result.returncode == 0, result.stdout + result.stderr
    assert running.process is not None
    assert running.process.wait(END_SECONDS) == 0
    assert GRACE_SECONDS <= time.monotonic() - asked_at < 3 * GRACE_SECONDS
    assert f"jobmanager did not end within {GRACE_SECONDS:g} s: killed" in running.printed
    assert processes_of(running.home) == []
    assert_audit_is_clean(running)


def test_a_job_manager_that_nobody_supervises_delays_the_next_one_no_longer_than_it_lives(
    running: LocalJob, tmp_path: Path
) -> None:
    by_hand = configuration(running)
    kill_supervisor(running)
    assert wait_for_end(lambda: processes_of(running.home), END_SECONDS) == []
    log, number = tmp_path / "launcher.log", max(running.start_records())
    with launched_by_hand(by_hand, log) as holder:
        wait_said(running_without_supervisor(running), log, f"start {number + 1} of default/demo")
        holder.send_signal(signal.SIGSTOP)
        newest = newest_on_volume(running)
        running.up()
        own_log = running.state / "logs" / "demo-jobmanager.log"
        wait_said(running, own_log, f"held by process {holder.pid} on ")
        holder.terminate()
        running.wait("the next look at the status", lambda: running.status().get("phase") == "Deploying", 60)
        assert holder.poll() is None
        assert max(running.start_records()) == number + 1

        holder.kill()
        killed_at = time.monotonic()
        record = start_after(running, number + 1)

    assert time.monotonic() - killed_at < END_SECONDS
    assert record["chosen"] == newest
    running.wait_running(tasks=TASKS)
    running.wait_checkpoint_after(newest["checkpointId"])
    assert_audit_is_clean(running)


def running_without_supervisor(job: LocalJob) -> LocalJob:
    """The job, such that waiting for something does not need a living `up`."""
    job.process = None
    return job
