"""Bad input to a real `anomalyjob up`: what is wrong and where, exit status 2, and nothing started.

No Flink runs here; the point is that none does.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.flink.local_job import resource
from tests.flink.processes import processes_of

pytestmark = pytest.mark.flink

TIMEOUT_SECONDS = 30


def up(file: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run `up` to its end; a run that has to be ended counts as started, and fails the test by TimeoutExpired."""
    return subprocess.run(
        [sys.executable, "-m", "anomalyjob_operator", "up", "-f", str(file)],
        env={**os.environ, "ANOMALYJOB_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def with_spec(**spec: Any) -> str:
    text: str = yaml.safe_dump(resource(**spec))
    return text


SOURCES = {"simulated": {}, "kafka": {"bootstrapServers": "broker:9092", "topic": "events"}}
FIELDS = [
    ("an unknown field", with_spec(checkpoints={}), "spec.checkpoints", "is not a known field"),
    ("a misspelt field", with_spec(job={"paralelism": 1}), "spec.job.paralelism", "did you mean parallelism?"),
    ("a wrong type", with_spec(taskManager={"slots": "three"}), "spec.taskManager.slots", "a whole number"),
    ("a number for a text", with_spec(checkpointing={"interval": 10}), "spec.checkpointing.interval", "a duration"),
    ("two sources", with_spec(source=SOURCES), "spec.source", "exactly one source, found 2: kafka, simulated"),
    ("too few slots", with_spec(job={"parallelism": 4}), "spec.job.parallelism", "needs 12 slots"),
    (
        "a bad duration",
        with_spec(source={"simulated": {"interval": "5 seconds"}}),
        "spec.source.simulated.interval",
        "a duration",
    ),
    ("a negative number", with_spec(recovery={"maxRestarts": -1}), "spec.recovery.maxRestarts", "found -1"),
    ("a negative duration", with_spec(recovery={"window": "-5s"}), "spec.recovery.window", "a duration"),
    (
        "a negative ratio",
        with_spec(source={"simulated": {"abnormalRatio": -0.1}}),
        "spec.source.simulated.abnormalRatio",
        "found -0.1",
    ),
    ("a name that is too long", yaml.safe_dump(resource("x" * 41)), "metadata.name", "40"),
]


def assert_refused(result: subprocess.CompletedProcess[str], home: Path) -> None:
    """Exit status 2, no stack trace, nothing on the normal output, no process and no state."""
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert not home.exists()
    assert processes_of(home) == []


@pytest.mark.parametrize("text,path,complaint", [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS])
def test_a_bad_field_is_told_by_its_path(tmp_path: Path, text: str, path: str, complaint: str) -> None:
    file, home = tmp_path / "job.yaml", tmp_path / "home"
    file.write_text(text, encoding="utf-8")

    result = up(file, home)

    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {file}: {path}: ")
    assert complaint in line
    assert_refused(result, home)


FILES = [
    ("no such file", None, "no such file"),
    ("not YAML", "spec: [1, 2\nkind: }", "is not YAML: line 2, column"),
    ("plain text", "The quick brown fox", "must hold a mapping"),
    ("two documents", f"{with_spec()}---\n{with_spec()}", "holds 2 documents"),
    ("an empty file", "", "holds no document"),
]


@pytest.mark.parametrize("text,complaint", [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_holds_no_one_resource_is_told_by_its_name(
    tmp_path: Path, text: str | None, complaint: str
) -> None:
    file, home = tmp_path / "job.yaml", tmp_path / "home"
    if text is not None:
        file.write_text(text, encoding="utf-8")

    result = up(file, home)

    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {file}: ")
    assert complaint in line
    assert_refused(result, home)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    file, home = tmp_path / "job.yaml", tmp_path / "home"
    file.write_text(with_spec(detection={"maxCount": 0}, job={"parallelism": "x"}), encoding="utf-8")

    result = up(file, home)

    assert [line.removeprefix(f"Error: {file}: ").partition(":")[0] for line in result.stderr.splitlines()] == [
        "spec.detection.maxCount",
        "spec.job.parallelism",
    ]
    assert_refused(result, home)
