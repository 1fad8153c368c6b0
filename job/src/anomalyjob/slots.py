"""Slot sharing groups sized so that every TaskManager carries one source, one process and one sink slot.

Flink places slots by resources. Each group asks for most of one resource of its own (CPU, heap or off-heap memory) and
little of the other two, so that two slots of one group never fit on a TaskManager and three different ones always do,
in whatever order they are placed. These three only steer placement, Flink does not limit them per slot; managed memory,
which RocksDB and Python worker processes live on, it does.
"""

from dataclasses import dataclass

from pyflink.datastream.slot_sharing_group import MemorySize, SlotSharingGroup

from anomalyjob.config import SlotResources, SlotSharing


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSharingGroups:
    """The three groups; tasks of one group may share a slot, tasks of two never do."""

    source: SlotSharingGroup
    process: SlotSharingGroup
    sink: SlotSharingGroup


def slot_sharing_groups(sharing: SlotSharing | None) -> SlotSharingGroups:
    """Build the groups; without `sharing` Flink may place their slots anywhere."""
    return SlotSharingGroups(
        source=_group("source", None if sharing is None else sharing.source),
        process=_group("process", None if sharing is None else sharing.process),
        sink=_group("sink", None if sharing is None else sharing.sink),
    )


def _group(name: str, resources: SlotResources | None) -> SlotSharingGroup:
    builder = SlotSharingGroup.builder(name)
    if resources is not None:
        builder.set_cpu_cores(resources.cpu_cores)
        builder.set_task_heap_memory(MemorySize.of_mebi_bytes(resources.task_heap_mebibytes))
        builder.set_task_off_heap_memory(MemorySize.of_mebi_bytes(resources.task_off_heap_mebibytes))
        builder.set_managed_memory(MemorySize.of_mebi_bytes(resources.managed_mebibytes))
    return builder.build()
