"""`make bench`: the figures of this system beside those of the reference, printed as tables for docs/benchmarks.md.

A busy machine makes slow figures, not wrong ones: nothing about speed is asserted, the load is printed with them.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.benchmarks.machine import machine
from tests.benchmarks.measure import (
    alert_latencies,
    completed_checkpoints,
    records_per_processor_second,
    recovery_seconds,
)
from tests.benchmarks.samples import Samples
from tests.flink.local_job import LocalJob, fast_resource

pytestmark = pytest.mark.bench

CHECKPOINTS = 30
RECOVERIES = 5
THROUGHPUT_RUNS = 5
WINDOW_SECONDS = 10.0
USERS_OF_FULL_LOAD = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured in one execution mode."""

    cold_start: float
    sizes: Samples
    durations: Samples
    failed_checkpoints: int
    latencies: Samples
    taskmanager_recovery: Samples
    jobmanager_recovery: Samples
    per_processor_second: Samples
    per_second: Samples


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("mode", ["thread", "process"])
def test_measure(mode: str, tmp_path: Path) -> None:
    """Two runs of one mode: the reference's three users, then as many events as it can take."""
    before = os.getloadavg()[0]
    figures = measure(mode, tmp_path)
    print(f"\n\n### {mode} mode\n\nLoad average before: {before:.2f}; {machine()}\n")
    print("\n".join(table(figures)))
    assert figures.failed_checkpoints == 0


def measure(mode: str, folder: Path) -> Figures:
    """Run both loads and gather the figures."""
    quiet, full = folder / "quiet", folder / "full"
    quiet.mkdir()
    full.mkdir()
    job_settings = {"pythonExecutionMode": mode}
    with LocalJob(quiet, fast_resource(job=job_settings)) as job:
        cold_start = _start(job)
        sizes, durations, failed = completed_checkpoints(job, CHECKPOINTS, timeout_seconds=300)
        latencies = alert_latencies(job)
        taskmanager = _recoveries(job, "taskmanager-2")
        jobmanager = _recoveries(job, "jobmanager")
    with LocalJob(full, full_load(job_settings)) as job:
        _start(job)
        job.wait_checkpoint_after(1)
        windows = [records_per_processor_second(job, WINDOW_SECONDS) for _ in range(THROUGHPUT_RUNS)]
    return Figures(
        cold_start=cold_start,
        sizes=sizes,
        durations=durations,
        failed_checkpoints=failed,
        latencies=latencies,
        taskmanager_recovery=taskmanager,
        jobmanager_recovery=jobmanager,
        per_processor_second=Samples(values=tuple(processor for processor, _ in windows), unit="records"),
        per_second=Samples(values=tuple(second for _, second in windows), unit="records"),
    )


def full_load(job_settings: dict[str, str]) -> dict[str, object]:
    """More events than the job can take: the sources are always behind, so the processors are always busy."""
    users = [f"user{number}" for number in range(1, USERS_OF_FULL_LOAD + 1)]
    simulated = {"users": users, "interval": "1ms", "abnormalRatio": 0.3, "seed": 7}
    checkpointing = {"interval": "10s"}
    return fast_resource(
        source={"simulated": simulated}, sink={"files": {}}, checkpointing=checkpointing, job=job_settings
    )


def table(figures: Figures) -> list[str]:
    """The rows of the table, the reference's figures in the last column."""
    rows = [
        ("`up` → all tasks RUNNING", f"{figures.cold_start:.1f} s", "not published"),
        ("checkpoint size", figures.sizes.summary(), "6 KB (mean)"),
        ("checkpoint duration", figures.durations.summary(), "61 ms (mean)"),
        ("checkpoints failed", str(figures.failed_checkpoints), "0 of 165"),
        ("event → alert", figures.latencies.summary(), "not published"),
        ("TaskManager killed → all tasks RUNNING", figures.taskmanager_recovery.listed(), "not published"),
        ("JobManager killed → all tasks RUNNING", figures.jobmanager_recovery.listed(), "not published"),
        ("records per CPU second of the TaskManagers", figures.per_processor_second.summary(), "not published"),
        ("records per second at full load", figures.per_second.summary(), "not published"),
    ]
    lines = [f"| {name} | {value} | {reference} |" for name, value, reference in rows]
    return ["| figure | here | reference |", "| --- | --- | --- |", *lines]


def _start(job: LocalJob) -> float:
    began = os.times().elapsed
    job.up()
    job.wait_running(timeout_seconds=300)
    return os.times().elapsed - began


def _recoveries(job: LocalJob, victim: str) -> Samples:
    return Samples(values=tuple(recovery_seconds(job, victim) for _ in range(RECOVERIES)), unit="s")
