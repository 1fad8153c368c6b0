"""Case 8: the operator's pod is deleted in the middle of what it does; another one finishes it."""

from collections.abc import Callable, Iterator

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.operator_release import OperatorRelease
from tests.e2e.recoveries import Watched, check_output
from tests.e2e.specs import small_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

STOP_SECONDS = 180.0


@pytest.fixture(scope="module")
def job(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    job = ClusterJob(cluster, namespace, "halfway")
    yield job
    job.delete()


def test_an_operator_deleted_in_the_middle_of_a_first_deployment_leaves_one_start_of_one_job(
    job: ClusterJob, operator: OperatorRelease, watch: Callable[[ClusterJob], Watched]
) -> None:
    job.apply(small_spec())
    wait("the first object", lambda: job.objects("/api/v1/configmaps"), 60, pause_seconds=0.02)
    operator.delete_pod()
    job.wait_ready()
    watched = watch(job)
    assert watched.record().last_start == 1
    assert len(job.living()) == 2
    assert check_output(watched).clean


def test_an_operator_deleted_in_the_middle_of_a_stop_leaves_a_stopped_job_that_goes_on_from_its_newest_state(
    job: ClusterJob, operator: OperatorRelease, watch: Callable[[ClusterJob], Watched]
) -> None:
    job.wait_ready()
    watched = watch_again(job, watch)
    starts, before = watched.record().last_start, newest_checkpoint(watched)
    job.change({"job": {"state": "suspended"}})
    wait("the stop to begin", lambda: job.status().get("operation"), 60, pause_seconds=0.05, seen=job.describe)
    operator.delete_pod()
    wait("the phase Suspended", lambda: job.status().get("phase") == "Suspended", STOP_SECONDS, seen=job.describe)
    job.wait_gone()
    newest = newest_checkpoint(watched)
    # The floor is the checkpoint that the stop asked for; a periodic one may still complete while the processes end.
    assert before < job.status()["ledger"]["floor"]["checkpointId"] <= newest
    job.change({"job": {"state": "running"}})
    job.wait_ready()
    record = watched.record()
    assert record.last_start == starts + 1
    assert record.wrong_starts() == []
    chosen = record.starts[-1].chosen
    assert chosen is not None
    assert chosen[0] == newest
    assert check_output(watched).clean


def newest_checkpoint(watched: Watched) -> int:
    """The highest checkpoint id on the volume, by the tests' own watcher."""
    return max(seen.number for seen in watched.record().checkpoints)


def watch_again(job: ClusterJob, watch: Callable[[ClusterJob], Watched]) -> Watched:
    """The watcher of the first test is still there; applying it again changes nothing."""
    return watch(job)
