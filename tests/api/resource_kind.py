"""The definition of AnomalyJob on a real API server, under a group of its own: what is installed stays as it is."""

import copy
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.cluster_access import MERGE, Cluster, RefusedByServerError
from tests.e2e.waiting import wait

from anomalyjob_operator.crd import crd

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True)
class Refusal:
    """What the server says of an object that it does not take: field to messages, and everything as one text."""

    causes: Mapping[str, tuple[str, ...]]
    text: str


@dataclass(frozen=True)
class ResourceKind:
    """The kind, in one namespace."""

    cluster: Cluster
    group: str
    namespace: str

    @property
    def path(self) -> str:
        """Where its objects are."""
        return f"/apis/{self.group}/v1alpha1/namespaces/{self.namespace}/anomalyjobs"

    def resource(self, spec: Any, name: str = "demo") -> dict[str, Any]:
        """Return an object with this spec."""
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": f"{self.group}/v1alpha1", "kind": "AnomalyJob", "metadata": metadata, "spec": spec}

    def tried(self, spec: Any, name: str = "demo") -> dict[str, Any]:
        """Return the object as the server would store it."""
        answer = self.cluster.call("POST", f"{self.path}?dryRun=All&fieldValidation=Strict", self.resource(spec, name))
        return dict(json.loads(answer))

    def refusal(self, spec: Any, name: str = "demo") -> Refusal:
        """Return why the server does not take the object."""
        try:
            self.tried(spec, name)
        except RefusedByServerError as error:
            return _refusal(error)
        raise AssertionError(f"the server takes {json.dumps(spec)[:500]}")

    def create(self, spec: Any, name: str) -> None:
        """Make the object, for as long as the namespace lasts."""
        self.cluster.call("POST", self.path, self.resource(spec, name))

    def get(self, name: str) -> dict[str, Any]:
        """Return the object as it is stored."""
        return dict(self.cluster.get(f"{self.path}/{name}"))

    def change(self, name: str, spec: Any) -> None:
        """Try to merge into the spec."""
        self.cluster.call("PATCH", f"{self.path}/{name}?dryRun=All", {"spec": spec}, MERGE)

    def refused_change(self, name: str, spec: Any) -> Refusal:
        """Return why the server does not take a change."""
        try:
            self.change(name, spec)
        except RefusedByServerError as error:
            return _refusal(error)
        raise AssertionError(f"the server takes the change {json.dumps(spec)[:500]}")


@contextmanager
def definition(cluster: Cluster) -> Iterator[str]:
    """Yield the group for as long as its definition is on the server."""
    group = f"test-{secrets.token_hex(3)}.example.org"
    wanted = copy.deepcopy(crd())
    wanted["metadata"]["name"] = f"{wanted['spec']['names']['plural']}.{group}"
    wanted["spec"]["group"] = group
    cluster.call("POST", DEFINITIONS, wanted)
    path = f"{DEFINITIONS}/{wanted['metadata']['name']}"
    try:
        wait("the definition to be served", lambda: _is_served(cluster, group), 30)
        yield group
    finally:
        cluster.delete(path)
        wait("the definition to be gone", lambda: cluster.get(path) is None, 60)


def _is_served(cluster: Cluster, group: str) -> bool:
    try:
        return cluster.get(f"/apis/{group}/v1alpha1/anomalyjobs") is not None
    except RefusedByServerError as error:
        if error.status != 429:  # Too many requests: that is how it says that it is not ready for them.
            raise
        return False


def _refusal(error: RefusedByServerError) -> Refusal:
    status = json.loads(error.text)
    causes: dict[str, tuple[str, ...]] = {}
    for cause in status.get("details", {}).get("causes", ()):
        field = cause.get("field", "")
        causes[field] = (*causes.get(field, ()), cause["message"])
    return Refusal(causes=causes, text=status["message"])
