from typing import Any

import pytest
from tests.e2e.allowed_clusters import refusal


def configuration(context: str, cluster: str) -> dict[str, Any]:
    entry = {"name": context, "context": {"cluster": cluster, "user": "admin"}}
    return {"current-context": context, "contexts": [entry, {"name": "other", "context": {"cluster": "kind-other"}}]}


@pytest.mark.parametrize("context, cluster", [("kind-anomalyjob", "kind-anomalyjob"), ("devcluster", "devcluster")])
def test_a_cluster_for_tests_is_allowed(context: str, cluster: str) -> None:
    assert refusal(configuration(context, cluster), {}) is None


@pytest.mark.parametrize(
    "context, cluster", [("production", "production"), ("kind-anomalyjob", "production"), ("devcluster", "production")]
)
def test_any_other_cluster_is_refused_whatever_its_context_is_called(context: str, cluster: str) -> None:
    found = refusal(configuration(context, cluster), {})
    assert found is not None
    assert cluster in found


def test_a_context_that_is_named_on_purpose_is_allowed() -> None:
    assert refusal(configuration("mine", "remote"), {"E2E_ALLOW_CONTEXT": "mine"}) is None
    assert refusal(configuration("yours", "remote"), {"E2E_ALLOW_CONTEXT": "mine"}) is not None


def test_no_current_context_is_refused() -> None:
    assert "no current context" in (refusal({}, {"E2E_ALLOW_CONTEXT": ""}) or "")
