"""The memory model against Flink itself: what its start scripts would compute by an extra JVM is what we computed."""

import importlib.util
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from anomalyjob_operator.desired.memory import MEBIBYTE, ProcessMemory, job_manager_memory, task_manager_memory
from anomalyjob_operator.local.java import find_java
from anomalyjob_operator.settings import Settings

RESULT = "BASH_JAVA_UTILS_EXEC_RESULT:"
TIMEOUT_SECONDS = 30

pytestmark = pytest.mark.flink


def flink_home() -> Path:
    found = importlib.util.find_spec("pyflink")
    assert found is not None, "apache-flink is not installed"
    assert found.origin is not None
    return Path(found.origin).parent


def flinks_answer(folder: Path, command: str, settings: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the JVM options and the settings that Flink's start script would use."""
    (folder / "config.yaml").write_text(json.dumps(settings))
    class_path = f"{flink_home()}/bin/bash-java-utils.jar:{flink_home()}/lib/flink-dist-2.3.0.jar"
    answer = subprocess.run(
        [
            f"{find_java(Settings.of(os.environ)).home}/bin/java",
            "-cp",
            class_path,
            "org.apache.flink.runtime.util.bash.BashJavaUtils",
            command,
            "--configDir",
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    options, dynamic = (line.removeprefix(RESULT) for line in answer.stdout.splitlines() if line.startswith(RESULT))
    return options.split(), dict(pair.split("=", 1) for pair in dynamic.replace("-D ", "").split())


def assert_same(memory: ProcessMemory, options: list[str], settings: dict[str, str], process: str) -> None:
    assert list(memory.jvm_options) == options
    ours = {key: value for key, value in memory.settings.items() if not key.endswith(".process.size")}
    assert ours == {
        key: value for key, value in settings.items() if key.startswith((f"{process}.memory.", f"{process}.cpu."))
    }


@pytest.mark.parametrize("size_mebibytes", [768, 1024, 1600, 4096, 20_000, 65_536])
def test_flink_computes_the_same_for_a_job_manager(tmp_path: Path, size_mebibytes: int) -> None:
    memory = job_manager_memory(size_mebibytes * MEBIBYTE)

    options, settings = flinks_answer(
        tmp_path, "GET_JM_RESOURCE_PARAMS", {"jobmanager.memory.process.size": f"{size_mebibytes}m"}
    )

    assert_same(memory, options, settings, "jobmanager")


@pytest.mark.parametrize(
    "size_bytes", [size * MEBIBYTE for size in (1536, 1728, 2500, 16_384, 65_536)] + [1_999_999_999]
)
@pytest.mark.parametrize("managed", [True, False], ids=["managed", "unmanaged"])
def test_flink_computes_the_same_for_a_task_manager(tmp_path: Path, size_bytes: int, managed: bool) -> None:
    memory = task_manager_memory(size_bytes, slots=3, needs_managed=managed, embeds_python=False)
    given = {"taskmanager.memory.process.size": f"{size_bytes}b", "taskmanager.numberOfTaskSlots": "3"}
    given["taskmanager.memory.task.off-heap.size"] = memory.settings["taskmanager.memory.task.off-heap.size"]
    without_managed = {} if managed else {"taskmanager.memory.managed.size": "0"}

    options, settings = flinks_answer(tmp_path, "GET_TM_RESOURCE_PARAMS", given | without_managed)

    assert_same(memory, options, settings, "taskmanager")


@pytest.mark.parametrize("managed", [True, False], ids=["managed", "unmanaged"])
def test_flink_takes_the_written_out_settings_with_embedded_python_as_they_are(tmp_path: Path, managed: bool) -> None:
    memory = task_manager_memory(1728 * MEBIBYTE, slots=3, needs_managed=managed, embeds_python=True)

    options, settings = flinks_answer(
        tmp_path, "GET_TM_RESOURCE_PARAMS", dict(memory.settings) | {"taskmanager.numberOfTaskSlots": "3"}
    )

    assert_same(memory, options, settings, "taskmanager")
