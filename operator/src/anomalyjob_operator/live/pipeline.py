"""The job graph as documents: the vertices with their subtasks, and which subtasks share which slot.

Pure. Flink does not tell the numbers of slots; subtasks of one slot sharing group with one index on one TaskManager are
in one slot. Users are told for every vertex that gets its records by user; the others (the clock) have none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from anomalyjob_operator.live.flink_view import FlinkView, Rates, SubtaskView, VertexView

Json = dict[str, Any]
Users = Mapping[int, Sequence[str]]

_NO_RATES = Rates()
_ENDED = frozenset({"FINISHED", "CANCELED", "FAILED"})
"""These no longer fill a slot."""


def pipeline(flink: FlinkView, users: Users) -> Json:
    """Return the part `pipeline` of the overview."""
    return {
        "observedAt": flink.details_at if flink.vertices else None,
        "vertices": [_vertex(vertex, flink, users) for vertex in flink.vertices],
    }


def slots(flink: FlinkView, users: Users, task_manager: str) -> list[Json]:
    """Return the slots in use of one TaskManager, in the order of the pipeline."""
    groups = _group_names(flink.vertices)
    found: dict[tuple[str, int], Json] = {}
    for vertex in flink.vertices:
        for subtask in vertex.subtasks:
            if subtask.task_manager != task_manager or subtask.state in _ENDED:
                continue
            key = (vertex.slot_sharing_group, subtask.index)
            slot = found.setdefault(key, {"group": groups[vertex.slot_sharing_group], "tasks": [], "users": []})
            slot["tasks"].append(_task(vertex, subtask))
            slot["users"] = list(_users(vertex, subtask, users)) or slot["users"]
    return list(found.values())


def _task(vertex: VertexView, subtask: SubtaskView) -> Json:
    return {
        "vertex": vertex.name,
        "vertexId": vertex.vertex_id,
        "subtask": subtask.index,
        "state": subtask.state,
    }


def _group_names(vertices: Sequence[VertexView]) -> dict[str, str]:
    """Name each slot sharing group after the last of its vertices: what the others are there for."""
    return {vertex.slot_sharing_group: vertex.name for vertex in vertices}


def _users(vertex: VertexView, subtask: SubtaskView, users: Users) -> Sequence[str]:
    return users.get(subtask.index, ()) if vertex.inputs else ()


def _vertex(vertex: VertexView, flink: FlinkView, users: Users) -> Json:
    return {
        "id": vertex.vertex_id,
        "name": vertex.name,
        "parallelism": vertex.parallelism,
        "state": vertex.state,
        "inputs": [{"id": one.vertex_id, "strategy": one.strategy} for one in vertex.inputs],
        "subtasks": [_subtask(vertex, subtask, flink, users) for subtask in vertex.subtasks],
    }


def _subtask(vertex: VertexView, subtask: SubtaskView, flink: FlinkView, users: Users) -> Json:
    key = (vertex.vertex_id, subtask.index)
    # Flink goes on telling the last rates of what no longer runs.
    rates = flink.rates.get(key, _NO_RATES) if subtask.state == "RUNNING" else _NO_RATES
    checkpoint = flink.subtask_checkpoints.get(key)
    return {
        "index": subtask.index,
        "state": subtask.state,
        "since": subtask.since,
        "attempt": subtask.attempt,
        "taskManager": subtask.task_manager,
        "recordsIn": subtask.records_in,
        "recordsOut": subtask.records_out,
        "bytesIn": subtask.bytes_in,
        "bytesOut": subtask.bytes_out,
        "recordsInPerSecond": rates.records_in,
        "recordsOutPerSecond": rates.records_out,
        "bytesInPerSecond": rates.bytes_in,
        "bytesOutPerSecond": rates.bytes_out,
        "busyRatio": rates.busy,
        "backpressuredRatio": rates.backpressured,
        "idleRatio": rates.idle,
        "checkpointId": checkpoint and checkpoint.checkpoint_id,
        "checkpointSizeBytes": checkpoint and checkpoint.size_bytes,
        "checkpointDurationMilliseconds": checkpoint and checkpoint.duration_milliseconds,
        "users": list(_users(vertex, subtask, users)),
    }
