"""The operator as a cluster's administrator has it: installed by helm, scaled, deleted, uninstalled."""

import json
from typing import Any

from tests.e2e import command, settings
from tests.e2e.cluster_access import Cluster
from tests.e2e.waiting import wait

RELEASE = "anomalyjob-operator"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/anomalyjobs.anomalyjob.dev"
HELM_SECONDS = 240.0
POD_SECONDS = 90.0


class OperatorRelease:
    """The release in a namespace of its own, which enforces Pod Security `restricted`."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def install(self) -> None:
        """`helm install`, and wait until the operator's pod is ready."""
        self._helm("install", RELEASE, str(settings.CHART), "--wait", "--take-ownership", *image_values())

    def uninstall(self, seconds: float = HELM_SECONDS) -> None:
        """`helm uninstall`, and wait until its objects are gone."""
        self._helm("uninstall", RELEASE, "--wait", "--ignore-not-found", seconds=seconds)

    def notes(self) -> str:
        """Return what helm tells whoever has installed the chart."""
        return self._helm("get", "notes", RELEASE)

    def pods(self) -> list[dict[str, Any]]:
        """Return the operator's pods that are not being deleted."""
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        found = self.cluster.items(path, labels=f"app.kubernetes.io/name={RELEASE}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def is_ready(self) -> bool:
        """Tell whether there is one pod, and it is ready."""
        pods = self.pods()
        conditions = pods[0].get("status", {}).get("conditions", ()) if len(pods) == 1 else ()
        return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)

    def wait_ready(self) -> None:
        """Wait for that."""
        wait("the operator to be ready", self.is_ready, POD_SECONDS, seen=self.pods)

    def scale(self, replicas: int) -> None:
        """Scale the operator's Deployment, and wait until that many pods are there."""
        self.cluster.kubectl("scale", "deployment", RELEASE, "-n", self.namespace, f"--replicas={replicas}")
        if replicas:
            self.wait_ready()
        else:
            path = f"/api/v1/namespaces/{self.namespace}/pods"
            labels = f"app.kubernetes.io/name={RELEASE}"
            wait("the operator to be gone", lambda: not self.cluster.items(path, labels=labels), POD_SECONDS)

    def delete_pod(self) -> None:
        """Delete the operator's pod without waiting for anything."""
        for pod in self.pods():
            self.cluster.delete(f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}")

    def log(self) -> str:
        """Return what the operator has printed."""
        return self.cluster.kubectl("logs", f"deployment/{RELEASE}", "-n", self.namespace, "--tail=-1")

    def _helm(self, *arguments: str, seconds: float = HELM_SECONDS) -> str:
        bound = [f"--timeout={seconds:g}s"] if arguments[0] in {"install", "uninstall"} else []
        return command.must("helm", *arguments, "--namespace", self.namespace, *bound, seconds=seconds + 30)


def installed_elsewhere(cluster: Cluster, namespaces: frozenset[str] = frozenset()) -> list[str]:
    """Return the Deployments of operators outside these namespaces: two operators would fight over every job."""
    found = cluster.items("/apis/apps/v1/deployments", labels=f"app.kubernetes.io/name={RELEASE}")
    places = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in found]
    return [f"{namespace}/{name}" for namespace, name in places if namespace not in namespaces]


def image_values() -> list[str]:
    """Return helm's words for the images to test."""
    operator, job = (image.rpartition(":") for image in (settings.operator_image(), settings.job_image()))
    values = {
        "image": {"repository": operator[0], "tag": operator[2]},
        "jobImage": {"repository": job[0], "tag": job[2]},
    }
    return [word for key, value in values.items() for word in ("--set-json", f"{key}={json.dumps(value)}")]
