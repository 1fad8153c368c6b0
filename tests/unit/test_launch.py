"""The launcher as a real process."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.launch_machine import Machine, living_job_manager, machine_in

from anomalyjob import launch
from anomalyjob.launch import main
from anomalyjob.start_summary import StartSummary


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return machine_in(tmp_path)


@pytest.fixture
def living(machine: Machine) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A JobManager that lives: its process, and what its Java was told."""
    with living_job_manager(machine) as found:
        yield found


def test_the_launcher_becomes_the_job_manager(
    machine: Machine, living: tuple[subprocess.Popen[str], dict[str, Any]]
) -> None:
    process, java = living
    folder = machine.root / "volume" / "default.demo"

    assert java["pid"] == process.pid
    assert java["arguments"][0] == "-Xmx512m"
    assert java["arguments"][-2:] == ["-pym", "anomalyjob.pipeline"]
    assert f"-Dexecution.checkpointing.dir=file://{folder}/checkpoints/1" in java["arguments"]
    expected = {
        "ANOMALYJOB_START": "1",
        "ANOMALYJOB_OUTPUT": f"{folder}/output/1",
        "ANOMALYJOB_USERS_DIR": f"{folder}/users",
        "ANOMALYJOB_CONFIG_DIR": f"{machine.root}/config",
        "FLINK_HOME": f"{machine.root}/flink",
    }
    assert {key: java["environment"][key] for key in expected} == expected
    summary = StartSummary.parse(java["environment"]["ANOMALYJOB_START_SUMMARY"])
    assert (summary.start, summary.chosen_path) == (1, None)


def test_a_second_job_manager_waits_says_so_and_never_writes(
    machine: Machine, living: tuple[subprocess.Popen[str], dict[str, Any]]
) -> None:
    process, _ = living
    machine.configure(lockTimeoutSeconds=1)
    before = sorted((machine.root / "volume").rglob("*"))

    second = machine.run("jobmanager")

    assert second.returncode == 1
    assert second.stdout == ""
    assert "waiting at most 1 s for the lock" in second.stderr
    assert machine.refusal()["reason"] == "VolumeLocked"
    assert f"process {process.pid} on " in machine.refusal()["message"]
    assert sorted((machine.root / "volume").rglob("*")) == before


def test_the_successor_goes_on_as_soon_as_the_first_is_killed(
    machine: Machine, living: tuple[subprocess.Popen[str], dict[str, Any]]
) -> None:
    process, _ = living
    machine.configure(lockTimeoutSeconds=20)
    command = machine.command("jobmanager")
    with subprocess.Popen(
        command, env=machine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as second:
        assert second.stderr is not None
        assert "waiting at most 20 s" in second.stderr.readline()
        process.send_signal(signal.SIGKILL)
        output, errors = second.communicate(timeout=20)

    assert json.loads(output)["environment"]["ANOMALYJOB_START"] == "2"
    assert "start 2 of default/demo, incarnation 1, begins empty" in errors


def test_the_launcher_becomes_a_task_manager(machine: Machine) -> None:
    result = machine.run("taskmanager")

    java = json.loads(result.stdout)
    assert java["arguments"][0] == "-Xmx1g"
    assert java["arguments"][-3:] == [
        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
        "--configDir",
        f"{machine.root}/config",
    ]
    assert "ANOMALYJOB_START" not in java["environment"]
    assert java["environment"]["ANOMALYJOB_STANDARD_OUTPUT"] == f"/proc/{java['pid']}/fd/1"
    assert list((machine.root / "volume").iterdir()) == []


@pytest.mark.parametrize("role", ["jobmanager", "taskmanager"])
def test_flink_gets_none_of_the_secrets_in_the_environment(machine: Machine, role: str) -> None:
    result = machine.run(role, TOKEN_OF_SOMETHING="secret", HOME="/home/flink")

    assert "secret" not in result.stdout
    assert json.loads(result.stdout)["environment"]["HOME"] == "/home/flink"


def test_a_start_says_in_one_line_what_was_chosen_and_why(machine: Machine) -> None:
    result = machine.run("jobmanager")

    assert result.stderr == (
        "anomalyjob launcher: start 1 of default/demo, incarnation 1, begins empty: "
        "this job never completed a checkpoint\n"
    )


def test_a_refusal_stands_in_the_termination_log_and_on_stderr(machine: Machine) -> None:
    (machine.root / "ledger.json").write_text('{"incarnation": 1, "floor": {"checkpointId": 17}}', encoding="utf-8")

    result = machine.run("jobmanager")

    assert (result.returncode, result.stdout) == (1, "")
    assert machine.refusal()["reason"] == "CheckpointsMissing"
    assert result.stderr == f"anomalyjob launcher: {machine.refusal()['message']}\n"
    assert not (machine.root / "volume" / "default.demo" / "starts").exists()


def test_a_start_that_succeeds_empties_the_termination_log(machine: Machine) -> None:
    (machine.root / "termination").write_text('{"reason": "VolumeFull", "message": "old"}\n', encoding="utf-8")

    machine.run("jobmanager")

    assert (machine.root / "termination").read_bytes() == b""


def test_a_wrong_configuration_is_refused_by_file_and_key(machine: Machine) -> None:
    machine.configure(retained=0)

    assert machine.run("jobmanager").returncode == 1
    assert machine.refusal() == {
        "reason": "BadConfiguration",
        "message": f"{machine.root}/config/start.json: retained: must be at least 1, not 0",
    }


def test_no_java_is_told_before_the_volume_is_touched(machine: Machine) -> None:
    result = machine.run("jobmanager", JAVA_HOME="/nowhere", PATH="/nowhere")

    assert result.returncode == 1
    assert machine.refusal()["reason"] == "JavaMissing"
    assert list((machine.root / "volume").iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["both"], ["jobmanager", "taskmanager"]])
def test_wrong_arguments_are_told_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments, {"ANOMALYJOB_CONFIG_DIR": "/config"}) == 2
    assert "usage: python -m anomalyjob.launch jobmanager|taskmanager" in capsys.readouterr().err


def test_without_a_configuration_folder_nothing_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobmanager"], {}) == 2
    assert "ANOMALYJOB_CONFIG_DIR is not set" in capsys.readouterr().err


def test_a_launcher_whose_parent_is_another_starts_nothing(machine: Machine) -> None:
    result = machine.run("taskmanager", ANOMALYJOB_PARENT_PID="1")

    assert (result.returncode, result.stdout) == (1, "")
    assert "the parent process 1 is gone, so nothing is started" in result.stderr


def test_a_parent_that_is_no_process_id_is_refused(machine: Machine) -> None:
    machine.run("taskmanager", ANOMALYJOB_PARENT_PID="me")

    assert machine.refusal()["message"] == "ANOMALYJOB_PARENT_PID: must be a process id, not 'me'"


SUPERVISOR = """
import os, subprocess, sys
subprocess.run([sys.executable, "-m", "anomalyjob.launch", "taskmanager"],
               env={**os.environ, "ANOMALYJOB_PARENT_PID": str(os.getpid())})
"""


def test_what_the_launcher_became_dies_with_a_supervisor_that_is_killed(machine: Machine) -> None:
    machine.let_java_wait()
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR],
        env=machine.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout is not None
        java = json.loads(supervisor.stdout.readline())
        assert java["pid"] != supervisor.pid
        supervisor.kill()
        # The pipe reaches its end only when Java, the last that holds it, is gone.
        assert supervisor.stdout.read() == ""
    assert supervisor.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "number,reason,words",
    [
        (errno.EROFS, "VolumeReadOnly", "the volume is read-only. Mount it for writing"),
        (errno.ENOSPC, "VolumeFull", "the volume is full. Make space on it"),
        (errno.EDQUOT, "VolumeFull", "the volume is full. Make space on it"),
        (errno.EIO, "VolumeUnusable", "cannot be used: Input/output error"),
    ],
)
def test_what_the_system_refuses_is_a_plain_message(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, number: int, reason: str, words: str
) -> None:
    def prepare_start(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number), "/volume/default.demo/lineage.json")

    monkeypatch.setattr(launch, "prepare_start", prepare_start)
    monkeypatch.syspath_prepend(str(machine.root / "packages"))

    assert main(["jobmanager"], machine.environment) == 1
    assert machine.refusal()["reason"] == reason
    assert machine.refusal()["message"].startswith("/volume/default.demo/lineage.json cannot be ")
    assert words in machine.refusal()["message"]
