"""From the answers of Flink's REST endpoint to what was seen: paths and translations.

Pure. Shapes: flink.apache.org, REST API v1 of Flink 2.3. A translation raises KeyError, TypeError, ValueError or
IndexError for an answer that makes no sense; what Flink itself says it does not know becomes None.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from anomalyjob_operator.live.encoding import finite
from anomalyjob_operator.live.flink_times import any_time_of, time_of
from anomalyjob_operator.live.flink_view import (
    JOB_MANAGER,
    Input,
    JobView,
    JvmMetrics,
    Rates,
    SubtaskKey,
    SubtaskView,
    TaskManagerView,
    VertexView,
)

Json = Mapping[str, Any]

MAXIMUM_SUBTASKS: Final = 1_000
"""Of one vertex; as many as are shown."""
QUERY_CHARACTERS: Final = 2_000
"""Flink refuses a request line of more than 4,096 bytes."""

_RATES: Final = {
    "numRecordsInPerSecond": "records_in",
    "numRecordsOutPerSecond": "records_out",
    "numBytesInPerSecond": "bytes_in",
    "numBytesOutPerSecond": "bytes_out",
    "busyTimeMsPerSecond": "busy",
    "backPressuredTimeMsPerSecond": "backpressured",
    "idleTimeMsPerSecond": "idle",
}
_RATIOS: Final = frozenset({"busy", "backpressured", "idle"})
_JVM_METRICS: Final = {
    "Status.JVM.CPU.Load": "cpu_load",
    "Status.JVM.Memory.Heap.Used": "heap_used_bytes",
    "Status.JVM.Memory.Heap.Max": "heap_max_bytes",
    "Status.JVM.Memory.NonHeap.Used": "non_heap_used_bytes",
    "Status.Flink.Memory.Managed.Used": "managed_used_bytes",
    "Status.Flink.Memory.Managed.Total": "managed_total_bytes",
}
_UNASSIGNED: Final = "(unassigned)"
_ENDED: Final = frozenset({"FINISHED", "CANCELED", "FAILED"})
_SOURCE: Final = "Source: "


def short_name(vertex_name: str) -> str:
    """Return the name of a vertex's first operator: what the others are chained to."""
    first = vertex_name.split(" -> ", maxsplit=1)[0].split(", ", maxsplit=1)[0]
    return first.removeprefix(_SOURCE)


def job_view(listed: Json, details: Json) -> JobView:
    """Translate an entry of /jobs/overview and the answer of /jobs/<id>."""
    running, total = int(listed["tasks"]["running"]), int(listed["tasks"]["total"])
    all_running = details["state"] == "RUNNING" and 0 < running == total
    return JobView(
        job_id=str(details["jid"]),
        state=str(details["state"]),
        state_since=any_time_of(details["timestamps"].get(details["state"])),
        started_at=time_of(details["start-time"]),
        tasks_running=running,
        tasks_total=total,
        all_running_since=any_time_of(listed["last-modification"]) if all_running else None,
    )


def vertex_views(details: Json) -> tuple[VertexView, ...]:
    """Translate the vertices of /jobs/<id>, in their order: sources first. Their subtasks are told elsewhere."""
    inputs = {str(node["id"]): tuple(_inputs(node)) for node in details["plan"]["nodes"]}
    return tuple(
        VertexView(
            vertex_id=str(vertex["id"]),
            name=short_name(str(vertex["name"])),
            parallelism=int(vertex["parallelism"]),
            state=str(vertex["status"]),
            slot_sharing_group=str(vertex["slotSharingGroupId"]),
            inputs=inputs.get(str(vertex["id"]), ()),
        )
        for vertex in details["vertices"]
    )


def _inputs(node: Json) -> Iterator[Input]:
    for one in node.get("inputs", ()):
        yield Input(vertex_id=str(one["id"]), strategy=str(one["ship_strategy"]))


def subtask_views(answer: Json) -> tuple[SubtaskView, ...]:
    """Translate /jobs/<id>/vertices/<vertex>."""
    now = answer["now"]
    return tuple(_subtask(one, now) for one in answer["subtasks"][:MAXIMUM_SUBTASKS])


def _subtask(one: Json, now: int) -> SubtaskView:
    metrics, task_manager = one["metrics"], str(one["taskmanager-id"])
    return SubtaskView(
        index=int(one["subtask"]),
        state=str(one["status"]),
        attempt=int(one["attempt"]),
        since=_since(one, now),
        task_manager=None if task_manager == _UNASSIGNED else task_manager,
        records_in=_count(metrics, "read-records"),
        records_out=_count(metrics, "write-records"),
        bytes_in=_count(metrics, "read-bytes"),
        bytes_out=_count(metrics, "write-bytes"),
    )


def _since(one: Json, now: int) -> datetime | None:
    """Return when the state began; Flink tells for how long it has been in it."""
    if one["status"] in _ENDED:
        return any_time_of(one["end-time"])
    duration = one.get("status-duration", {}).get(one["status"], -1)
    return time_of(now - duration) if duration >= 0 else None


def _count(metrics: Json, name: str) -> int | None:
    return int(metrics[name]) if metrics[f"{name}-complete"] else None


def task_manager_views(answer: Json) -> dict[str, TaskManagerView]:
    """Translate /taskmanagers."""
    return {str(one["id"]): _task_manager(one) for one in answer["taskmanagers"]}


def _task_manager(one: Json) -> TaskManagerView:
    total = one["memoryConfiguration"].get("totalProcessMemory")
    return TaskManagerView(
        slots_total=int(one["slotsNumber"]),
        memory_total_bytes=total if isinstance(total, int) else None,
    )


def jvm_metrics_path(process: str) -> str:
    """Return where the metrics of a process's JVM are told: that of a TaskManager, or JOB_MANAGER."""
    place = "/jobmanager" if process == JOB_MANAGER else f"/taskmanagers/{process}"
    return f"{place}/metrics?get={','.join(_JVM_METRICS)}"


def jvm_metrics(answer: Sequence[Json], at: datetime) -> JvmMetrics | None:
    """Translate that, None while Flink has none of them."""
    told = {_JVM_METRICS[one["id"]]: _number(one["value"]) for one in answer}
    load = told.pop("cpu_load", None)
    amounts = {name: int(amount) for name, amount in told.items() if amount is not None and amount >= 0}
    if load is None and not amounts:
        return None
    return JvmMetrics(at=at, cpu_load=load if load is not None and load >= 0 else None, **amounts)


def rates_paths(job_id: str, vertex: VertexView) -> Iterator[str]:
    """Yield where the rates of a vertex's subtasks are told: as many as fit into a request at a time."""
    names = [f"{index}.{name}" for index in range(min(vertex.parallelism, MAXIMUM_SUBTASKS)) for name in _RATES]
    begin = 0
    while begin < len(names):
        end, length = begin, 0
        while end < len(names) and length + len(names[end]) < QUERY_CHARACTERS:
            length += len(names[end]) + 1
            end += 1
        yield f"/jobs/{job_id}/vertices/{vertex.vertex_id}/metrics?get={','.join(names[begin:end])}"
        begin = end


def rates(vertex_id: str, answers: Sequence[Sequence[Json]]) -> dict[SubtaskKey, Rates]:
    """Translate those of one vertex; what Flink has not is None."""
    told: dict[int, dict[str, float | None]] = {}
    for answer in answers:
        for one in answer:
            index, _, metric = str(one["id"]).partition(".")
            name = _RATES[metric]
            value = _number(one["value"])
            told.setdefault(int(index), {})[name] = value / 1000 if value is not None and name in _RATIOS else value
    return {(vertex_id, index): Rates(**values) for index, values in told.items()}


def _number(text: object) -> float | None:
    """Return the number in a text; Flink writes NaN for what it does not know."""
    return finite(float(str(text)))
