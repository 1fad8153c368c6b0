"""The launcher as a real process; in place of Java a shell script writes down how it was called."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anomalyjob import launch
from anomalyjob.launch import main

JOB = {
    "namespace": "default",
    "name": "demo",
    "parallelism": 3,
    "pythonExecutionMode": "thread",
    "detection": {"maxCount": 3},
    "source": {
        "simulated": {"users": ["user1"], "intervalMilliseconds": 5000, "abnormalRatio": 0.3, "seed": 7},
    },
    "sink": {"log": {}},
}
# Prints one JSON object: its arguments, its environment and its process id; then waits if it is told to.
JAVA = """#!{python}
import json, os, sys
waits = os.path.exists(os.path.join(os.path.dirname(sys.argv[0]), "waits"))
print(json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ), "pid": os.getpid()}}), flush=True)
if waits:
    sys.stdin.read()
"""


NO_NAMESPACES = "this machine lets nobody make a process namespace"


@dataclass
class Machine:
    """A machine with a configuration folder, a volume, and something that passes for Flink and Java."""

    root: Path
    environment: dict[str, str]

    def configure(self, **changes: Any) -> None:
        """Write the three configuration files; changes are for start.json."""
        start = {
            "volume": str(self.root / "volume"),
            "incarnation": 1,
            "restartCounter": 0,
            "specHash": "ab12",
            "rule": {"from": "latest"},
            "ledgerFile": str(self.root / "ledger.json"),
            "allowOlderCheckpoints": 0,
            "retained": 3,
            "lockTimeoutSeconds": 0,
            "terminationLog": str(self.root / "termination"),
            "jvmOptions": ["-Xmx512m"],
        }
        task_manager = {"jvmOptions": ["-Xmx1g"], "terminationLog": str(self.root / "termination")}
        documents = {"job.json": JOB, "start.json": {**start, **changes}, "taskmanager.json": task_manager}
        for name, document in documents.items():
            (self.root / "config" / name).write_text(json.dumps(document), encoding="utf-8")

    def let_java_wait(self, *, waits: bool = True) -> None:
        """Make every Java that starts from now on live until it is killed, or end at once."""
        file = self.root / "java" / "bin" / "waits"
        file.touch() if waits else file.unlink()

    def command(self, role: str) -> list[str]:
        """The command line of the launcher."""
        return [sys.executable, "-m", "anomalyjob.launch", role]

    def run(self, role: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the launcher to its end, or to that of the Java it became."""
        environment = {**self.environment, **variables}
        return subprocess.run(
            self.command(role), env=environment, capture_output=True, text=True, timeout=30, check=False
        )

    def refusal(self) -> dict[str, str]:
        """What stands in the termination log: exactly one line."""
        (line,) = (self.root / "termination").read_text(encoding="utf-8").splitlines()
        refusal: dict[str, str] = json.loads(line)
        return refusal


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for name in ("config", "volume", "java/bin", "flink/lib", "flink/opt", "packages/pyflink"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("flink/lib/flink-dist-2.3.0.jar", "flink/opt/flink-python-2.3.0.jar", "packages/pyflink/__init__.py"):
        (tmp_path / name).touch()
    java = tmp_path / "java" / "bin" / "java"
    java.write_text(JAVA.format(python=sys.executable), encoding="utf-8")
    java.chmod(0o755)
    made = Machine(
        root=tmp_path,
        environment={
            "PATH": os.environ["PATH"],
            "JAVA_HOME": str(tmp_path / "java"),
            "FLINK_HOME": str(tmp_path / "flink"),
            "ANOMALYJOB_CONFIG_DIR": str(tmp_path / "config"),
            "PYTHONPATH": os.pathsep.join([str(tmp_path / "packages"), *filter(None, sys.path)]),
        },
    )
    made.configure()
    return made


@pytest.fixture
def living(machine: Machine) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A JobManager that lives: its process, and what its Java was told."""
    machine.let_java_wait()
    with subprocess.Popen(
        machine.command("jobmanager"),
        env=machine.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        java = json.loads(process.stdout.readline())
        machine.let_java_wait(waits=False)
        yield process, java
        process.kill()


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


@pytest.mark.parametrize("role", ["jobmanager", "taskmanager"])
def test_the_temporary_folder_of_a_container_is_empty_when_flink_starts(machine: Machine, role: str) -> None:
    temporary = machine.root / "temporary" / "demo"
    temporary.mkdir(parents=True)
    (temporary / "left by the container's last life").touch()

    result = machine.run(role, ANOMALYJOB_TEMPORARY_FOLDER=str(temporary))

    assert result.returncode == 0, result.stderr
    assert list(temporary.iterdir()) == []


def test_a_job_manager_that_waits_leaves_the_temporary_folder_of_the_living_one_alone(
    machine: Machine, living: tuple[subprocess.Popen[str], dict[str, Any]]
) -> None:
    temporary = machine.root / "temporary" / "demo"
    temporary.mkdir(parents=True)
    (temporary / "in use").touch()

    assert machine.run("jobmanager", ANOMALYJOB_TEMPORARY_FOLDER=str(temporary)).returncode == 1
    assert (temporary / "in use").exists()


def test_a_temporary_folder_that_is_a_link_is_a_plain_message(machine: Machine) -> None:
    link = machine.root / "link"
    link.symlink_to(machine.root / "volume")

    result = machine.run("taskmanager", ANOMALYJOB_TEMPORARY_FOLDER=str(link))

    assert (result.returncode, result.stdout) == (1, "")
    assert machine.refusal()["message"].startswith(f"{link} cannot be used: it is a symbolic link.")


def test_a_task_manager_is_found_at_its_pods_address(machine: Machine) -> None:
    result = machine.run("taskmanager", ANOMALYJOB_POD_IP="10.1.2.3")

    assert json.loads(result.stdout)["arguments"][-1] == "-Dtaskmanager.host=10.1.2.3"


@pytest.mark.parametrize("role", ["jobmanager", "taskmanager"])
def test_an_address_that_is_none_is_refused_before_the_volume_is_touched(machine: Machine, role: str) -> None:
    assert machine.run(role, ANOMALYJOB_POD_IP="somewhere").returncode == 1
    assert machine.refusal()["reason"] == "BadConfiguration"
    assert list((machine.root / "volume").iterdir()) == []


@pytest.mark.parametrize("role", ["jobmanager", "taskmanager"])
def test_nothing_is_written_into_the_configuration_folder(machine: Machine, role: str) -> None:
    def listing() -> list[tuple[Path, int]]:
        return sorted((path, path.stat().st_mtime_ns) for path in [config, *config.rglob("*")])

    config = machine.root / "config"
    before = listing()
    machine.run(role)

    assert listing() == before


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


@contextmanager
def waiting_launcher(machine: Machine, *prefix: str) -> Iterator[subprocess.Popen[str]]:
    """A second JobManager's launcher, which waits for the lock of the living one."""
    machine.configure(lockTimeoutSeconds=25)
    with subprocess.Popen(
        [*prefix, *machine.command("jobmanager")], env=machine.environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "waiting at most 25 s" in process.stderr.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_launcher_that_waits_for_the_lock_ends_as_soon_as_it_is_asked_to(
    machine: Machine, living: tuple[subprocess.Popen[str], dict[str, Any]], number: signal.Signals
) -> None:
    with waiting_launcher(machine) as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=5)

    assert process.returncode == 128 + number, errors
    assert errors == (
        f"anomalyjob launcher: asked to end by {number.name} before Flink was started: nothing was started\n"
    )
    assert not (machine.root / "termination").exists()


def test_it_ends_when_asked_to_as_process_1_of_a_container_too(
    machine: Machine, living: tuple[subprocess.Popen[str], dict[str, Any]]
) -> None:
    prefix = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False, timeout=10).returncode != 0:
        pytest.skip(NO_NAMESPACES)
    with waiting_launcher(machine, *prefix) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
        os.kill(int(children.split()[0]), signal.SIGTERM)
        process.communicate(timeout=5)

    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("ignored, dies", [(False, True), (True, False)])
def test_java_meets_signals_as_the_launcher_did(machine: Machine, *, ignored: bool, dies: bool) -> None:
    machine.let_java_wait()
    trap = "trap '' TERM; " if ignored else ""
    command = ["sh", "-c", f'{trap}exec "$@"', "sh", *machine.command("taskmanager")]
    with subprocess.Popen(
        command, env=machine.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)

    assert process.returncode == (-signal.SIGTERM if dies else 0)


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
