"""Case 14: what pods and the operator may, as the cluster enforces it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e import settings
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.operator_release import OperatorRelease
from tests.e2e.permissions import OPERATOR_PERMISSIONS, permissions_of
from tests.e2e.specs import small_spec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT_FILE = "/opt/anomalyjob/written"
NO_CAPABILITIES = "CapEff:.*0000000000000000"
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="module")
def job(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    job = ClusterJob(cluster, namespace, "safe")
    job.apply(small_spec())
    job.wait_running()
    yield job
    job.delete()


def test_an_unrestricted_pod_is_refused_in_the_namespace_where_flink_runs(job: ClusterJob) -> None:
    container = {"name": "main", "image": settings.job_image(), "securityContext": {"runAsUser": 0}}
    metadata = {"name": "unrestricted", "namespace": job.namespace}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        job.cluster.kubectl("create", "-f", "-", text=json.dumps(pod))


def test_no_pod_of_flink_s_has_a_token(job: ClusterJob) -> None:
    pods = job.living()
    assert len(pods) == 2
    for pod in pods:
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert not [volume for volume in pod["spec"]["volumes"] if "projected" in volume or "secret" in volume]
        name = pod["metadata"]["name"]
        look = job.cluster.run("exec", "-n", job.namespace, name, "--", "ls", TOKEN_FOLDER)
        assert look.returncode != 0, look.stdout


def test_flink_s_processes_run_as_nobody_special_on_a_root_that_they_cannot_write(job: ClusterJob) -> None:
    for pod in job.living():
        name = pod["metadata"]["name"]
        script = f"id -u; touch {ROOT_FILE} 2>/dev/null && echo written; grep -c {NO_CAPABILITIES} /proc/1/status"
        seen = job.cluster.kubectl("exec", "-n", job.namespace, name, "--", "sh", "-c", script).split()
        assert seen == ["9999", "1"]


def test_the_operator_s_permissions_are_exactly_these(cluster: Cluster, operator: OperatorRelease) -> None:
    account = operator.pods()[0]["spec"]["serviceAccountName"]
    assert permissions_of(cluster, operator.namespace, account) == OPERATOR_PERMISSIONS


def test_the_operator_s_pod_keeps_the_restricted_rules(operator: OperatorRelease) -> None:
    spec: dict[str, Any] = operator.pods()[0]["spec"]
    container = spec["containers"][0]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
