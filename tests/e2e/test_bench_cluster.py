"""`make bench-cluster`: how fast a job comes up and back on a cluster, and what the operator takes; printed as a table.

A busy machine makes slow figures, not wrong ones: no target is asserted, the load is printed with them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from tests.benchmarks.samples import Samples
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.operator_memory import memory_mebibytes
from tests.e2e.operator_release import OperatorRelease
from tests.e2e.recoveries import strike_and_wait
from tests.e2e.results import load, machine
from tests.e2e.specs import fast_spec
from tests.e2e.stopwatch import Stopwatch
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.bench_cluster, pytest.mark.timeout(3600)]

SAMPLES = 5
RESOURCES = 10
SETTLED_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table; the load is that of the minute before the end."""

    figure: str
    target: str
    measured: str
    load: float


LINES: list[Line] = []


@pytest.fixture(scope="module", autouse=True)
def report(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    lines = [f"| {line.figure} | {line.target} | {line.measured} | {line.load:.1f} |" for line in LINES]
    head = ["| figure | target | median (each) | load |", "| --- | --- | --- | --- |"]
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("\n\n" + "\n".join([*head, *lines]) + f"\n\nMachine: {machine()}; one node.")


@pytest.fixture
def job(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    job = ClusterJob(cluster, namespace, "measured")
    yield job
    remove(job)


def test_measure_first_starts(job: ClusterJob) -> None:
    seconds = [first_start(job) for _ in range(SAMPLES)]
    note("`kubectl apply` → all tasks RUNNING, images present", "≤ 60 s", seconds)


def test_measure_recoveries(job: ClusterJob) -> None:
    start(job, fast_spec())
    note("TaskManager pod deleted → all tasks RUNNING", "≤ 15 s", recoveries(job, one_task_manager))
    note("JobManager pod deleted → all tasks RUNNING", "≤ 25 s", recoveries(job, lambda found: found.job_manager()))


def test_measure_recoveries_with_a_spare_taskmanager(job: ClusterJob) -> None:
    start(job, fast_spec(taskManager={"replicas": 4, "slots": 3}))
    note("the same with a fourth TaskManager as spare", "≤ 7 s", recoveries(job, busy_task_manager))


def test_measure_the_operator_s_memory(job: ClusterJob, operator: OperatorRelease) -> None:
    sleepers = [ClusterJob(job.cluster, job.namespace, f"sleeper-{number}") for number in range(1, RESOURCES)]
    for sleeper in sleepers:
        sleeper.apply(fast_spec(job={"parallelism": 3, "state": "suspended"}))
    start(job, fast_spec())
    wait("all resources to have a status", lambda: all(each.status() for each in [job, *sleepers]), 60)
    job.wait_checkpoint_after((job.checkpoints().completed or 0) + SAMPLES)
    resident, peak = memory_mebibytes(operator)
    figure = f"operator with {RESOURCES} resources (1 runs, {RESOURCES - 1} suspended): resident memory"
    LINES.append(Line(figure=figure, target="≤ 150 MB", measured=f"{resident:.0f} MiB (peak {peak:.0f})", load=load()))
    for sleeper in sleepers:
        sleeper.delete()


def first_start(job: ClusterJob) -> float:
    """Apply a job that never was there, and return when all its tasks ran."""
    watch = Stopwatch()
    start(job, fast_spec())
    seconds = watch.seconds
    remove(job)
    return seconds


def start(job: ClusterJob, spec: dict[str, object]) -> None:
    job.apply(spec)
    job.wait_running()


def recoveries(job: ClusterJob, victim: Callable[[ClusterJob], str]) -> list[float]:
    """Delete the victim again and again, each time after the job has settled."""
    seconds = []
    for _ in range(SAMPLES):
        job.wait_ready(SETTLED_SECONDS)
        wait("all pods to be ready", lambda: all_ready(job), SETTLED_SECONDS)
        job.wait_checkpoint_after(job.checkpoints().completed or 0)
        pod = victim(job)
        seconds.append(strike_and_wait(job, lambda doomed=pod: job.delete_pod(doomed)).seconds_to_running)  # type: ignore[misc]
    return seconds


def one_task_manager(job: ClusterJob) -> str:
    return job.task_managers()[1]


def busy_task_manager(job: ClusterJob) -> str:
    """Of four, one that has tasks: its slots are not all free."""
    found = (job.rest("/taskmanagers") or {}).get("taskmanagers", [])
    busy = next(str(entry["id"]) for entry in found if entry["freeSlots"] < entry["slotsNumber"])
    return next(pod for pod in job.task_managers() if pod.startswith(f"{busy}-"))


def all_ready(job: ClusterJob) -> bool:
    conditions = [pod.get("status", {}).get("conditions", ()) for pod in job.pods()]
    return all(any(entry["type"] == "Ready" and entry["status"] == "True" for entry in each) for each in conditions)


def remove(job: ClusterJob) -> None:
    """Delete the job and its claim, so that the next one begins empty."""
    job.delete()
    job.wait_gone()
    path = f"/api/v1/namespaces/{job.namespace}/persistentvolumeclaims/{job.name}-checkpoints"
    job.cluster.delete(path)
    wait("the claim to be gone", lambda: job.cluster.get(path) is None, SETTLED_SECONDS)


def note(figure: str, target: str, seconds: list[float]) -> None:
    measured = Samples(values=tuple(seconds), unit="s").listed()
    LINES.append(Line(figure=figure, target=target, measured=measured, load=load()))
