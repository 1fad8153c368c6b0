"""`anomalyjob up` as a user runs it, with stand-ins for Flink's processes: the supervisor, the files, the console."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from anomalyjob_operator.local.process_identity import ProcessIdentity, is_alive
from anomalyjob_operator.local.process_table import read_process_table
from anomalyjob_operator.local.state_folder import StateFolder

PATIENCE_SECONDS = 30.0
STAND_IN = Path(__file__).with_name("stand_in_flink.py")


class Up:
    """One `up` in the background and the commands beside it."""

    def __init__(self, folder: Path, name: str = "demo") -> None:
        folder.mkdir(exist_ok=True)
        self.state = StateFolder(home=folder / "home", namespace="default", name=name)
        self.file = folder / f"{name}.yaml"
        self.output = folder / f"{name}.log"
        self.faults = folder / "faults"
        self.faults.mkdir(exist_ok=True)
        self._name = name
        self.environment = {
            **os.environ,
            "ANOMALYJOB_HOME": str(folder / "home"),
            "ANOMALYJOB_FLINK_PYTHON": str(self._program(folder / "python", f'exec {sys.executable} {STAND_IN} "$@"')),
            "JAVA_HOME": str(self._program(folder / "bin" / "java", "echo 'version \"17.0.1\"' >&2").parent.parent),
            "STAND_IN": str(self.faults),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self.options: tuple[str, ...] = ()
        self.save()
        self.process: subprocess.Popen[bytes] | None = None

    def save(self, **spec: Any) -> None:
        """Write the resource file."""
        document = {
            "apiVersion": "anomalyjob.dev/v1alpha1",
            "kind": "AnomalyJob",
            "metadata": {"name": self._name},
            "spec": spec,
        }
        self.file.write_text(yaml.safe_dump(document))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "anomalyjob_operator", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def start(self) -> None:
        """Start `up` and wait until all tasks run."""
        running = "12 of 12 tasks RUNNING; 9 of 9 slots used"
        before = self.printed.count(running)
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "anomalyjob_operator", "up", "-f", str(self.file), *self.options],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.until(lambda: self.printed.count(running) > before, "a running job")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to `up`."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end of `up`; its exit status."""
        assert self.process is not None
        return self.process.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        """End `up` whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_SECONDS)

    @property
    def printed(self) -> str:
        """Everything that `up` has printed."""
        return self.output.read_text() if self.output.exists() else ""

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition, within a bound."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what} never came true; printed:\n{self.printed}"
            time.sleep(0.05)  # noqa: TID251 - polls what another process does, within a bound

    def until_printed(self, text: str) -> None:
        """Wait until `up` has printed a text."""
        self.until(lambda: text in self.printed, repr(text))

    def processes(self) -> dict[str, ProcessIdentity]:
        """The recorded processes by their short names."""
        table = read_process_table(self.state.processes_file)
        return {self.state.short_name(process.name): process.identity for process in table}

    def status(self) -> dict[str, Any]:
        """The status document."""
        document: dict[str, Any] = json.loads(self.run("status", "-o", "json").stdout)
        return document

    @staticmethod
    def _program(file: Path, text: str) -> Path:
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    job = Up(tmp_path / "job")
    yield job
    job.end()


def test_a_job_runs_is_stopped_by_ctrl_c_and_goes_on(up: Up) -> None:
    up.start()
    assert set(up.processes()) == {"jobmanager", "taskmanager-1", "taskmanager-2", "taskmanager-3"}
    up.until_printed("[ALERT] userId=user2 abnormal 3 times")
    up.until_printed("(13.4 KB, 61 ms) completed")
    first = up.processes()
    up.signal(signal.SIGINT)
    assert up.wait() == 0
    assert "stopped; everything is kept in" in up.printed
    assert not any(is_alive(process) for process in first.values())
    up.start()
    up.until_printed("goes on from checkpoint")


def test_status_logs_and_checkpoints_tell_of_a_running_job(up: Up) -> None:
    up.start()
    up.until_printed("(13.4 KB, 61 ms) completed")
    up.until(lambda: (up.status()["lastCheckpoint"] or {}).get("id", 0) >= 1, "a checkpoint in the status")
    document = up.status()
    assert document["phase"] == "Running"
    assert document["job"]["tasksRunning"] == 12
    table = up.run("status").stdout
    assert "12 of 12 tasks running" in table
    assert "3 of 3 ready, 9 slots, 0 free" in table
    alerts = up.run("logs", "--alerts").stdout.splitlines()
    assert alerts
    assert set(alerts) == {"[ALERT] userId=user2 abnormal 3 times"}
    assert '{"kind": "alert"' in up.run("logs").stdout
    listed = json.loads(up.run("checkpoints", "-o", "json").stdout)["checkpoints"]
    assert [entry["id"] for entry in listed] == sorted((entry["id"] for entry in listed), reverse=True)
    assert up.run("checkpoints").stdout.startswith("ID ")


def test_logs_can_be_followed_until_ctrl_c(up: Up) -> None:
    up.start()
    with subprocess.Popen(
        [sys.executable, "-m", "anomalyjob_operator", "logs", "-f", "--alerts"],
        env=up.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as logs:
        assert logs.stdout is not None
        assert logs.stderr is not None
        for _ in range(20):
            assert logs.stdout.readline() == b"[ALERT] userId=user2 abnormal 3 times\n"
        logs.send_signal(signal.SIGINT)
        assert logs.wait(PATIENCE_SECONDS) == 0
        assert logs.stderr.read() == b""


def test_rest_answers_at_the_recorded_address(up: Up) -> None:
    up.start()
    port = json.loads(up.state.ports_file.read_text())["rest"]
    assert f"Flink's web page: http://127.0.0.1:{port}" in up.printed
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/overview", timeout=5) as answer:
        assert json.load(answer)["flink-version"] == "2.3.0"


def _dashboard(up: Up) -> str:
    """The address that `up` has printed."""
    up.until_printed("Dashboard: http://127.0.0.1:")
    return up.printed.rpartition("Dashboard: ")[2].split()[0]


def _read(address: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=5) as answer:  # noqa: S310 - it is ours
        content: bytes = answer.read()
    return content


def test_the_dashboard_shows_the_job_its_alerts_and_metrics(up: Up) -> None:
    up.start()
    address = _dashboard(up)
    assert b"<!doctype html>" in _read(address).lower()
    assert [job["name"] for job in json.loads(_read(f"{address}api/jobs"))["jobs"]] == ["demo"]
    assert b'anomalyjob_ready{name="demo",namespace="default"}' in _read(f"{address}metrics")
    stream_address = f"{address}api/stream/jobs/default/demo"
    with urllib.request.urlopen(stream_address, timeout=PATIENCE_SECONDS) as stream:  # noqa: S310 - it is ours
        assert any(b"[ALERT] userId=user2 abnormal 3 times" in line for line in stream)
        up.signal(signal.SIGINT)
        asked_at = time.monotonic()
        assert up.wait() == 0
        assert time.monotonic() - asked_at < 10, "an open page holds nothing up"


def test_the_dashboard_takes_the_next_port_and_can_be_left_out(up: Up, tmp_path: Path) -> None:
    other = Up(tmp_path / "job", "other")
    other.options = ("--no-dashboard",)
    try:
        other.start()
        assert "Dashboard" not in other.printed
        up.start()
        port = int(_dashboard(up).rpartition(":")[2].strip("/"))
        third = Up(tmp_path / "third", "third")
        refused = third.run("up", "-f", str(third.file), "--dashboard-port", str(port))
        assert refused.returncode == 1
        assert f"port {port} of 127.0.0.1 is taken by another program. Nothing was started." in refused.stderr
    finally:
        other.end()


def test_with_a_token_the_dashboard_shows_itself_to_who_knows_it(up: Up, tmp_path: Path) -> None:
    token = tmp_path / "token"
    up.environment["ANOMALYJOB_DASHBOARD_TOKEN_FILE"] = str(token)
    refused = up.run("up", "-f", str(up.file))
    assert refused.returncode == 2
    assert f"the dashboard's token cannot be read from {token}" in refused.stderr
    token.write_text("0123456789abcdef\n")
    up.start()
    address = _dashboard(up)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        _read(f"{address}api/jobs")
    assert b'"demo"' in _read(f"{address}api/jobs", Authorization="Bearer 0123456789abcdef")
    assert "0123456789abcdef" not in up.printed


def test_killed_processes_come_back_and_the_recovery_is_told(up: Up) -> None:
    up.start()
    up.until_printed("(13.4 KB, 61 ms) completed")
    before = up.processes()
    assert "killed jobmanager (process " in up.run("kill", "jobmanager").stdout
    up.until_printed("jobmanager ended (signal SIGKILL); starting it again at once")
    up.until(lambda: up.processes().get("jobmanager") not in {None, before["jobmanager"]}, "a new JobManager")
    up.until_printed("Recovered: ")
    assert up.status()["recoveries"] == 1
    after = up.processes()
    assert after["taskmanager-1"] == before["taskmanager-1"]
    killed = up.run("kill", "all").stdout.splitlines()
    assert len(killed) == 4
    up.until(
        lambda: len(up.processes()) == 4 and not set(up.processes().values()) & set(after.values()), "four new ones"
    )


def test_a_target_that_is_not_there_is_said_with_those_that_are(up: Up) -> None:
    up.start()
    result = up.run("kill", "taskmanager-7")
    assert result.returncode == 2
    assert "It has: jobmanager, taskmanager-1, taskmanager-2, taskmanager-3" in result.stderr


def test_down_stops_the_job_from_outside_and_delete_removes_it(up: Up) -> None:
    up.start()
    processes = up.processes()
    result = up.run("down", "-f", str(up.file), "--delete")
    assert result.returncode == 0
    assert "stopping job default/demo (supervisor process " in result.stdout
    assert "keeps its volume" in result.stdout
    assert up.wait() == 0
    assert not any(is_alive(process) for process in processes.values())
    assert sorted(path.name for path in up.state.path.iterdir()) == ["supervisor.lock", "volume"]


def test_a_second_up_is_refused_naming_the_first(up: Up) -> None:
    up.start()
    assert up.process is not None
    result = up.run("up", "-f", str(up.file))
    assert result.returncode == 1
    assert f"job default/demo is already run by process {up.process.pid}" in result.stderr
    assert up.process.poll() is None


def test_a_killed_supervisor_leaves_nothing_and_the_next_up_goes_on(up: Up) -> None:
    up.start()
    up.until_printed("(13.4 KB, 61 ms) completed")
    processes = up.processes()
    up.signal(signal.SIGKILL)
    up.wait()
    killed_at = time.monotonic()
    up.until(lambda: not any(is_alive(process) for process in processes.values()), "the end of all processes")
    assert time.monotonic() - killed_at < 5
    assert "Stopped (was Running" in up.run("status").stdout
    up.start()
    up.until_printed("goes on from checkpoint")


def test_an_edit_is_applied_when_the_file_is_saved(up: Up) -> None:
    up.start()
    before = up.processes()
    up.save(taskManager={"replicas": 4})
    up.until_printed("applied as generation 2: changed spec.taskManager.replicas")
    up.until(lambda: "taskmanager-4" in up.processes(), "a fourth TaskManager")
    assert up.processes()["taskmanager-1"] == before["taskmanager-1"]
    up.until(lambda: up.status()["observedGeneration"] == 2, "the new generation in the status")


def test_an_edit_of_what_the_job_is_started_with_stops_and_starts_it(up: Up) -> None:
    up.start()
    before = up.processes()
    up.save(detection={"maxCount": 5}, checkpointing={"timeout": "1s"})
    up.until_printed("SpecChanged: spec.checkpointing.timeout, spec.detection.maxCount changed")
    up.until(lambda: before.keys() == up.processes().keys(), "all processes")
    up.until(lambda: not set(before.values()) & set(up.processes().values()), "new processes")


def test_a_suspended_job_has_no_process_until_it_is_resumed(up: Up) -> None:
    up.start()
    up.save(job={"state": "suspended"}, checkpointing={"timeout": "1s"})
    up.until(lambda: up.status()["phase"] == "Suspended", "the phase Suspended")
    assert up.processes() == {}
    up.save(checkpointing={"timeout": "1s"})
    up.until(lambda: "taskmanager-3" in up.processes(), "the processes again")


def test_a_refusal_of_the_launcher_is_shown(up: Up) -> None:
    up.start()
    (up.faults / "refuse").touch()
    up.run("kill", "jobmanager")
    up.until_printed("the volume is read-only, says the stand-in")
    (up.faults / "refuse").unlink()
    up.until_printed("Recovered: ")


def test_a_second_ctrl_c_ends_stubborn_processes_at_once(up: Up) -> None:
    (up.faults / "stubborn").touch()
    up.start()
    processes = up.processes()
    up.signal(signal.SIGINT)
    up.until_printed("stopping all processes")
    up.signal(signal.SIGINT)
    asked_at = time.monotonic()
    assert up.wait() == 0
    assert time.monotonic() - asked_at < 5
    assert not any(is_alive(process) for process in processes.values())


def test_two_jobs_run_side_by_side(up: Up, tmp_path: Path) -> None:
    other = Up(tmp_path / "job", "other")
    try:
        up.start()
        other.start()
        ports = [json.loads(job.state.ports_file.read_text()) for job in (up, other)]
        assert not set(ports[0].values()) & set(ports[1].values())
        lines = up.run("status").stdout.splitlines()
        assert [line.split()[:3] for line in lines[1:]] == [
            ["default", "demo", "Running"],
            ["default", "other", "Running"],
        ]
    finally:
        other.end()


def test_who_reads_only_the_first_lines_does_not_stop_the_job(up: Up) -> None:
    up.environment.pop("PYTHONUNBUFFERED", None)  # with a buffer, as users have it
    up.process = subprocess.Popen(
        [sys.executable, "-m", "anomalyjob_operator", "up", "-f", str(up.file)],
        env=up.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    assert up.process.stdout is not None
    assert b"job default/demo" in up.process.stdout.readline()
    up.process.stdout.close()
    up.until(lambda: up.state.status_file.exists() and up.status()["phase"] == "Running", "a running job")
    up.signal(signal.SIGTERM)
    assert up.wait() == 0
