"""Namespaces of the tests' own, all of them labelled, so that what an interrupted run left is found and removed."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e import command, settings
from tests.e2e.cluster_access import Cluster
from tests.e2e.waiting import wait

GONE_SECONDS = 120.0
RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}


def create(cluster: Cluster, name: str) -> None:
    """Create a namespace that enforces Pod Security `restricted`."""
    labels = {settings.OWN_LABEL: "namespace", **RESTRICTED}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def remove(cluster: Cluster, name: str, seconds: float = GONE_SECONDS) -> None:
    """Delete a namespace and wait until it is gone."""
    cluster.delete(f"/api/v1/namespaces/{name}")
    wait(f"the namespace {name} to be gone", lambda: cluster.get(f"/api/v1/namespaces/{name}") is None, seconds)


@contextmanager
def namespace(cluster: Cluster, name: str) -> Iterator[str]:
    """A restricted namespace for as long as the block lasts."""
    create(cluster, name)
    try:
        yield name
    finally:
        if not settings.keeps():
            remove(cluster, name)


def remove_leftovers(cluster: Cluster) -> None:
    """Remove what an interrupted run has left: its releases first, since their clean-up needs the operator."""
    for item in cluster.items("/api/v1/namespaces", labels=settings.OWN_LABEL):
        name = str(item["metadata"]["name"])
        uninstall = ("uninstall", "anomalyjob-operator", "--ignore-not-found", "--timeout=60s")
        command.run("helm", *uninstall, "--namespace", name, seconds=90)
        remove(cluster, name)
