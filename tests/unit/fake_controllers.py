"""The other controllers of a cluster: garbage collection, Deployments with one pod each, and a node that runs pods.

Nothing happens by itself: `step` lets each of them act once. A pod is made in one step and runs in the next, when the
ConfigMap and the claim that it mounts are there; a pod that was told to end is gone ENDS_AFTER later.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from tests.unit.cluster_pods import rfc3339
from tests.unit.fake_objects import GRACE, SERVED, ObjectStore

from anomalyjob_operator.cluster.kinds import CLAIM, CONFIG_MAP, DEPLOYMENT, POD, Kind, Manifest
from anomalyjob_operator.names import COMPONENT_LABEL

ENDS_AFTER: Final = timedelta(seconds=2)
TEMPLATE_LABEL: Final = "pod-template-hash"


@dataclass
class Controllers:
    """All of them. `violations` says what must never be seen, `obstacles` why no pod of a workload starts."""

    store: ObjectStore
    clock: Callable[[], datetime]
    pods_made: int = 0
    violations: list[str] = field(default_factory=list)
    obstacles: dict[str, str] = field(default_factory=dict)

    def step(self) -> None:
        """Let each act once."""
        self._collect()
        self._end_pods()
        for deployment in self.store.all(DEPLOYMENT):
            self._keep_one_pod(deployment)
        self._start_pods()
        self._check()

    def running(self, role: str) -> list[Manifest]:
        """The pods of a role whose container runs and was not told to end."""
        return [
            pod
            for pod in self.store.all(POD)
            if pod["metadata"]["labels"][COMPONENT_LABEL] == role and _runs(pod) and not _ends(pod)
        ]

    def _collect(self) -> None:
        """Remove what belongs to nobody who is still there, or to one who is going."""
        owners = {item["metadata"]["uid"] for item in self._everything() if not _ends(item)}
        for kind in SERVED:
            for item in self.store.all(kind):
                references = {reference["uid"] for reference in item["metadata"].get("ownerReferences", ())}
                if references and not references & owners:
                    self.store.delete(kind, item["metadata"]["namespace"], item["metadata"]["name"])

    def _everything(self) -> Iterator[Manifest]:
        for kind in SERVED:
            yield from self.store.all(kind)

    def _end_pods(self) -> None:
        for pod in self.store.all(POD):
            gone_by = pod["metadata"].get("deletionTimestamp")
            if gone_by is not None and self.clock() >= datetime.fromisoformat(gone_by) - GRACE + ENDS_AFTER:
                self.store.remove(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _keep_one_pod(self, deployment: Manifest) -> None:
        """One pod of the present template, when the last one of another template is gone (strategy Recreate)."""
        own = [pod for pod in self.store.all(POD) if _belongs(pod, deployment)]
        wanted = _template_hash(deployment) if deployment["spec"]["replicas"] else None
        others = [pod for pod in own if pod["metadata"]["labels"][TEMPLATE_LABEL] != wanted]
        for pod in others:
            self.store.delete(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
        if wanted is not None and not others and all(_ends(pod) for pod in own):
            self._make_pod(deployment, wanted)

    def _make_pod(self, deployment: Manifest, template_hash: str) -> None:
        self.pods_made += 1
        metadata, template = deployment["metadata"], deployment["spec"]["template"]
        pod = {
            "metadata": {
                "name": f"{metadata['name']}-{self.pods_made}",
                "namespace": metadata["namespace"],
                "labels": template["metadata"]["labels"] | {TEMPLATE_LABEL: template_hash},
                "annotations": template["metadata"]["annotations"],
                "ownerReferences": [{"kind": "ReplicaSet", "name": metadata["name"], "uid": metadata["uid"]}],
            },
            "spec": template["spec"],
            "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]},
        }
        self.store.create(POD, pod)

    def _start_pods(self) -> None:
        for pod in self.store.all(POD):
            fresh = pod["metadata"]["creationTimestamp"] == rfc3339(self.clock())
            if not _runs(pod) and not _ends(pod) and not fresh:
                self._start(pod)

    def _start(self, pod: Manifest) -> None:
        reason = self.obstacles.get(pod["metadata"]["labels"]["anomalyjob.dev/workload"]) or self._missing(pod)
        running = {"running": {"startedAt": rfc3339(self.clock())}}
        state = running if reason is None else {"waiting": {"reason": reason, "message": f"{reason}: see the pod"}}
        status = {"name": "flink", "ready": reason is None, "restartCount": 0, "state": state}
        address = {"podIP": f"10.1.0.{self.pods_made}"} if reason is None else {}

        def change(live: Manifest) -> None:
            phase = "Running" if reason is None else "Pending"
            live["status"] = live["status"] | {"phase": phase, "containerStatuses": [status]} | address

        self.store.edit(POD, pod["metadata"]["namespace"], pod["metadata"]["name"], change)

    def _missing(self, pod: Manifest) -> str | None:
        """Why the node cannot mount the pod's volumes; seconds pass before anybody is told."""
        namespace = pod["metadata"]["namespace"]
        needed: list[tuple[Kind, str]] = []
        for volume in pod["spec"]["volumes"]:
            if "persistentVolumeClaim" in volume:
                needed.append((CLAIM, volume["persistentVolumeClaim"]["claimName"]))
            if "configMap" in volume and not volume["configMap"].get("optional"):
                needed.append((CONFIG_MAP, volume["configMap"]["name"]))
        missing = [name for kind, name in needed if self.store.find(kind, namespace, name) is None]
        return "ContainerCreating" if missing else None

    def _check(self) -> None:
        """No two JobManagers of one job that differ, wanted at the same time or alive at the same time."""
        for found in (self.running("jobmanager"), [item for item in self._wanted() if "jobmanager" in _name(item)]):
            jobs: dict[str, set[str]] = {}
            for item in found:
                labels, template = item["metadata"]["labels"], item.get("spec", {}).get("template", item)
                jobs.setdefault(labels["anomalyjob.dev/job"], set()).add(
                    template["metadata"]["annotations"]["anomalyjob.dev/content-hash"]
                )
            self.violations += [
                f"two JobManagers of {job}: {sorted(hashes)}" for job, hashes in jobs.items() if len(hashes) > 1
            ]

    def _wanted(self) -> list[Manifest]:
        return [item for item in self.store.all(DEPLOYMENT) if item["spec"]["replicas"]]


def _name(item: Manifest) -> str:
    return str(item["metadata"]["name"])


def _belongs(pod: Manifest, deployment: Manifest) -> bool:
    references: list[dict[str, Any]] = pod["metadata"]["ownerReferences"]
    return any(reference["uid"] == deployment["metadata"]["uid"] for reference in references)


def _ends(item: Manifest) -> bool:
    return "deletionTimestamp" in item["metadata"]


def _runs(pod: Manifest) -> bool:
    return bool(pod["status"]["phase"] == "Running")


def _template_hash(deployment: Manifest) -> str:
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]
