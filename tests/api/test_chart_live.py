"""What the chart makes of the values for the dashboard, metrics, alerts and notifications."""

import json
from typing import Any

import pytest
import yaml
from tests.api.rendered_chart import of_kind, rendered, template
from tests.prometheus.chart_files import DASHBOARD, RULES
from tests.unit.pod_security import violations

from anomalyjob_operator import names
from anomalyjob_operator.cluster.settings import ClusterSettings

pytestmark = pytest.mark.api

PROMETHEUS_KINDS = {"serviceMonitor": "ServiceMonitor", "podMonitor": "PodMonitor", "prometheusRule": "PrometheusRule"}
EVERYTHING: dict[str, Any] = {name: {"create": True} for name in (*PROMETHEUS_KINDS, "grafanaDashboard")}


def operator(**values: Any) -> dict[str, Any]:
    """The pod template of the operator."""
    template: dict[str, Any] = of_kind(rendered(**values), "Deployment")["spec"]["template"]
    return template


def environment(pod: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("value", "system") for one in pod["spec"]["containers"][0]["env"]}


def files(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The Secrets of the operator by the folder where they are seen."""
    secrets = {one["name"]: one["secret"] for one in pod["spec"]["volumes"] if "secret" in one}
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    assert all(one["readOnly"] for one in mounts if one["name"] in secrets)
    return {one["mountPath"]: secrets[one["name"]] for one in mounts if one["name"] in secrets}


def ingress(**values: Any) -> list[dict[str, Any]]:
    """Who may reach the operator's pod, beside the kubelet at its health port."""
    first, *others = of_kind(rendered(**values), "NetworkPolicy")["spec"]["ingress"]
    assert first == {"ports": [{"port": "health", "protocol": "TCP"}]}
    return list(others)


def places(*namespaces: str) -> list[dict[str, Any]]:
    return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in namespaces]


def test_a_token_comes_from_a_secret_as_a_file_and_nowhere_else() -> None:
    pod = operator(dashboard={"port": 8090, "tokenSecret": "page"})
    assert environment(pod)["ANOMALYJOB_DASHBOARD_TOKEN_FILE"] == "/etc/anomalyjob/dashboard/token"
    (secret,) = [files(pod)["/etc/anomalyjob/dashboard"]]
    assert secret["secretName"] == "page"
    assert secret["items"] == [{"key": "token", "path": "token"}]


def test_notification_targets_come_from_a_secret_as_a_folder() -> None:
    pod = operator(notifications={"targetsSecret": "hooks"})
    assert environment(pod)["ANOMALYJOB_NOTIFICATION_TARGETS"] == "/etc/anomalyjob/notifications/targets.json"
    assert files(pod)["/etc/anomalyjob/notifications"]["secretName"] == "hooks"


def test_secrets_loosen_nothing_of_the_pod() -> None:
    pod = operator(dashboard={"port": 8090, "tokenSecret": "page"}, notifications={"targetsSecret": "hooks"})
    assert violations({"metadata": {}, **pod}) == ["serviceAccountName is set", "has a service account token"]


def test_without_secrets_nothing_of_them_is_named() -> None:
    pod = operator()
    assert files(pod) == {}
    assert not {"ANOMALYJOB_DASHBOARD_TOKEN_FILE", "ANOMALYJOB_NOTIFICATION_TARGETS"} & set(environment(pod))


def test_ports_that_are_0_are_nowhere() -> None:
    documents = rendered(dashboard={"port": 0, "reachedFrom": ["a"]}, metrics={"port": 0, "scrapedFrom": ["b"]})
    (container,) = of_kind(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert [port["name"] for port in container["ports"]] == ["health"]
    assert [one for one in documents if one["kind"] == "Service"] == []
    assert len(of_kind(documents, "NetworkPolicy")["spec"]["ingress"]) == 1


def test_only_named_namespaces_reach_the_dashboard_and_the_metrics() -> None:
    assert ingress() == []
    assert ingress(
        dashboard={"port": 8090, "reachedFrom": ["ingress"]},
        metrics={"port": 8091, "scrapedFrom": ["monitoring", "ops"]},
    ) == [
        {"from": places("ingress"), "ports": [{"port": "dashboard", "protocol": "TCP"}]},
        {"from": places("monitoring", "ops"), "ports": [{"port": "metrics", "protocol": "TCP"}]},
    ]


def test_whoever_may_scrape_the_operator_may_scrape_flink_s_pods() -> None:
    given = environment(operator(metrics={"port": 8091, "scrapedFrom": ["monitoring", "ops"]}))
    assert ClusterSettings.of(given).metrics_namespaces == ("monitoring", "ops")


def test_the_operator_is_told_under_which_names_the_dashboard_is_reached() -> None:
    given = environment(operator(dashboard={"port": 8090, "hosts": ["jobs.example.org", "jobs"]}))
    assert given["ANOMALYJOB_DASHBOARD_HOSTS"] == "jobs.example.org,jobs"


@pytest.mark.parametrize("value, kind", PROMETHEUS_KINDS.items())
def test_an_object_for_the_prometheus_operator_is_there_when_it_is_asked_for(value: str, kind: str) -> None:
    assert kind not in {one["kind"] for one in rendered()}
    values: dict[str, Any] = {value: {"create": True, "labels": {"release": "prometheus"}}}
    found = of_kind(rendered(**values), kind)
    assert found["metadata"]["labels"]["release"] == "prometheus"
    assert found["metadata"]["namespace"] == "system"


def test_the_service_monitor_finds_the_service_of_the_metrics_alone() -> None:
    documents = rendered(**EVERYTHING)
    spec = of_kind(documents, "ServiceMonitor")["spec"]
    wanted = spec["selector"]["matchLabels"].items()
    found = [one for one in documents if one["kind"] == "Service" and wanted <= one["metadata"]["labels"].items()]
    assert [one["metadata"]["name"] for one in found] == ["r-anomalyjob-operator-metrics"]
    (endpoint,) = spec["endpoints"]
    assert endpoint["port"] == found[0]["spec"]["ports"][0]["name"]
    # Else the namespace of every job would be that of the operator.
    assert endpoint["honorLabels"] is True


@pytest.mark.parametrize("reader", ["serviceMonitor", "prometheusRule", "grafanaDashboard"])
def test_what_reads_metrics_is_refused_without_them(reader: str) -> None:
    done = template(values={reader: {"create": True}, "metrics": {"port": 0}})
    assert f"{reader}.create needs the operator's metrics: set metrics.port" in done.stderr


@pytest.mark.parametrize(
    "values, words",
    [
        ({"dashboard": {"port": 8091}}, "dashboard.port and metrics.port are both 8091"),
        ({"dashboard": {"port": 8080}}, "dashboard.port and livenessPort are both 8080"),
        ({"livenessPort": 8091}, "livenessPort and metrics.port are both 8091"),
    ],
    ids=json.dumps,
)
def test_two_servers_at_one_port_are_refused(values: dict[str, Any], words: str) -> None:
    assert f"{words}: give each a port of its own" in template(values=values).stderr


def test_nothing_served_is_at_no_port() -> None:
    assert template(values={"dashboard": {"port": 0}, "metrics": {"port": 0}}).returncode == 0


def test_the_pod_monitor_finds_flinks_pods_and_names_job_and_workload() -> None:
    spec = of_kind(rendered(**EVERYTHING), "PodMonitor")["spec"]
    labels = names.workload_labels("demo", "demo-taskmanager-1", "taskmanager")
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = spec["podMetricsEndpoints"]
    sources = {one["targetLabel"]: one["sourceLabels"] for one in endpoint["relabelings"]}
    assert {target: _label(source) for target, (source,) in sources.items()} == {
        "name": _meta(names.JOB_LABEL),
        "workload": _meta(names.WORKLOAD_LABEL),
    }
    assert endpoint["port"] == "prometheus"


@pytest.mark.parametrize("watched, expected", [([], {"any": True}), (["a", "b"], {"matchNames": ["a", "b"]})])
def test_the_pod_monitor_looks_where_the_operator_does(watched: list[str], expected: dict[str, Any]) -> None:
    found = of_kind(rendered(watchNamespaces=watched, podMonitor={"create": True}), "PodMonitor")
    assert found["spec"]["namespaceSelector"] == expected


def test_the_rules_are_the_tested_ones() -> None:
    rule = of_kind(rendered(**EVERYTHING), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(RULES.read_text(encoding="utf-8"))


def test_grafanas_dashboard_is_the_tested_one() -> None:
    found = of_kind(rendered(**EVERYTHING), "ConfigMap")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(found["data"]["anomalyjob.json"]) == json.loads(DASHBOARD.read_text(encoding="utf-8"))


def _label(source: str) -> str:
    return source.removeprefix("__meta_kubernetes_pod_label_")


def _meta(label: str) -> str:
    return label.replace(".", "_").replace("/", "_")
