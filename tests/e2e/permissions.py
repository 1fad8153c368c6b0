"""What a service account may do, by the roles bound to it; and what the operator's may: an exact list."""

from collections.abc import Iterator
from typing import Any

from tests.e2e.cluster_access import Cluster

RBAC = "/apis/rbac.authorization.k8s.io/v1"

Permissions = dict[str, frozenset[str]]
"""`group/resource` (just the resource for the core group) → verbs."""

OPERATOR_PERMISSIONS: Permissions = {
    "anomalyjob.dev/anomalyjobs": frozenset({"get", "list", "watch"}),
    "anomalyjob.dev/anomalyjobs/status": frozenset({"patch"}),
    "apps/deployments": frozenset({"get", "list", "watch", "create", "patch", "delete"}),
    "configmaps": frozenset({"get", "list", "create", "patch", "update", "delete"}),
    "events": frozenset({"create", "patch"}),
    "networking.k8s.io/networkpolicies": frozenset({"get", "list", "create", "patch", "delete"}),
    "persistentvolumeclaims": frozenset({"get", "list", "create", "patch"}),
    "pods": frozenset({"get", "list", "watch"}),
    "pods/log": frozenset({"get"}),
    "policy/poddisruptionbudgets": frozenset({"get", "list", "create", "patch", "delete"}),
    "services": frozenset({"get", "list", "create", "patch", "delete"}),
}


def permissions_of(cluster: Cluster, namespace: str, account: str) -> Permissions:
    """Return everything that roles and cluster roles allow the account; rules that name objects or URLs are refused."""
    found: dict[str, set[str]] = {}
    for rule in _rules(cluster, namespace, account):
        assert "nonResourceURLs" not in rule, rule
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                key = f"{group}/{resource}" if group else str(resource)
                found.setdefault(key, set()).update(rule["verbs"])
    return {key: frozenset(verbs) for key, verbs in sorted(found.items())}


def _rules(cluster: Cluster, namespace: str, account: str) -> Iterator[dict[str, Any]]:
    for kind in ("clusterrolebindings", "rolebindings"):
        for binding in cluster.items(f"{RBAC}/{kind}"):
            if any(_is_account(subject, namespace, account) for subject in binding.get("subjects", ())):
                yield from cluster.get(_role_path(binding))["rules"]


def _role_path(binding: dict[str, Any]) -> str:
    role = binding["roleRef"]
    if role["kind"] == "ClusterRole":
        return f"{RBAC}/clusterroles/{role['name']}"
    return f"{RBAC}/namespaces/{binding['metadata']['namespace']}/roles/{role['name']}"


def _is_account(subject: dict[str, Any], namespace: str, account: str) -> bool:
    return (subject["kind"], subject.get("namespace"), subject["name"]) == ("ServiceAccount", namespace, account)
