"""What Flink's REST endpoint says now, under the names that the page gives to it. Asked directly, translated here.

Nothing of the project's own code is used: what the page shows is compared with this.
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.flink.local_job import LocalJob

Answers = dict[tuple[str, str], float]
"""By what it belongs to ("", a workload, "source/0", "checkpoint 18") and the field's name."""

COUNTS = {
    "recordsIn": "read-records",
    "recordsOut": "write-records",
    "bytesIn": "read-bytes",
    "bytesOut": "write-bytes",
}
RATES = {
    "recordsInPerSecond": ("numRecordsInPerSecond", 1.0),
    "recordsOutPerSecond": ("numRecordsOutPerSecond", 1.0),
    "bytesInPerSecond": ("numBytesInPerSecond", 1.0),
    "bytesOutPerSecond": ("numBytesOutPerSecond", 1.0),
    "busyRatio": ("busyTimeMsPerSecond", 1000.0),
    "backpressuredRatio": ("backPressuredTimeMsPerSecond", 1000.0),
    "idleRatio": ("idleTimeMsPerSecond", 1000.0),
}
MEMORY = {
    "cpuLoad": "Status.JVM.CPU.Load",
    "heapUsedBytes": "Status.JVM.Memory.Heap.Used",
    "heapMaxBytes": "Status.JVM.Memory.Heap.Max",
    "nonHeapUsedBytes": "Status.JVM.Memory.NonHeap.Used",
    "managedUsedBytes": "Status.Flink.Memory.Managed.Used",
    "managedTotalBytes": "Status.Flink.Memory.Managed.Total",
}
SIZES = {
    "sizeBytes": "checkpointed_size",
    "fullSizeBytes": "state_size",
    "durationMilliseconds": "end_to_end_duration",
}
SUMMARY = {"minimum": "min", "average": "avg", "maximum": "max"}


def answers(job: LocalJob) -> Answers:
    """Return everything that the page shows as a number and that REST tells; it fails when REST does not answer."""
    found: dict[tuple[str, str], Any] = {}
    overview = job.job()
    assert overview is not None, "Flink does not answer"
    within = f"/jobs/{overview['jid']}"
    checkpoints = _get(job, f"{within}/checkpoints")
    found |= _cluster(overview, _get(job, "/overview"), checkpoints)
    found |= _history(checkpoints)
    found |= _settings(_get(job, f"{within}/checkpoints/config"))
    for manager in _get(job, "/taskmanagers")["taskmanagers"]:
        found |= _task_manager(job, manager)
    newest = (checkpoints["latest"]["completed"] or {}).get("id")
    for vertex in _get(job, within)["vertices"]:
        found |= _vertex(job, f"{within}/vertices/{vertex['id']}")
        if newest is not None:
            name = f"{within}/checkpoints/details/{newest}/subtasks/{vertex['id']}"
            found |= _subtask_checkpoints(_short(vertex["name"]), newest, _get(job, name))
    return {place: float(value) for place, value in found.items() if value is not None}


def _get(job: LocalJob, path: str) -> Any:
    answer = job.rest(path)
    assert answer is not None, f"Flink does not answer {path}"
    return answer


def _short(name: str) -> str:
    """Such as "source" of "Source: source, _stream_key_by_map_operator -> …"."""
    return re.split(r",| ->", name.removeprefix("Source: "))[0]


def _cluster(job: Any, cluster: Any, checkpoints: Any) -> dict[tuple[str, str], Any]:
    last, restored = checkpoints["latest"]["completed"] or {}, checkpoints["latest"]["restored"] or {}
    counts = checkpoints["counts"]
    fields = {
        "job.tasksRunning": job["tasks"]["running"],
        "job.tasksTotal": job["tasks"]["total"],
        "taskManagers.ready": cluster["taskmanagers"],
        "taskManagers.slotsTotal": cluster["slots-total"],
        "taskManagers.slotsFree": cluster["slots-available"],
        "lastCheckpoint.id": last.get("id"),
        "lastCheckpoint.sizeBytes": last.get("state_size"),
        "lastCheckpoint.durationMilliseconds": last.get("end_to_end_duration"),
        "restored.checkpointId": restored.get("id"),
        "counts.triggered": counts["total"],
        "counts.inProgress": counts["in_progress"],
        **{f"counts.{name}": counts[name] for name in ("completed", "failed", "restored")},
        **dict(_summary(checkpoints["summary"])),
    }
    return {("", field): value for field, value in fields.items()}


def _summary(summary: Any) -> Iterator[tuple[str, Any]]:
    for field in ("sizeBytes", "durationMilliseconds"):
        for name, flink_name in SUMMARY.items():
            yield f"summary.{field}.{name}", summary[SIZES[field]][flink_name]


def _history(checkpoints: Any) -> dict[tuple[str, str], Any]:
    return {
        (f"{'savepoint' if entry['is_savepoint'] else 'checkpoint'} {entry['id']}", field): entry[name]
        for entry in checkpoints["history"]
        if entry["status"] == "COMPLETED"
        for field, name in SIZES.items()
    }


def _settings(settings: Any) -> dict[tuple[str, str], Any]:
    return {
        ("", "settings.intervalMilliseconds"): settings["interval"],
        ("", "settings.timeoutMilliseconds"): settings["timeout"],
    }


def _task_manager(job: LocalJob, manager: Any) -> dict[tuple[str, str], Any]:
    identity = manager["id"]
    measured = _metrics(job, f"/taskmanagers/{identity}/metrics?get={','.join(MEMORY.values())}")
    fields = {
        "memoryTotalBytes": manager["memoryConfiguration"]["totalProcessMemory"],
        "slotsTotal": manager["slotsNumber"],
        **{field: measured.get(name) for field, name in MEMORY.items()},
    }
    return {(identity.removeprefix(f"{job.name}-"), field): value for field, value in fields.items()}


def _vertex(job: LocalJob, path: str) -> dict[tuple[str, str], Any]:
    vertex = _get(job, path)
    found: dict[tuple[str, str], Any] = {}
    for subtask in vertex["subtasks"]:
        index, of = subtask["subtask"], f"{_short(vertex['name'])}/{subtask['subtask']}"
        counted = subtask["metrics"]
        found |= {(of, field): counted[name] for field, name in COUNTS.items() if counted[f"{name}-complete"]}
        measured = _metrics(job, f"{path}/metrics?get={','.join(f'{index}.{name}' for name, _ in RATES.values())}")
        for field, (name, divisor) in RATES.items():
            value = measured.get(f"{index}.{name}")
            found[of, field] = None if value is None else value / divisor
    return found


def _subtask_checkpoints(vertex: str, checkpoint: int, details: Any) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for subtask in details["subtasks"]:
        of = f"{vertex}/{subtask['index']}"
        found[of, "checkpointId"] = checkpoint
        found[of, "checkpointSizeBytes"] = subtask["checkpointed_size"]
        found[of, "checkpointDurationMilliseconds"] = subtask["end_to_end_duration"]
    return found


def _metrics(job: LocalJob, path: str) -> dict[str, float]:
    return {entry["id"]: float(entry["value"]) for entry in _get(job, path) if entry["value"] != "NaN"}
