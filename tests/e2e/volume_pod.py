"""Pods of the tests' own that mount a job's claim: one that reads and watches, one that may also do damage.

They keep the rules of the namespace (Pod Security `restricted`), and carry none of the job's labels.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e import command, settings, volume_watcher
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.waiting import wait

MOUNT = "/volume"
POD_SECONDS = 120.0
COPY_SECONDS = 120.0
FLINK_USER = 9999


def manifest(job: ClusterJob, name: str, arguments: list[str], *, claim: str, read_only: bool) -> dict[str, Any]:
    """Return the manifest of a pod that runs Python of the job image with the claim at MOUNT."""
    container = {
        "name": "main",
        "image": settings.job_image(),
        "imagePullPolicy": "IfNotPresent",
        "command": ["/opt/anomalyjob/bin/python", *arguments],
        "resources": {"limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "volume", "mountPath": MOUNT, "readOnly": read_only}],
    }
    spec = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": FLINK_USER,
            "runAsGroup": FLINK_USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "volume", "persistentVolumeClaim": {"claimName": claim, "readOnly": read_only}}],
    }
    metadata = {"name": name, "namespace": job.namespace, "labels": {settings.OWN_LABEL: "volume"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


class VolumePod:
    """A running pod with a job's volume; it goes with its namespace, or by `end`."""

    def __init__(self, job: ClusterJob, purpose: str, *, claim: str = "", read_only: bool = True) -> None:
        self._cluster = job.cluster
        self._namespace = job.namespace
        self.name = f"{job.name}-{purpose}"
        self.folder = f"{MOUNT}/{job.namespace}.{job.name}"
        script = Path(volume_watcher.__file__).read_text(encoding="utf-8")
        arguments = ["-u", "-c", script, self.folder]
        claim = claim or f"{job.name}-checkpoints"
        job.cluster.apply(manifest(job, self.name, arguments, claim=claim, read_only=read_only))
        wait(f"the pod {self.name} to run", self._is_running, POD_SECONDS)

    @property
    def path(self) -> str:
        """Where the API keeps the pod."""
        return f"/api/v1/namespaces/{self._namespace}/pods/{self.name}"

    def lines(self) -> list[str]:
        """Return what the watcher has printed so far."""
        return self._cluster.text(f"{self.path}/log").splitlines()

    def execute(self, *command: str) -> str:
        """Run a command in the pod that has to succeed."""
        return self._cluster.kubectl("exec", "-n", self._namespace, self.name, "--", *command)

    @contextmanager
    def copy(self, *parts: str) -> Iterator[Path]:
        """Yield a local copy of the job's folder, of the named parts of it; it is removed afterwards."""
        folder = Path(tempfile.mkdtemp(prefix="e2e-volume-"))
        try:
            command.binary("tar", "--extract", "--directory", str(folder), data=self._archive(parts))
            yield folder
        finally:
            shutil.rmtree(folder)

    def end(self) -> None:
        """Delete the pod and wait until it is gone: a claim in use is not deleted."""
        self._cluster.delete(self.path)
        wait(f"the pod {self.name} to be gone", lambda: self._cluster.get(self.path) is None, POD_SECONDS)

    def _archive(self, parts: tuple[str, ...]) -> bytes:
        # A file that is renamed while it is read is no mistake: whoever compares copies again.
        script = f"cd {self.folder} && tar --create --ignore-failed-read --warning=no-file-changed {' '.join(parts)}"
        words = ("exec", "-n", self._namespace, self.name, "--", "sh", "-c", f"{script} 2>/dev/null || test $? -le 1")
        return self._cluster.output(*words, seconds=COPY_SECONDS)

    def _is_running(self) -> bool:
        pod = self._cluster.get(self.path) or {}
        return bool(pod.get("status", {}).get("phase") == "Running")
