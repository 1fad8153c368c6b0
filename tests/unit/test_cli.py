"""The command line beside a running job, and what it says to mistakes: one plain line each, nothing started."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from anomalyjob_operator.cli import main
from anomalyjob_operator.local.json_file import write_json
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.supervisor_lock import supervisor_lock


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("ANOMALYJOB_HOME", str(home))
    return home


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _document(name: str = "demo", namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "anomalyjob.dev/v1alpha1",
        "kind": "AnomalyJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _stored(home: Path, name: str = "demo", namespace: str = "default", **spec: Any) -> StateFolder:
    folder = StateFolder(home=home, namespace=namespace, name=name)
    document = _document(name, namespace, **spec)
    document["metadata"] |= {"generation": 1, "creationTimestamp": "2026-01-02T03:04:05.000Z"}
    folder.prepare()
    write_json(folder.resource_file, document)
    return folder


BAD_SPECS: dict[str, dict[str, Any]] = {
    "spec.checkpoints": {"checkpoints": {}},
    "spec.taskManager.slots": {"taskManager": {"slots": "three"}},
    "spec.source": {"source": {"simulated": {}, "kafka": {}}},
    "spec.job.parallelism": {"job": {"parallelism": 4}},
    "spec.checkpointing.interval": {"checkpointing": {"interval": "10 seconds"}},
    "spec.recovery.maxRestarts": {"recovery": {"maxRestarts": -1}},
}


@pytest.mark.parametrize("command", ["up", "validate"])
@pytest.mark.parametrize("path", BAD_SPECS)
def test_bad_input_is_refused_with_the_path_of_the_field(home: Path, tmp_path: Path, command: str, path: str) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(_document(**BAD_SPECS[path])))
    result = _run(command, "-f", file)
    assert result.exit_code == 2
    assert f"Error: {file}: {path}: " in result.stderr
    assert "Traceback" not in result.output
    assert not home.exists(), "nothing was started"


@pytest.mark.parametrize("command", ["up", "validate"])
@pytest.mark.parametrize(
    "text,complaint",
    [
        (None, "no such file"),
        ("spec: [", "is not YAML"),
        ("a: 1\n---\nb: 2\n", "2 documents"),
        ("", "no document"),
        (yaml.safe_dump(_document(name="x" * 41)), "metadata.name"),
        (yaml.safe_dump({**_document(), "kind": "Pod"}), "kind: must be AnomalyJob"),
    ],
)
def test_a_file_that_is_no_resource_is_refused(
    home: Path, tmp_path: Path, command: str, text: str | None, complaint: str
) -> None:
    file = tmp_path / "job.yaml"
    if text is not None:
        file.write_text(text)
    result = _run(command, "-f", file)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert not home.exists()


def test_every_mistake_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(_document(detection={"maxCount": 0}, job={"parallelism": "x"})))
    result = _run("validate", "-f", file)
    assert [line.split(": ")[2] for line in result.stderr.splitlines()] == [
        "spec.detection.maxCount",
        "spec.job.parallelism",
    ]


def test_a_valid_file_is_said_to_be_valid(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(_document()))
    result = _run("validate", "-f", file)
    assert result.exit_code == 0
    assert f"{file}: AnomalyJob default/demo is valid" in result.stdout


@pytest.mark.parametrize("command", ["status", "logs", "checkpoints", "audit", "down"])
def test_without_any_job_the_way_to_start_one_is_named(command: str) -> None:
    result = _run(command)
    assert result.exit_code == 2
    assert "there is no job" in result.stderr
    assert "anomalyjob up -f FILE" in result.stderr


def test_the_only_job_need_not_be_named(home: Path) -> None:
    _stored(home)
    assert _run("checkpoints").stdout == "job default/demo has no checkpoint yet\n"


def test_with_several_jobs_one_must_be_named(home: Path) -> None:
    _stored(home)
    _stored(home, "other")
    result = _run("checkpoints")
    assert result.exit_code == 2
    assert "default/demo, default/other" in result.stderr
    assert _run("checkpoints", "other").stdout == "job default/other has no checkpoint yet\n"


def test_the_namespace_tells_jobs_of_one_name_apart(home: Path) -> None:
    _stored(home)
    _stored(home, namespace="prod")
    assert _run("checkpoints", "demo").exit_code == 2
    assert _run("checkpoints", "demo", "-n", "prod").stdout == "job prod/demo has no checkpoint yet\n"


def test_a_job_that_is_not_there_is_said_with_those_that_are(home: Path) -> None:
    _stored(home)
    result = _run("status", "other")
    assert result.exit_code == 2
    assert "there is no job other" in result.stderr
    assert "There is: default/demo" in result.stderr


def test_a_job_that_never_ran_has_no_status_document(home: Path) -> None:
    _stored(home)
    result = _run("status", "-o", "json")
    assert result.exit_code == 1
    assert "no status yet" in result.stderr
    assert "phase  Stopped" in _run("status").stdout


def test_several_jobs_are_shown_one_a_line(home: Path) -> None:
    _stored(home)
    _stored(home, "other", "prod")
    lines = _run("status").stdout.splitlines()
    assert lines[0].split()[:3] == ["NAMESPACE", "NAME", "PHASE"]
    assert [line.split()[:3] for line in lines[1:]] == [["default", "demo", "Stopped"], ["prod", "other", "Stopped"]]


def test_a_damaged_state_file_is_one_plain_line(home: Path) -> None:
    folder = _stored(home)
    folder.status_file.write_text("{")
    result = _run("status")
    assert result.exit_code == 1
    assert f"Error: {folder.status_file} cannot be read" in result.stderr


def test_down_of_a_job_that_does_not_run_keeps_it(home: Path) -> None:
    folder = _stored(home)
    assert _run("down").stdout == "job default/demo is not running\n"
    assert folder.resource_file.exists()


def test_down_waits_for_nobody_else(home: Path) -> None:
    folder = _stored(home)
    with supervisor_lock(folder):
        result = _run("down", "--delete")
    assert result.exit_code == 1
    assert "another command works on job default/demo" in result.stderr
    assert folder.resource_file.exists()


def test_delete_keeps_the_volume_under_retain(home: Path) -> None:
    folder = _stored(home)
    (folder.volume / "checkpoint").touch()
    result = _run("down", "--delete")
    assert result.exit_code == 0
    assert "deletionPolicy Retain keeps its volume" in result.stdout
    assert (folder.volume / "checkpoint").exists()
    assert _run("status").exit_code == 2, "the job is gone"


def test_delete_takes_everything_under_delete(home: Path) -> None:
    folder = _stored(home, deletionPolicy="Delete")
    assert _run("down", "--delete", "demo").exit_code == 0
    assert not folder.path.exists()


def test_kill_of_a_job_that_does_not_run_says_so(home: Path) -> None:
    _stored(home)
    result = _run("kill", "all")
    assert result.exit_code == 1
    assert "no process of job default/demo runs" in result.stderr


def test_an_audit_without_output_fails_and_says_what_is_missing(home: Path) -> None:
    _stored(home)
    result = _run("audit")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "Error: " in result.stderr


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        yield stranger.getsockname()[1]


def _ready_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend Java and PyFlink."""
    for name, text in {
        "java-home/bin/java": "echo 'openjdk version \"17.0.1\"' >&2",
        "python": "exit 0",
    }.items():
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java-home"))
    monkeypatch.setenv("ANOMALYJOB_FLINK_PYTHON", str(tmp_path / "python"))


def test_a_taken_port_that_was_asked_for_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_port: int
) -> None:
    _ready_machine(tmp_path, monkeypatch)
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(_document()))
    result = _run("up", "-f", file, "--rest-port", str(taken_port))
    assert result.exit_code == 1
    assert f"Error: port {taken_port} of 127.0.0.1 is taken by another program" in result.stderr
    assert not (home / "default.demo" / "resource.json").exists(), "nothing was applied"


def test_a_machine_without_java_and_pyflink_is_told_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ANOMALYJOB_FLINK_PYTHON", "/nonexistent/python")
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(_document()))
    result = _run("up", "-f", file)
    assert result.exit_code == 1
    assert "openjdk-17-jre-headless" in result.stderr
    assert "/nonexistent/python, cannot be run" in result.stderr
    assert "Traceback" not in result.output


def test_a_second_up_of_the_same_job_is_refused(home: Path, tmp_path: Path) -> None:
    folder = _stored(home)
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(_document()))
    with supervisor_lock(folder):
        result = _run("up", "-f", file)
    assert result.exit_code == 1
    assert "job default/demo is already run by" in result.stderr


def test_help_tells_where_state_is_kept() -> None:
    result = _run("--help")
    assert result.exit_code == 0
    assert "ANOMALYJOB_HOME" in result.stdout
    for command in ("up", "down", "status", "logs", "checkpoints", "kill", "audit", "validate"):
        assert f"\n  {command} " in result.stdout


def test_a_home_that_cannot_be_made_is_one_plain_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ANOMALYJOB_HOME", str(tmp_path / "file" / "home"))
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump(_document()))
    result = _run("up", "-f", file)
    assert result.exit_code == 1
    assert os.strerror(20) in result.stderr
    assert "Traceback" not in result.output
