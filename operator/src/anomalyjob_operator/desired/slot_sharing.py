"""How much each slot asks of its TaskManager, so that every TaskManager carries the same mix of tasks.

Pure. Flink places slots by resources. Each of the three groups asks for most of one resource (source: CPU, process:
heap, sink: off-heap memory) and little of the other two. With slots in threes, k of each group fill a TaskManager
exactly, and k + 1 slots of one group never fit, in whatever order they are placed. The shares: 3 / (3k + 1) of
a group's own resource for each slot, 1 / 2k(3k + 1) of the two others; for k = 1 these are 3/4 and 1/8.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from anomalyjob_operator.desired.memory import MEBIBYTE

if TYPE_CHECKING:
    from anomalyjob_operator.desired.memory import ProcessMemory
    from anomalyjob_operator.spec import Spec

GROUPS: Final = ("source", "process", "sink")
_HEAP_OWNER: Final = "process"
_OFF_HEAP_OWNER: Final = "sink"
_CPU_OWNER: Final = "source"


def slot_sharing_document(spec: Spec, memory: ProcessMemory) -> dict[str, object] | None:
    """Return the part `slotSharing` of job.json, or None when the slots cannot be shared out evenly.

    That is so when the slots of a TaskManager are no multiple of three, or when the shares are too small to be told
    apart in whole mebibytes. Then Flink places the slots as it likes.
    """
    each, rest = divmod(spec.task_manager.slots, len(GROUPS))
    heap = memory.sizes_bytes["task.heap.size"] // MEBIBYTE
    off_heap = memory.sizes_bytes["task.off-heap.size"] // MEBIBYTE
    if rest or not (_tells_apart(heap, each) and _tells_apart(off_heap, each)):
        return None
    managed = memory.sizes_bytes["managed.size"] // MEBIBYTE // spec.task_manager.slots
    return {
        group: {
            "cpuCores": _cpu_cores(spec.task_manager.slots, _share(each, own=group == _CPU_OWNER)),
            "taskHeapMebibytes": int(heap * _share(each, own=group == _HEAP_OWNER)),
            "taskOffHeapMebibytes": int(off_heap * _share(each, own=group == _OFF_HEAP_OWNER)),
            "managedMebibytes": managed,
        }
        for group in GROUPS
    }


def _share(each: int, *, own: bool) -> Fraction:
    return Fraction(3, 3 * each + 1) if own else Fraction(1, 2 * each * (3 * each + 1))


def _cpu_cores(whole: int, share: Fraction) -> float:
    """Return the share, cut: Flink rounds to eight digits, and shares rounded up would not fit together."""
    return int(whole * share * 10_000) / 10_000


def _tells_apart(whole_mebibytes: int, each: int) -> bool:
    """Tell whether the shares, cut to whole mebibytes, still keep one slot too many out and are something at all."""
    own = int(whole_mebibytes * _share(each, own=True))
    return (each + 1) * own > whole_mebibytes and int(whole_mebibytes * _share(each, own=False)) >= 1
