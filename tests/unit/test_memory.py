"""The memory of Flink's processes: the parts make up the whole, for every size that a resource may ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob_operator.desired.memory import (
    EMBEDDED_PYTHON_BYTES,
    MEBIBYTE,
    ProcessMemory,
    job_manager_memory,
    task_manager_memory,
)

TASK_MANAGER_SIZES = st.integers(1536 * MEBIBYTE, 64 * 1024 * MEBIBYTE)
JOB_MANAGER_SIZES = st.integers(768 * MEBIBYTE, 64 * 1024 * MEBIBYTE)


def sizes(memory: ProcessMemory, process: str) -> dict[str, int]:
    prefix = f"{process}.memory."
    texts = memory.settings
    return {
        key.removeprefix(prefix): int(size.removesuffix("b")) for key, size in texts.items() if key.startswith(prefix)
    }


def option(memory: ProcessMemory, name: str) -> int:
    (value,) = (text.removeprefix(name) for text in memory.jvm_options if text.startswith(name))
    return int(value)


@given(size_bytes=TASK_MANAGER_SIZES, slots=st.integers(1, 64), managed=st.booleans(), embeds=st.booleans())
def test_the_parts_of_a_task_manager_make_up_the_process(
    size_bytes: int, slots: int, managed: bool, embeds: bool
) -> None:
    memory = task_manager_memory(size_bytes, slots=slots, needs_managed=managed, embeds_python=embeds)
    parts = sizes(memory, "taskmanager")

    assert parts.pop("process.size") == size_bytes
    assert parts.pop("network.max") == parts["network.min"]
    assert parts.pop("jvm-overhead.max") == parts["jvm-overhead.min"]
    assert sum(parts.values()) == size_bytes
    assert (parts["managed.size"] > 0) == managed
    assert option(memory, "-Xmx") == option(memory, "-Xms") == parts["framework.heap.size"] + parts["task.heap.size"]
    assert option(memory, "-XX:MaxMetaspaceSize=") == parts["jvm-metaspace.size"]
    direct = parts["framework.off-heap.size"] + parts["task.off-heap.size"] + parts["network.min"]
    assert option(memory, "-XX:MaxDirectMemorySize=") == direct
    assert memory.settings["taskmanager.cpu.cores"] == f"{slots}.0"


@given(size_bytes=JOB_MANAGER_SIZES)
def test_the_parts_of_a_job_manager_make_up_the_process(size_bytes: int) -> None:
    memory = job_manager_memory(size_bytes)
    parts = sizes(memory, "jobmanager")

    assert parts.pop("process.size") == size_bytes
    assert parts.pop("jvm-overhead.max") == parts["jvm-overhead.min"]
    assert sum(parts.values()) == size_bytes
    assert option(memory, "-Xmx") == option(memory, "-Xms") == parts["heap.size"]


def test_the_smallest_job_manager_has_the_heap_that_flink_recommends_at_least() -> None:
    assert option(job_manager_memory(768 * MEBIBYTE), "-Xmx") >= 128 * MEBIBYTE


@pytest.mark.parametrize("managed, embeds", [(False, True), (True, True), (True, False)])
def test_the_smallest_task_manager_has_a_usable_heap(managed: bool, embeds: bool) -> None:
    memory = task_manager_memory(1536 * MEBIBYTE, slots=3, needs_managed=managed, embeds_python=embeds)

    assert option(memory, "-Xmx") >= 128 * MEBIBYTE


def test_an_embedded_interpreter_has_memory_that_the_heap_does_not_take() -> None:
    apart = sizes(
        task_manager_memory(1728 * MEBIBYTE, slots=3, needs_managed=False, embeds_python=False), "taskmanager"
    )
    inside = sizes(
        task_manager_memory(1728 * MEBIBYTE, slots=3, needs_managed=False, embeds_python=True), "taskmanager"
    )

    assert inside["jvm-overhead.min"] - apart["jvm-overhead.min"] == EMBEDDED_PYTHON_BYTES
    assert inside["task.heap.size"] < apart["task.heap.size"]


def test_the_figures_that_flink_computes() -> None:
    """As printed by Flink 2.3.0 for 1728m with 64m of task off-heap memory, and for a JobManager of 1024m."""
    task_manager = task_manager_memory(1728 * MEBIBYTE, slots=3, needs_managed=True, embeds_python=False)

    assert task_manager.jvm_options == (
        "-Xmx469762038",
        "-Xms469762038",
        "-XX:MaxDirectMemorySize=335544322",
        "-XX:MaxMetaspaceSize=268435456",
    )
    assert task_manager.settings["taskmanager.memory.managed.size"] == "536870920b"
    assert job_manager_memory(1024 * MEBIBYTE).jvm_options[0] == "-Xmx469762048"


@pytest.mark.parametrize("size_mebibytes", [1, 500])
def test_a_process_too_small_for_its_fixed_parts_is_refused(size_mebibytes: int) -> None:
    with pytest.raises(ValueError, match="lacks"):
        job_manager_memory(size_mebibytes * MEBIBYTE)
    with pytest.raises(ValueError, match="lacks"):
        task_manager_memory(size_mebibytes * MEBIBYTE, slots=1, needs_managed=False, embeds_python=False)
