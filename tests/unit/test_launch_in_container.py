"""The launcher as a real process, as a container runs it: process 1, temporary folder kept, read-only configuration."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.unit.launch_machine import Machine, living_job_manager, machine_in

NO_NAMESPACES = "this machine lets nobody make a process namespace"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return machine_in(tmp_path)


@pytest.fixture
def living(machine: Machine) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A JobManager that lives: its process, and what its Java was told."""
    with living_job_manager(machine) as found:
        yield found


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
