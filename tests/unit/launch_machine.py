"""A machine for tests of the launcher as a real process: in place of Java a program writes down how it was called."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def machine_in(tmp_path: Path) -> Machine:
    """A machine with everything in place, all of it in one folder."""
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


@contextmanager
def living_job_manager(machine: Machine) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
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
