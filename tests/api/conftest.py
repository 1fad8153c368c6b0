"""A real API server to ask, and a namespace of the session's own on it that enforces Pod Security `restricted`."""

import json
import os
import secrets
from collections.abc import Iterator

import pytest
from tests.api.resource_kind import ResourceKind, definition
from tests.e2e import command, places, settings
from tests.e2e.allowed_clusters import refusal
from tests.e2e.cluster_access import Cluster


@pytest.fixture(scope="session")
def api_server() -> Iterator[Cluster]:
    """The API server of the cluster that KUBECONFIG names, if it is one for tests."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip(settings.NO_CLUSTER)
    problem = refusal(json.loads(command.must("kubectl", "config", "view", "-o", "json")), os.environ)
    if problem is not None:
        pytest.exit(problem, returncode=2)
    with Cluster() as found:
        yield found


@pytest.fixture(scope="session")
def restricted_namespace(api_server: Cluster) -> Iterator[str]:
    """A namespace in which no pod may be less than restricted."""
    with places.namespace(api_server, f"api-{secrets.token_hex(3)}") as name:
        yield name


@pytest.fixture(scope="module")
def kind(api_server: Cluster, restricted_namespace: str) -> Iterator[ResourceKind]:
    """The kind of AnomalyJob, under a group that is this module's alone."""
    with definition(api_server) as group:
        yield ResourceKind(cluster=api_server, group=group, namespace=restricted_namespace)
