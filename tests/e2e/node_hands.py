"""Reaches for the processes of a container from its node, as nobody inside the cluster can.

A JobManager is process 1 of its container: the kernel lets nobody in there stop it. So a pod that sees the processes
of the node sends the signal; it lives in a namespace of its own without Pod Security, which is removed with it.
"""

from types import TracebackType
from typing import Any, Self

from tests.e2e import settings
from tests.e2e.cluster_access import Cluster
from tests.e2e.waiting import wait

POD_SECONDS = 120.0

SEND = """
import os, signal, sys
number, uid, program = signal.Signals[sys.argv[1]], sys.argv[2], sys.argv[3]
marks, found = (uid, uid.replace("-", "_")), []
for pid in filter(str.isdecimal, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/cgroup") as stream: group = stream.read()
        with open(f"/proc/{pid}/cmdline") as stream: command = stream.read().partition("\\0")[0]
    except OSError:
        continue
    if any(mark in group for mark in marks) and command.rpartition("/")[2].startswith(program):
        os.kill(int(pid), number)
        found.append(int(pid))
print(found)
sys.exit(not found)
"""


class NodeHands:
    """A pod on the one node that may signal every process there; as a context manager."""

    def __init__(self, cluster: Cluster, namespace: str, node: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._node = node

    def __enter__(self) -> Self:
        labels = {settings.OWN_LABEL: "node", "pod-security.kubernetes.io/enforce": "privileged"}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._namespace, "labels": labels}}
        self._cluster.apply(namespace)
        self._cluster.apply(self._manifest())
        wait("the pod on the node to run", self._is_running, POD_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cluster.delete(f"/api/v1/namespaces/{self._namespace}")

    def send(self, signal_name: str, pod: dict[str, Any], program: str = "java") -> None:
        """Send a signal to the processes of a pod whose program is called so; fail when there is none."""
        uid = str(pod["metadata"]["uid"])
        command = ("/opt/anomalyjob/bin/python", "-c", SEND, signal_name, uid, program)
        self._cluster.kubectl("exec", "-n", self._namespace, "hands", "--", *command)

    def _manifest(self) -> dict[str, Any]:
        container = {
            "name": "main",
            "image": settings.job_image(),
            "imagePullPolicy": "IfNotPresent",
            "command": ["/opt/anomalyjob/bin/python", "-c", "import signal; signal.pause()"],
            "securityContext": {"runAsUser": 0, "runAsGroup": 0, "capabilities": {"add": ["KILL", "SYS_PTRACE"]}},
        }
        spec = {
            "hostPID": True,
            "nodeName": self._node,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        }
        metadata = {"name": "hands", "namespace": self._namespace}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def _is_running(self) -> bool:
        pod = self._cluster.get(f"/api/v1/namespaces/{self._namespace}/pods/hands") or {}
        return bool(pod.get("status", {}).get("phase") == "Running")
