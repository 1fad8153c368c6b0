"""Flink's memory model: from the size of a process to its JVM options and the sizes of its parts.

Pure. Flink's start scripts run a JVM before each start only to compute this; here it is computed once per
configuration, to the byte as Flink 2.3 does (classes ProcessMemoryUtils, TaskExecutorFlinkMemoryUtils and
JobManagerFlinkMemoryUtils; a test compares with Flink itself). The fractions are Flink's 32-bit defaults, written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MEBIBYTE: Final = 2**20

JVM_METASPACE_BYTES: Final = 256 * MEBIBYTE
JVM_OVERHEAD_FRACTION: Final = Decimal("0.10000000149011612")
JVM_OVERHEAD_SMALLEST_BYTES: Final = 192 * MEBIBYTE
JVM_OVERHEAD_LARGEST_BYTES: Final = 1024 * MEBIBYTE

JOB_MANAGER_OFF_HEAP_BYTES: Final = 128 * MEBIBYTE

FRAMEWORK_HEAP_BYTES: Final = 128 * MEBIBYTE
FRAMEWORK_OFF_HEAP_BYTES: Final = 128 * MEBIBYTE
TASK_OFF_HEAP_BYTES: Final = 64 * MEBIBYTE
"""Flink needs none; the slots of the sink are placed by it (see slot_sharing)."""

NETWORK_FRACTION: Final = Decimal("0.10000000149011612")
NETWORK_SMALLEST_BYTES: Final = 64 * MEBIBYTE
MANAGED_FRACTION: Final = Decimal("0.4000000059604645")

EMBEDDED_PYTHON_BYTES: Final = 256 * MEBIBYTE
"""What a Python interpreter inside the TaskManager's process may take: a Python worker process was seen to take 170 MB.

It is native memory that Flink's model does not know, so it is added to the JVM overhead.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMemory:
    """What the JVM is started with, and the Flink settings that say the same to the Flink inside it."""

    jvm_options: tuple[str, ...]
    settings: Mapping[str, str]
    sizes_bytes: Mapping[str, int]
    """The parts by the last words of their settings, such as `task.heap.size`."""


def job_manager_memory(process_size_bytes: int) -> ProcessMemory:
    """Return the memory of a JobManager; raise ValueError when its parts do not fit into the process.

    The Python client that builds the job graph at the start is a process of its own and not part of this.
    """
    overhead = _jvm_overhead(process_size_bytes)
    heap = process_size_bytes - JVM_METASPACE_BYTES - overhead - JOB_MANAGER_OFF_HEAP_BYTES
    _refuse_too_small(process_size_bytes, heap)
    sizes = {
        "process.size": process_size_bytes,
        "heap.size": heap,
        "off-heap.size": JOB_MANAGER_OFF_HEAP_BYTES,
        "jvm-metaspace.size": JVM_METASPACE_BYTES,
        "jvm-overhead.min": overhead,
        "jvm-overhead.max": overhead,
    }
    return ProcessMemory(jvm_options=_jvm_options(heap), settings=_settings("jobmanager", sizes), sizes_bytes=sizes)


def task_manager_memory(
    process_size_bytes: int, *, slots: int, needs_managed: bool, embeds_python: bool
) -> ProcessMemory:
    """Return the memory of a TaskManager; raise ValueError when its parts do not fit into the process.

    `needs_managed`: RocksDB and Python worker processes take Flink's managed memory; without either there is none, and
    the heap has it. `embeds_python`: the interpreter runs inside this process.
    """
    overhead = _jvm_overhead(process_size_bytes) + (EMBEDDED_PYTHON_BYTES if embeds_python else 0)
    flink_bytes = process_size_bytes - JVM_METASPACE_BYTES - overhead
    managed = _part(flink_bytes, MANAGED_FRACTION) if needs_managed else 0
    network = max(_part(flink_bytes, NETWORK_FRACTION), NETWORK_SMALLEST_BYTES)
    direct = FRAMEWORK_OFF_HEAP_BYTES + TASK_OFF_HEAP_BYTES + network
    task_heap = flink_bytes - FRAMEWORK_HEAP_BYTES - managed - direct
    _refuse_too_small(process_size_bytes, task_heap)
    sizes = {
        "process.size": process_size_bytes,
        "framework.heap.size": FRAMEWORK_HEAP_BYTES,
        "task.heap.size": task_heap,
        "managed.size": managed,
        "framework.off-heap.size": FRAMEWORK_OFF_HEAP_BYTES,
        "task.off-heap.size": TASK_OFF_HEAP_BYTES,
        "network.min": network,
        "network.max": network,
        "jvm-metaspace.size": JVM_METASPACE_BYTES,
        "jvm-overhead.min": overhead,
        "jvm-overhead.max": overhead,
    }
    settings = _settings("taskmanager", sizes) | {"taskmanager.cpu.cores": f"{slots}.0"}
    options = _jvm_options(FRAMEWORK_HEAP_BYTES + task_heap, direct)
    return ProcessMemory(jvm_options=options, settings=settings, sizes_bytes=sizes)


def _part(whole_bytes: int, fraction: Decimal) -> int:
    return int(whole_bytes * fraction)


def _jvm_overhead(process_size_bytes: int) -> int:
    derived = _part(process_size_bytes, JVM_OVERHEAD_FRACTION)
    return min(max(derived, JVM_OVERHEAD_SMALLEST_BYTES), JVM_OVERHEAD_LARGEST_BYTES)


def _refuse_too_small(process_size_bytes: int, rest_bytes: int) -> None:
    if rest_bytes < 0:
        raise ValueError(f"a process of {process_size_bytes} bytes lacks {-rest_bytes} bytes for its fixed parts")


def _jvm_options(heap_bytes: int, direct_bytes: int | None = None) -> tuple[str, ...]:
    heap = (f"-Xmx{heap_bytes}", f"-Xms{heap_bytes}")
    direct = () if direct_bytes is None else (f"-XX:MaxDirectMemorySize={direct_bytes}",)
    return (*heap, *direct, f"-XX:MaxMetaspaceSize={JVM_METASPACE_BYTES}")


def _settings(process: str, sizes_bytes: Mapping[str, int]) -> dict[str, str]:
    return {f"{process}.memory.{part}": f"{size}b" for part, size in sizes_bytes.items()}
