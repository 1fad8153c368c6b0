"""Case 11: a resource that was deleted and is created again goes on from the claim that was kept."""

from collections.abc import Callable, Iterator

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.recoveries import Watched, check_output
from tests.e2e.specs import small_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def watched(cluster: Cluster, namespace: str, watch: Callable[[ClusterJob], Watched]) -> Iterator[Watched]:
    job = ClusterJob(cluster, namespace, "again")
    job.apply(small_spec())
    job.wait_ready()
    yield watch(job)
    job.delete()


def test_a_resource_created_again_goes_on_from_its_newest_checkpoint(watched: Watched) -> None:
    recreate(watched, small_spec())
    assert watched.job.status()["job"]["incarnation"] == 1
    assert check_output(watched).clean


def test_after_a_change_of_incarnation_it_goes_on_within_the_new_one(watched: Watched) -> None:
    job = watched.job
    job.wait_ready()
    restarted = small_spec(detection={"maxCount": 2}, job={"parallelism": 1, "upgradeMode": "stateless"})
    job.apply(restarted)
    wait("the next incarnation", lambda: incarnation_of(job) == 2, 120, seen=job.describe)
    job.wait_ready()
    first = watched.record().starts[-1]
    assert first.record["incarnation"] == 2
    assert first.chosen is None
    recreate(watched, restarted)
    assert incarnation_of(job) == 2
    assert check_output(watched).clean


def recreate(watched: Watched, spec: dict[str, object]) -> None:
    """Delete the resource, wait until its pods are gone, create it again; the newest checkpoint must be taken."""
    job = watched.job
    starts = watched.record().last_start
    job.delete()
    job.wait_gone()
    claim = job.cluster.get(f"/api/v1/namespaces/{job.namespace}/persistentvolumeclaims/{job.name}-checkpoints")
    assert claim is not None
    assert "deletionTimestamp" not in claim["metadata"]
    job.apply(spec)
    job.wait_ready()
    record = watched.record()
    assert record.last_start == starts + 1
    assert record.starts[-1].chosen is not None
    assert record.wrong_starts(after=starts) == []


def incarnation_of(job: ClusterJob) -> int:
    return int(job.status().get("job", {}).get("incarnation", 0))
