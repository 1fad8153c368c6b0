"""What helm makes of the chart. It needs helm 3 and no cluster, and stands here because helm is where a cluster is."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.api.rendered_chart import CHART, REPOSITORY, kinds, notes, of_kind, rendered, template
from tests.e2e import command
from tests.unit.pod_security import violations

pytestmark = pytest.mark.api


def test_helm_finds_nothing_wrong_with_the_chart() -> None:
    command.must("helm", "lint", "--strict", str(CHART))


def test_the_manifests_are_what_helm_makes_of_the_chart() -> None:
    command.must("make", "--directory", str(REPOSITORY), "manifests-check")


def test_the_operator_of_all_namespaces_has_a_cluster_role_and_no_other_role() -> None:
    found = rendered()
    assert kinds(found) == ["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"]
    assert kinds(found, "system") == ["Deployment", "NetworkPolicy", "Service", "Service", "ServiceAccount"]


def test_the_operator_of_some_namespaces_has_roles_in_these_only() -> None:
    found = rendered(watchNamespaces=["one", "two"])
    assert kinds(found) == ["CustomResourceDefinition"]
    assert kinds(found, "one") == kinds(found, "two") == ["Role", "RoleBinding"]
    assert kinds(found, "system") == ["Deployment", "NetworkPolicy", "Service", "Service", "ServiceAccount"]


def test_both_ways_of_watching_allow_the_same() -> None:
    everywhere = [one for one in rendered(userRoles={"create": False}) if one["kind"] == "ClusterRole"]
    somewhere = [one for one in rendered(watchNamespaces=["one"]) if one["kind"] == "Role"]
    assert [one["rules"] for one in everywhere] == [one["rules"] for one in somewhere]


def test_the_operator_is_told_which_namespaces_to_watch() -> None:
    (container,) = of_kind(rendered(watchNamespaces=["one", "two"]), "Deployment")["spec"]["template"]["spec"][
        "containers"
    ]
    given = {one["name"]: one.get("value") for one in container["env"]}
    assert given["ANOMALYJOB_WATCH_NAMESPACES"] == "one,two"


def test_two_releases_share_no_object_but_the_definition() -> None:
    first, second = rendered(release="one"), rendered(release="two", crds={"create": False})
    names = [{(one["kind"], one["metadata"]["name"]) for one in documents} for documents in (first, second)]
    assert not names[0] & names[1]


def test_the_definition_outlives_the_release_unless_that_is_not_wanted() -> None:
    policy = {"helm.sh/resource-policy": "keep"}
    assert of_kind(rendered(), "CustomResourceDefinition")["metadata"]["annotations"] == policy
    removed = of_kind(rendered(crds={"keep": False}), "CustomResourceDefinition")["metadata"]
    assert "annotations" not in removed


def test_the_definition_can_be_left_out() -> None:
    assert "CustomResourceDefinition" not in kinds(rendered(crds={"create": False}))


def test_all_that_can_be_set_of_the_pod_arrives_in_it_and_loosens_nothing() -> None:
    values: dict[str, Any] = {
        "imagePullSecrets": ["secret"],
        "podAnnotations": {"note": "1"},
        "podLabels": {"team": "streams"},
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "serviceAccount": {"create": False, "name": "mine"},
    }
    pod = of_kind(rendered(**values), "Deployment")["spec"]["template"]
    assert violations(pod) == ["serviceAccountName is set", "has a service account token"]
    spec, metadata = pod["spec"], pod["metadata"]
    assert spec["imagePullSecrets"] == [{"name": "secret"}]
    assert spec["priorityClassName"] == "system-cluster-critical"
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert spec["tolerations"] == [{"key": "dedicated", "operator": "Exists"}]
    assert spec["affinity"] == {"nodeAffinity": {}}
    assert spec["serviceAccountName"] == "mine"
    assert metadata["annotations"] == {"note": "1"}
    assert metadata["labels"]["team"] == "streams"


@pytest.mark.parametrize(
    "values",
    [
        {"imgae": {}},
        {"image": {"repository": "a", "tag": "b", "registry": "c"}},
        {"watchNamespaces": "one"},
        {"watchNamespaces": ["One"]},
        {"jobImage": {"repository": "a", "tag": ""}},
        {"resources": {"limits": {"memory": "much"}}},
        {"livenessPort": 80},
        {"dashboard": {"port": 80}},
        {"dashboard": {"hosts": ["https://jobs.example.org"]}},
        {"metrics": {"port": 8091, "scrapedFrom": "monitoring"}},
        {"serviceMonitor": {"create": True, "interval": "often"}},
        {"notifications": {"url": "https://hooks.example.org"}},
        {"replicas": 2},
    ],
    ids=json.dumps,
)
def test_a_value_that_the_chart_does_not_know_is_refused(values: dict[str, Any]) -> None:
    done = template(values=values)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


@pytest.mark.parametrize(
    "section", ["dashboard", "metrics", "networkPolicy", "notifications", "prometheusRule", "serviceMonitor"]
)
def test_values_of_a_release_without_a_section_are_refused_by_its_name(section: str) -> None:
    done = template(values={section: None})
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert section in done.stderr


@pytest.mark.parametrize("watched", [[], ["one", "two"]])
def test_the_notes_hold_a_first_job_that_can_be_pasted(watched: list[str], tmp_path: Path) -> None:
    pasted = notes(tmp_path, watchNamespaces=watched).split("A first job", 1)[1].split("\n\n")[1]
    # Stands for kubectl: shows what it is asked, and what it is given to read.
    program = f'kubectl() {{ echo "# kubectl $*"; [ "$1" = get ] || cat; }}\n{pasted}\n'
    done = command.run("sh", "-euc", program)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert yaml.safe_load(done.stdout) == {
        "apiVersion": "anomalyjob.dev/v1alpha1",
        "kind": "AnomalyJob",
        "metadata": {"name": "demo"},
        "spec": {},
    }
    assert ("-n one" in done.stdout) == bool(watched)


def test_a_parent_chart_may_hand_down_its_global_values() -> None:
    assert template(values={"global": {"anything": 1}}).returncode == 0
