"""Case 16: jobs side by side do not touch one another, and a volume belongs to one of them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.recoveries import Watched, check_output
from tests.e2e.specs import SMALL_TASKS, small_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def left(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    job = ClusterJob(cluster, namespace, "left")
    job.apply(small_spec())
    yield job
    job.delete()


@pytest.fixture
def right(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    job = ClusterJob(cluster, namespace, "right")
    yield job
    job.delete()


def test_two_jobs_run_side_by_side_each_with_its_own_tasks_and_volume(
    left: ClusterJob, right: ClusterJob, watch: Callable[[ClusterJob], Watched]
) -> None:
    right.apply(small_spec())
    for job in (left, right):
        job.wait_ready()
    both = [watch(job) for job in (left, right)]
    ids = {job.flink_job()["jid"] for job in (left, right)}
    assert len(ids) == 2
    for watched in both:
        assert watched.job.tasks().total == SMALL_TASKS
        assert watched.job.rest("/overview")["taskmanagers"] == 1
        assert watched.record().wrong_starts() == []
        assert check_output(watched).clean


def test_a_second_job_on_one_claim_is_refused_and_the_first_does_not_notice(
    left: ClusterJob, right: ClusterJob
) -> None:
    left.wait_ready()
    tasks = left.tasks()
    right.apply(small_spec(checkpointing={"interval": "3s", "storage": {"existingClaim": "left-checkpoints"}}))
    refused = wait("the refusal", lambda: stalled(right), 120, seen=right.describe)
    assert refused["reason"] == "VolumeOfAnotherJob"
    assert f"belongs to the job {left.namespace}/left" in refused["message"]
    assert not right.is_ready()
    left.wait_checkpoint_after(left.checkpoints().completed or 0)
    left.wait_ready()
    assert left.tasks() == tasks


def stalled(job: ClusterJob) -> dict[str, Any]:
    condition = job.condition("Stalled")
    return condition if condition.get("status") == "True" else {}
