"""Case 1, with the sample as users find it in manifests/."""

import time
from collections.abc import Callable, Iterator

import pytest
import yaml
from tests.e2e import results, settings
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.recoveries import Watched, check_output
from tests.e2e.results import Row
from tests.e2e.specs import REFERENCE_TASKS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.fixture
def sample(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    name = yaml.safe_load(settings.SAMPLE.read_text(encoding="utf-8"))["metadata"]["name"]
    job = ClusterJob(cluster, namespace, name)
    yield job
    job.delete()


def test_the_applied_sample_becomes_ready_with_three_taskmanagers_nine_slots_and_twelve_tasks(
    sample: ClusterJob, watch: Callable[[ClusterJob], Watched]
) -> None:
    began = time.monotonic()
    sample.cluster.kubectl("apply", "-n", sample.namespace, "-f", str(settings.SAMPLE))
    tasks = sample.wait_running()
    to_running = time.monotonic() - began
    sample.wait_ready()
    watched = watch(sample)
    watched.results.add(Row(case="1", what="sample applied", seconds_to_running=to_running, load=results.load()))
    deployments = sample.objects("/apis/apps/v1/deployments")
    assert sorted(deployments) == [f"{sample.name}-jobmanager", *(f"{sample.name}-taskmanager-{n}" for n in (1, 2, 3))]
    assert tasks.total == REFERENCE_TASKS
    assert sample.rest("/overview")["slots-total"] == 9
    status = sample.status()
    assert status["job"]["tasksRunning"] == status["job"]["tasksTotal"] == REFERENCE_TASKS
    assert status["cluster"]["taskManagersReady"] == 3
    assert watched.record().wrong_starts() == []
    assert check_output(watched).clean
