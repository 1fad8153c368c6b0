"""What the operator may do: an exact list, the same in the chart's templates and in the manifests made from it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
RULES = REPOSITORY / "charts" / "anomalyjob-operator" / "templates" / "_rules.tpl"
INSTALL = REPOSITORY / "manifests" / "install" / "anomalyjob-operator.yaml"

EVERYTHING = {
    ("", "configmaps"): "create delete get list patch update",
    ("", "events"): "create patch",
    ("", "persistentvolumeclaims"): "create get list patch",
    ("", "pods"): "get list watch",
    ("", "pods/log"): "get",
    ("", "services"): "create delete get list patch",
    ("anomalyjob.dev", "anomalyjobs"): "get list watch",
    ("anomalyjob.dev", "anomalyjobs/status"): "patch",
    ("apps", "deployments"): "create delete get list patch watch",
    ("networking.k8s.io", "networkpolicies"): "create delete get list patch",
    ("policy", "poddisruptionbudgets"): "create delete get list patch",
}


def chart_rules() -> list[dict[str, Any]]:
    text = RULES.read_text(encoding="utf-8")
    body = text.partition('{{- define "anomalyjob.rules" -}}')[2].partition("{{- end -}}")[0]
    rules: list[dict[str, Any]] = yaml.safe_load(body)
    return rules


def installed_rules() -> list[dict[str, Any]]:
    documents = yaml.safe_load_all(INSTALL.read_text(encoding="utf-8"))
    roles = [one for one in documents if one["kind"] == "ClusterRole"]
    bound = [role for role in roles if not role["metadata"]["name"].endswith(("-view", "-edit"))]
    assert len(bound) == 1
    rules: list[dict[str, Any]] = bound[0]["rules"]
    return rules


def listed(rules: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    pairs = [
        ((group, resource), " ".join(sorted(rule["verbs"])))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    ]
    assert len(dict(pairs)) == len(pairs), "a resource stands in two rules"
    return dict(pairs)


@pytest.mark.parametrize("rules", [chart_rules, installed_rules], ids=["chart", "manifests"])
def test_the_operator_may_do_exactly_this(rules: Any) -> None:
    assert listed(rules()) == EVERYTHING


def test_no_rule_says_more_than_groups_resources_and_verbs() -> None:
    assert {tuple(sorted(rule)) for rule in chart_rules()} == {("apiGroups", "resources", "verbs")}
