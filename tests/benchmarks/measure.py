"""Measures a real local run from outside: checkpoints and recoveries by REST, latency by the part files."""

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.benchmarks.processor_time import group_processor_seconds
from tests.benchmarks.samples import Samples
from tests.flink.local_job import LocalJob

TASKS = 12


def completed_checkpoints(job: LocalJob, count: int, timeout_seconds: float) -> tuple[Samples, Samples, int]:
    """Watch until `count` checkpoints completed; return sizes (KB), durations (ms) and how many failed."""
    seen: dict[int, dict[str, Any]] = {}

    def enough() -> bool:
        statistics = job.checkpoints() or {"history": []}
        seen.update({entry["id"]: entry for entry in statistics["history"] if entry["status"] != "IN_PROGRESS"})
        return len([entry for entry in seen.values() if entry["status"] == "COMPLETED"]) >= count

    job.wait(f"{count} completed checkpoints", enough, timeout_seconds)
    completed = [entry for _, entry in sorted(seen.items()) if entry["status"] == "COMPLETED"]
    sizes = Samples(values=tuple(entry["state_size"] / 1000 for entry in completed), unit="KB")
    durations = Samples(values=tuple(float(entry["end_to_end_duration"]) for entry in completed), unit="ms")
    return sizes, durations, sum(entry["status"] == "FAILED" for entry in seen.values())


def alert_latencies(job: LocalJob) -> Samples:
    """Milliseconds from an event's due time to its alert leaving the sink, over all committed alerts."""
    alerts = (record for record in committed_records(job) if record["kind"] == "alert")
    values = (_milliseconds(alert["emittedTime"]) - _milliseconds(alert["eventTime"]) for alert in alerts)
    return Samples(values=tuple(values), unit="ms")


def committed_records(job: LocalJob) -> Iterator[dict[str, Any]]:
    """Every record of the committed part files."""
    for file in sorted((job.job_volume / "output").glob("*/*/part-*")):
        for line in file.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def recovery_seconds(job: LocalJob, victim: str) -> float:
    """Kill one process and return the seconds until all tasks are RUNNING again.

    Before, a checkpoint newer than the one restored last completes: a settled job, and no crash loop to the supervisor.
    """
    restored = _restores(job)
    job.wait_checkpoint_after(restored[0] if restored else 0)
    killed = time.monotonic()
    os.kill(job.pids()[victim], signal.SIGKILL)
    job.wait("the failure to show", lambda: job.tasks_running() < TASKS or _restores(job) != restored, 60)
    job.wait_running(timeout_seconds=180)
    return time.monotonic() - killed


def records_per_processor_second(job: LocalJob, window_seconds: float) -> tuple[float, float]:
    """Records per second of processor time of all TaskManagers, and per second, over a window of full load."""
    groups = [pid for name, pid in job.pids().items() if name.startswith("taskmanager")]
    before, began = _processed(job), time.monotonic()
    processor = sum(map(group_processor_seconds, groups))
    job.wait("the window to pass", lambda: time.monotonic() - began > window_seconds, window_seconds * 3)
    records, elapsed = _processed(job) - before, time.monotonic() - began
    processor = sum(map(group_processor_seconds, groups)) - processor
    return records / processor, records / elapsed


def _restores(job: LocalJob) -> tuple[Any, ...]:
    statistics = job.checkpoints()
    restored = statistics and statistics["latest"]["restored"]
    return (restored["id"], restored["restore_timestamp"]) if restored else ()


def _processed(job: LocalJob) -> int:
    vertices = job.wait("the job's vertices", lambda: _vertices(job), 30)
    return sum(int(vertex["metrics"]["read-records"]) for vertex in vertices if vertex["name"].startswith("process"))


def _vertices(job: LocalJob) -> list[dict[str, Any]]:
    overview = job.job()
    details = job.rest(f"/jobs/{overview['jid']}") if overview else None
    return list(details.get("vertices", ())) if details else []


def _milliseconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000
