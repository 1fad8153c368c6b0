"""What Prometheus would scrape on a cluster: the operator's service, and every pod of Flink's."""

import re
from collections.abc import Iterator

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.operator_release import RELEASE, OperatorRelease
from tests.e2e.specs import small_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

FLINK_PORT = 9249
TOLD_SECONDS = 60.0


@pytest.fixture(scope="module")
def job(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    job = ClusterJob(cluster, namespace, "measured")
    job.apply(small_spec())
    job.wait_running()
    yield job
    job.delete()


def told(cluster: Cluster, what: str) -> dict[str, float]:
    """The samples of an exposition: name with labels to value."""
    lines = [line for line in cluster.text(f"{what}/proxy/metrics").splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def of_operator(operator: OperatorRelease) -> dict[str, float]:
    return told(operator.cluster, f"/api/v1/namespaces/{operator.namespace}/services/{RELEASE}-metrics:metrics")


def test_the_operator_tells_of_the_job_through_its_service(operator: OperatorRelease, job: ClusterJob) -> None:
    labels = f'name="{job.name}",namespace="{job.namespace}"'
    ready = f"anomalyjob_ready{{{labels}}}"

    wait("the metrics to say Ready", lambda: of_operator(operator).get(ready) == 1, TOLD_SECONDS)
    samples = of_operator(operator)
    assert samples[f'anomalyjob_phase{{{labels},phase="Running"}}'] == 1
    assert samples[f"anomalyjob_checkpoints_completed_total{{{labels}}}"] >= 1
    assert 0 <= samples[f"anomalyjob_checkpoint_age_seconds{{{labels}}}"] < 60
    assert samples["anomalyjob_reconcile_seconds_count"] > 0


def test_every_pod_of_flink_s_answers_prometheus(job: ClusterJob) -> None:
    names = {pod["metadata"]["name"] for pod in job.living()}
    pods = {name: told(job.cluster, f"/api/v1/namespaces/{job.namespace}/pods/{name}:{FLINK_PORT}") for name in names}

    kinds = sorted(
        {match[1] for name in pods for sample in pods[name] if (match := re.match(r"flink_(\w+?)_", sample))}
    )
    assert kinds == ["jobmanager", "taskmanager"]
    assert all(samples for samples in pods.values())


def test_the_pods_have_the_labels_by_which_the_monitor_of_the_chart_names_them(job: ClusterJob) -> None:
    for pod in job.living():
        labels = pod["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "anomalyjob"
        assert labels["anomalyjob.dev/job"] == job.name
        ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
        assert ports["prometheus"] == FLINK_PORT


def test_nothing_is_told_of_a_job_that_was_deleted(operator: OperatorRelease, job: ClusterJob) -> None:
    job.delete()
    mine = f'namespace="{job.namespace}"'
    wait("its series to be gone", lambda: not [one for one in of_operator(operator) if mine in one], TOLD_SECONDS)
