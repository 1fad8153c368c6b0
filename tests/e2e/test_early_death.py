"""Case 10: a JobManager dies before any checkpoint: nothing is lost, since nothing was promised yet."""

from collections.abc import Callable, Iterator

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.recoveries import Watched, check_output
from tests.e2e.specs import small_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def job(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    job = ClusterJob(cluster, namespace, "early")
    yield job
    job.delete()


def test_a_jobmanager_that_dies_before_any_checkpoint_begins_anew_and_the_output_is_whole(
    job: ClusterJob, watch: Callable[[ClusterJob], Watched]
) -> None:
    job.apply(small_spec(checkpointing={"interval": "30s"}))
    before = job.wait_running()
    watched = watch(job)
    assert job.checkpoints().completed is None, "too late: there is a checkpoint already"
    job.delete_pod(job.job_manager())
    wait("all tasks to run anew", lambda: job.tasks().all_anew(before), 120, seen=job.describe)
    starts = watched.record().starts
    assert [start.chosen for start in starts] == [None] * len(starts)
    assert len(starts) == 2
    job.wait_checkpoint_after(0)
    job.wait_ready()
    assert job.status()["lastRecovery"].get("fromCheckpoint") is None
    assert check_output(watched).clean
