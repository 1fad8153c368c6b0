"""Case 18: a JobManager's container dies again and again; the loop, with its growing pauses, is left again."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.node_hands import NodeHands
from tests.e2e.recoveries import Watched, check_output
from tests.e2e.specs import small_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DEATHS = 3
BACK_OFF_SECONDS = 240.0
"""Left alone, the kubelet would wait 10, 20, 40 s; three times that in all."""


@pytest.fixture
def watched(cluster: Cluster, namespace: str, watch: Callable[[ClusterJob], Watched]) -> Iterator[Watched]:
    job = ClusterJob(cluster, namespace, "loop")
    job.apply(small_spec())
    job.wait_ready()
    yield watch(job)
    job.delete()


def test_a_crash_loop_of_the_jobmanager_is_left_again_with_nothing_lost(watched: Watched, hands: NodeHands) -> None:
    job = watched.job
    before = job.tasks()
    for _ in range(DEATHS):
        kill(job, hands)
    wait("the loop to be told", lambda: "RestartUnhealthyJob" in told(job), BACK_OFF_SECONDS, seen=job.events)
    wait("all tasks to run anew", lambda: job.tasks().all_anew(before), BACK_OFF_SECONDS, seen=job.describe)
    job.wait_checkpoint_after(job.checkpoints().restored or 0)
    job.wait_ready()
    assert job.status()["lastRecovery"]["cause"] == "JobManagerLost"
    assert len(job.living("jobmanager")) == 1
    assert watched.record().wrong_starts() == []
    assert check_output(watched).clean


def kill(job: ClusterJob, hands: NodeHands) -> None:
    """Kill the JobManager's container once Flink runs in it, and wait until the kubelet knows."""
    wait("the container to live", lambda: is_alive(job), BACK_OFF_SECONDS, seen=job.describe)
    pod = job.living("jobmanager")[0]
    hands.send("SIGKILL", pod)
    wait("the death to be noticed", lambda: life(job) != life_of(pod), 60)


def is_alive(job: ClusterJob) -> bool:
    """Whether Flink answers in the container: its launcher has chosen."""
    return life(job) != "" and bool(job.rest("/overview"))


def life(job: ClusterJob) -> str:
    """Which container of the JobManager runs now, in whatever pod; "" while there is none."""
    pods = job.living("jobmanager")
    return life_of(pods[0]) if pods else ""


def life_of(pod: dict[str, Any]) -> str:
    status: dict[str, Any] = next(iter(pod.get("status", {}).get("containerStatuses", ())), {})
    return str(status.get("containerID", "")) if "running" in status.get("state", {}) else ""


def told(job: ClusterJob) -> list[str]:
    return [reason for reason, _ in job.events()]
