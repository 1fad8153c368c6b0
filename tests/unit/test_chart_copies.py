"""The copies of what is generated: the definition of AnomalyJob in the chart, and the manifests made from the chart.

That the manifests are all that helm makes of the chart is seen where helm is (tests/api/test_chart.py).
"""

from pathlib import Path
from typing import Any

import yaml
from tests.unit.pod_security import violations

from anomalyjob_operator.cluster.manifest_text import document_text
from anomalyjob_operator.cluster.model import OPERATOR_LABELS
from anomalyjob_operator.cluster.settings import ClusterSettings
from anomalyjob_operator.crd import crd

REPOSITORY = Path(__file__).parents[2]
DEFINITION = REPOSITORY / "charts" / "anomalyjob-operator" / "files" / "crd.yaml"
INSTALL = REPOSITORY / "manifests" / "install" / "anomalyjob-operator.yaml"


def installed(kind: str) -> dict[str, Any]:
    documents = yaml.safe_load_all(INSTALL.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = [one for one in documents if one["kind"] == kind]
    assert len(found) == 1
    return found[0]


def services() -> list[dict[str, Any]]:
    documents = yaml.safe_load_all(INSTALL.read_text(encoding="utf-8"))
    return [one for one in documents if one["kind"] == "Service"]


def operator_pod() -> dict[str, Any]:
    template: dict[str, Any] = installed("Deployment")["spec"]["template"]
    return template


def operator_container() -> dict[str, Any]:
    (container,) = operator_pod()["spec"]["containers"]
    return dict(container)


def test_the_chart_has_the_definition_that_the_model_gives() -> None:
    assert DEFINITION.read_text(encoding="utf-8") == document_text(crd()), "run `make manifests`"


def test_the_manifests_have_the_definition_that_the_model_gives() -> None:
    assert installed("CustomResourceDefinition") == yaml.safe_load(document_text(crd())), "run `make manifests`"


def test_the_manifests_bring_a_namespace_that_takes_restricted_pods_only() -> None:
    namespace = installed("Namespace")["metadata"]
    assert namespace["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert installed("Deployment")["metadata"]["namespace"] == namespace["name"]


def test_the_operator_s_pod_is_restricted_but_for_its_own_account() -> None:
    assert violations({"metadata": {}, **operator_pod()}) == [
        "serviceAccountName is set",
        "has a service account token",
    ]


def test_the_operator_s_memory_has_a_limit() -> None:
    assert "memory" in operator_container()["resources"]["limits"]


def test_there_is_never_a_second_operator_not_even_in_an_upgrade() -> None:
    spec = installed("Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_operator_understands_the_environment_that_it_is_given() -> None:
    given = {one["name"]: one.get("value", "system") for one in operator_container()["env"]}
    settings = ClusterSettings.of(given)
    assert settings.job_image == "anomalyjob:dev"
    assert settings.watched_namespaces == ()
    assert settings.liveness_port == operator_container()["ports"][0]["containerPort"]
    assert set(given) == {
        "ANOMALYJOB_JOB_IMAGE",
        "ANOMALYJOB_IMAGE_PULL_POLICY",
        "ANOMALYJOB_WATCH_NAMESPACES",
        "ANOMALYJOB_OPERATOR_NAMESPACE",
        "ANOMALYJOB_LIVENESS_PORT",
        "ANOMALYJOB_DASHBOARD_PORT",
        "ANOMALYJOB_DASHBOARD_HOSTS",
        "ANOMALYJOB_METRICS_PORT",
        "ANOMALYJOB_METRICS_NAMESPACES",
    }


def test_network_policies_of_jobs_let_the_operator_s_pod_in() -> None:
    assert OPERATOR_LABELS.items() <= operator_pod()["metadata"]["labels"].items()


def test_the_services_lead_to_ports_of_the_operator_s_pod() -> None:
    ports = {port["name"]: port["containerPort"] for port in operator_container()["ports"]}
    labels = operator_pod()["metadata"]["labels"].items()
    for service in services():
        (port,) = service["spec"]["ports"]
        assert ports[port["targetPort"]] == port["port"]
        assert service["spec"]["selector"].items() <= labels
    assert [service["spec"]["ports"][0]["name"] for service in services()] == ["dashboard", "metrics"]


def test_from_outside_only_the_health_port_may_be_reached_unless_somebody_is_named() -> None:
    assert installed("NetworkPolicy")["spec"]["ingress"] == [{"ports": [{"port": "health", "protocol": "TCP"}]}]


def test_nothing_of_the_prometheus_operator_s_is_installed_unasked() -> None:
    documents = yaml.safe_load_all(INSTALL.read_text(encoding="utf-8"))
    assert not [one["kind"] for one in documents if "monitoring" in one["apiVersion"] or one["kind"] == "ConfigMap"]
