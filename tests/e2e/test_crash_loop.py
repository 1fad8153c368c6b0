"""Case 18: a JobManager whose container dies again and again is left alone by the kubelet, and comes back."""

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
"""The kubelet waits 10, 20, 40 s; three times that in all."""


@pytest.fixture
def watched(cluster: Cluster, namespace: str, watch: Callable[[ClusterJob], Watched]) -> Iterator[Watched]:
    job = ClusterJob(cluster, namespace, "loop")
    job.apply(small_spec())
    job.wait_ready()
    yield watch(job)
    job.delete()


def test_a_crash_loop_of_the_jobmanager_is_left_again_with_nothing_lost(watched: Watched, hands: NodeHands) -> None:
    job = watched.job
    pod, before = job.living("jobmanager")[0]["metadata"]["uid"], job.tasks()
    for _ in range(DEATHS):
        kill(job, hands)
    wait("the crash loop to show", lambda: waiting(job) == "CrashLoopBackOff", 60)
    wait("all tasks to run anew", lambda: job.tasks().all_anew(before), BACK_OFF_SECONDS, seen=job.describe)
    job.wait_checkpoint_after(job.checkpoints().restored or 0)
    job.wait_ready()
    assert job.living("jobmanager")[0]["metadata"]["uid"] == pod, "the loop was left by another pod"
    assert job.status()["lastRecovery"]["cause"] == "JobManagerLost"
    assert watched.record().wrong_starts() == []
    assert check_output(watched).clean


def kill(job: ClusterJob, hands: NodeHands) -> None:
    """Kill the container once it lives, and wait until the kubelet knows."""
    before = deaths(job)
    wait(f"the container to live after {before} deaths", lambda: is_alive(job), BACK_OFF_SECONDS)
    hands.send("SIGKILL", job.living("jobmanager")[0])
    wait("the death to be counted", lambda: deaths(job) > before, 60)


def is_alive(job: ClusterJob) -> bool:
    """Whether the JobManager's container runs, and is Flink by now: its launcher has chosen."""
    return "running" in state(job) and bool(job.rest("/overview"))


def state(job: ClusterJob) -> dict[str, Any]:
    return dict(container(job).get("state", {}))


def waiting(job: ClusterJob) -> str:
    return str(state(job).get("waiting", {}).get("reason", ""))


def deaths(job: ClusterJob) -> int:
    """How many of its lives have ended, the one that ended last included."""
    return int(container(job).get("restartCount", 0)) + ("running" not in state(job))


def container(job: ClusterJob) -> dict[str, Any]:
    pods = job.living("jobmanager")
    return dict(pods[0].get("status", {}).get("containerStatuses", [{}])[0]) if pods else {}
