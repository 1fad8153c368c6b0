"""Runs a job with the real command line and real Flink, in a home folder of its own, and looks at it from outside.

What a test compares with is found out here without the project's own code: REST is asked directly, the volume is
listed by reading the checkpoint files' headers.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import yaml

METADATA_MAGIC = 0x4960672D
STOP_SECONDS = 60.0


class ConditionNotMetError(AssertionError):
    """A condition did not come true within its bound; the message ends with what `up` printed last."""


class LocalJob:
    """One `anomalyjob up` and the commands beside it. Use as a context manager: nothing outlives it.

    `program` is what `up` is run with: somebody may want it watched.
    """

    program: tuple[str, ...] = (sys.executable, "-m", "anomalyjob_operator")

    def __init__(self, folder: Path, document: dict[str, Any], environment: dict[str, str] | None = None) -> None:
        """Write the resource file; `environment` goes on top of this process's.

        `folder` is the test's own; jobs of different names in one folder share a home.
        """
        metadata = document["metadata"]
        self.name: str = metadata["name"]
        self.folder = folder
        self.file = folder / f"{self.name}.yaml"
        self.file.write_text(yaml.safe_dump(document), encoding="utf-8")
        self.home = folder / "home"
        self.state = self.home / f"{metadata.get('namespace', 'default')}.{self.name}"
        self.job_volume = self.state / "volume" / self.state.name
        self.output = folder / f"{self.name}.log"
        self._environment = {**os.environ, "ANOMALYJOB_HOME": str(self.home), **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    # --- commands

    def run(self, *arguments: str, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run one `anomalyjob` command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "anomalyjob_operator", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def up(self) -> None:
        """Start `up` in the background; its output goes to `self.output`."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.program, "up", "-f", str(self.file)],
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def interrupt(self) -> int:
        """Ctrl-C: wait for `up` to end and return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def end(self) -> None:
        """End `up` whatever state it is in; its children die with it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_SECONDS)

    # --- what can be seen

    @property
    def printed(self) -> str:
        """Everything that `up` has printed so far."""
        return self.output.read_text(encoding="utf-8") if self.output.exists() else ""

    def status(self) -> dict[str, Any]:
        """The status document, {} as long as there is none."""
        result = self.run("status", "-o", "json")
        return dict(json.loads(result.stdout)) if result.returncode == 0 and result.stdout.strip() else {}

    def pids(self) -> dict[str, int]:
        """The recorded processes: jobmanager, taskmanager-1, … → process id."""
        file = self.state / "processes.json"
        recorded = json.loads(file.read_text(encoding="utf-8"))["processes"] if file.exists() else []
        return {entry["name"].removeprefix(f"{self.name}-"): entry["pid"] for entry in recorded}

    def rest(self, path: str) -> Any:
        """What Flink's REST answers, None when it does not answer (nothing was seen)."""
        try:
            ports = json.loads((self.state / "ports.json").read_text(encoding="utf-8"))
            with urllib.request.urlopen(f"http://127.0.0.1:{ports['rest']}{path}", timeout=2) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def job(self) -> dict[str, Any] | None:
        """The one job of /jobs/overview."""
        overview = self.rest("/jobs/overview")
        jobs = overview["jobs"] if overview else []
        return dict(jobs[0]) if jobs else None

    def tasks_running(self) -> int:
        """How many tasks are RUNNING; 0 when nothing answers."""
        job = self.job()
        return int(job["tasks"]["running"]) if job and job["state"] == "RUNNING" else 0

    def checkpoints(self) -> dict[str, Any] | None:
        """Flink's checkpoint statistics."""
        job = self.job()
        return self.rest(f"/jobs/{job['jid']}/checkpoints") if job else None

    def start_records(self) -> dict[int, dict[str, Any]]:
        """All start records of the volume by their number."""
        files = (self.job_volume / "starts").glob("*.json")
        return {int(file.stem): json.loads(file.read_text(encoding="utf-8")) for file in files}

    def checkpoints_on_volume(self) -> dict[int, Path]:
        """Completed checkpoints by the id in the header of their `_metadata`, read here and not by the project.

        Only folders of starts count: one that is being removed has another name. Where two have one id, the later
        start's counts.
        """
        found: dict[int, Path] = {}
        folders = (path for path in (self.job_volume / "checkpoints").glob("*") if path.name.isdecimal())
        for start in sorted(folders, key=lambda path: int(path.name)):
            for metadata in start.glob("*/chk-*/_metadata"):
                header = _first_bytes(metadata, 16)
                if len(header) == 16:
                    magic, _version, checkpoint_id = struct.unpack(">IiQ", header)
                    if magic == METADATA_MAGIC:
                        found[checkpoint_id] = metadata.parent
        return found

    # --- waiting

    def wait(self, what: str, condition: Callable[[], Any], timeout_seconds: float) -> Any:
        """Wait until `condition` is truthy and return it; raise ConditionNotMetError after the bound."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if value := condition():
                return value
            if self.process is not None and self.process.poll() is not None:
                raise ConditionNotMetError(f"`up` ended while waiting for {what}\n{self.printed[-4000:]}")
            time.sleep(0.1)  # noqa: TID251 - the pause between two looks at a condition, under a bound
        raise ConditionNotMetError(f"{what}: not within {timeout_seconds} s\n{self.printed[-4000:]}")

    def wait_running(self, timeout_seconds: float = 180, tasks: int = 12) -> None:
        """Wait until all tasks are RUNNING."""
        self.wait(f"{tasks} tasks RUNNING", lambda: self.tasks_running() == tasks, timeout_seconds)

    def wait_checkpoint_after(self, checkpoint_id: int, timeout_seconds: float = 120) -> int:
        """Wait until a checkpoint newer than `checkpoint_id` is complete, and return its id."""

        def newest() -> int:
            statistics = self.checkpoints()
            latest = statistics and statistics["latest"]["completed"]
            return int(latest["id"]) if latest and latest["id"] > checkpoint_id else 0

        return int(self.wait(f"a checkpoint after {checkpoint_id}", newest, timeout_seconds))


def _first_bytes(file: Path, count: int) -> bytes:
    """The first bytes of a file, none when Flink has removed it meanwhile."""
    try:
        with file.open("rb") as stream:
            return stream.read(count)
    except FileNotFoundError:
        return b""


def resource(name: str = "demo", **spec: Any) -> dict[str, Any]:
    """A resource document with the given spec."""
    metadata = {"name": name}
    return {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": metadata, "spec": spec}


def fast_resource(name: str = "demo", **spec: Any) -> dict[str, Any]:
    """The resource of the kill tests: an event per user every 200 ms, a checkpoint every 2 s, files and log sinks."""
    simulated = {"users": ["user1", "user2", "user3"], "interval": "200ms", "abnormalRatio": 0.3, "seed": 7}
    defaults: dict[str, Any] = {
        "source": {"simulated": simulated},
        "sink": {"log": {}, "files": {}},
        "checkpointing": {"interval": "2s"},
    }
    return resource(name, **{**defaults, **spec})
