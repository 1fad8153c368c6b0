"""Case 15: the chart is installed, uninstalled with a job present, and installed again; nothing hangs."""

from collections.abc import Callable, Iterator

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.operator_release import CRD, OperatorRelease
from tests.e2e.recoveries import Watched, check_output
from tests.e2e.specs import small_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

UNINSTALL_SECONDS = 120.0
DELETE_SECONDS = 60.0


@pytest.fixture(scope="module")
def watched(cluster: Cluster, namespace: str, watch: Callable[[ClusterJob], Watched]) -> Iterator[Watched]:
    job = ClusterJob(cluster, namespace, "stays")
    job.apply(small_spec())
    job.wait_ready()
    yield watch(job)
    job.delete()


@pytest.fixture
def reinstalled(operator: OperatorRelease) -> Iterator[OperatorRelease]:
    """Whatever a test does to the release, the next one finds it installed."""
    yield operator
    if not operator.is_ready():
        operator.install()


def test_the_notes_tell_how_to_go_on(operator: OperatorRelease) -> None:
    assert "kubectl" in operator.notes()


def test_an_uninstalled_operator_leaves_jobs_running_and_resources_deletable_and_a_new_one_takes_over(
    watched: Watched, namespace: str, reinstalled: OperatorRelease
) -> None:
    job, operator = watched.job, reinstalled
    leaves = ClusterJob(job.cluster, namespace, "leaves")
    leaves.apply(small_spec(job={"parallelism": 1, "state": "suspended"}))
    wait("the second job to be seen", leaves.status, 60)
    before = job.wait_checkpoint_after(0)
    tasks, starts = job.tasks(), watched.record().last_start

    operator.uninstall(UNINSTALL_SECONDS)

    assert job.cluster.get(CRD) is not None, "the definition, and with it every resource, is gone"
    later = job.wait_checkpoint_after(before.completed or 0)
    leaves.delete(DELETE_SECONDS)
    assert leaves.resource() == {}

    operator.install()

    wait("the status to go on", lambda: told_checkpoint(job) > (later.completed or 0), 90, seen=job.describe)
    job.wait_ready(60)
    assert job.tasks() == tasks
    assert watched.record().last_start == starts
    assert check_output(watched).clean


def told_checkpoint(job: ClusterJob) -> int:
    return int((job.status().get("lastCheckpoint") or {}).get("id", 0))
