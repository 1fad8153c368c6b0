"""One AnomalyJob on the cluster, as its user sees it: apply, look, delete; and what Flink itself says of it.

Nothing of the project's own code is asked. The names of objects are those of the documentation, written out here: a
renamed Service is a change that users notice.
"""

import json
from typing import Any

from tests.e2e import flink_tasks
from tests.e2e.cluster_access import Cluster, NoAnswerError, RefusedByServerError
from tests.e2e.flink_tasks import Checkpoints, Tasks
from tests.e2e.waiting import wait
from typing_extensions import override

API = "/apis/anomalyjob.dev/v1alpha1"
JOB_LABEL = "anomalyjob.dev/job"
WORKLOAD_LABEL = "anomalyjob.dev/workload"
REST_PORT = 8081
START_SECONDS = 240.0
"""Four times the target for a first start."""
CHECKPOINT_SECONDS = 90.0


class ClusterJob:
    """The AnomalyJob `name` in `namespace`; it may or may not be there."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.name = name
        self.path = f"{API}/namespaces/{namespace}/anomalyjobs/{name}"

    @override
    def __repr__(self) -> str:
        return f"{self.namespace}/{self.name}"

    # --- what a user does

    def apply(self, spec: dict[str, Any]) -> None:
        """`kubectl apply` of the resource."""
        metadata = {"name": self.name, "namespace": self.namespace}
        manifest = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": metadata, "spec": spec}
        self.cluster.apply(manifest)

    def change(self, spec: dict[str, Any]) -> None:
        """`kubectl patch` of some fields of the spec."""
        self.cluster.patch(self.path, {"spec": spec})

    def delete(self, seconds: float = 60) -> None:
        """`kubectl delete`, and wait until the resource is gone."""
        arguments = ("--ignore-not-found", f"--timeout={seconds:g}s")
        self.cluster.kubectl("delete", "anomalyjob", self.name, "-n", self.namespace, *arguments, seconds=seconds + 10)

    # --- what Kubernetes says

    def resource(self) -> dict[str, Any]:
        """Return the resource, {} when there is none or nobody answers."""
        try:
            return dict(self.cluster.get(self.path) or {})
        except NoAnswerError:
            return {}

    def status(self) -> dict[str, Any]:
        """Return the status document, {} as long as there is none."""
        return dict(self.resource().get("status") or {})

    def condition(self, kind: str) -> dict[str, Any]:
        """Return a condition of the status, {} as long as there is none."""
        return next((entry for entry in self.status().get("conditions", ()) if entry["type"] == kind), {})

    def is_ready(self) -> bool:
        """Tell whether Ready=True is said of the spec as it is now."""
        resource = self.resource()
        conditions = resource.get("status", {}).get("conditions", ())
        ready: dict[str, Any] = next((entry for entry in conditions if entry["type"] == "Ready"), {})
        generation = resource.get("metadata", {}).get("generation")
        return ready.get("status") == "True" and ready.get("observedGeneration") == generation

    def objects(self, kind_path: str) -> dict[str, dict[str, Any]]:
        """Return the job's own objects of a kind (such as /api/v1/…/services without the namespace) by name."""
        group, _, plural = kind_path.rpartition("/")
        path = f"{group}/namespaces/{self.namespace}/{plural}"
        found = self.cluster.items(path, labels=f"{JOB_LABEL}={self.name}")
        return {item["metadata"]["name"]: item for item in found}

    def pods(self, role: str = "") -> list[dict[str, Any]]:
        """Return the pods of the job, living and ending; `role` is jobmanager, taskmanager or both."""
        component = f",app.kubernetes.io/component={role}" if role else ""
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        return self.cluster.items(path, labels=f"{JOB_LABEL}={self.name}{component}")

    def living(self, role: str = "") -> list[dict[str, Any]]:
        """Return the pods that are not being deleted, in the order of their workloads."""
        pods = [pod for pod in self.pods(role) if "deletionTimestamp" not in pod["metadata"]]
        return sorted(pods, key=lambda pod: str(pod["metadata"]["labels"][WORKLOAD_LABEL]))

    def job_manager(self) -> str:
        """Return the name of the living JobManager pod, "" while there is none."""
        pods = sorted(self.living("jobmanager"), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        return str(pods[-1]["metadata"]["name"]) if pods else ""

    def task_managers(self) -> list[str]:
        """Return the names of the living TaskManager pods."""
        return [str(pod["metadata"]["name"]) for pod in self.living("taskmanager")]

    def delete_pod(self, name: str) -> None:
        """Delete a pod as `kubectl delete pod --wait=false` does."""
        self.cluster.delete(f"/api/v1/namespaces/{self.namespace}/pods/{name}")

    def events(self) -> list[tuple[str, str]]:
        """Return reason and message of the events about the resource, oldest first."""
        path = f"/api/v1/namespaces/{self.namespace}/events"
        own = [item for item in self.cluster.items(path) if item["involvedObject"].get("name") == self.name]
        own = [item for item in own if item["involvedObject"].get("kind") == "AnomalyJob"]
        ordered = sorted(own, key=lambda item: str(item["firstTimestamp"] or item.get("eventTime")))
        return [(str(item["reason"]), str(item["message"])) for item in ordered]

    def log(self, pod: str, *, since_seconds: int = 0) -> str:
        """Return what a pod has printed; "" when it is gone."""
        query = f"?sinceSeconds={since_seconds}" if since_seconds else ""
        try:
            return self.cluster.text(f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log{query}")
        except (NoAnswerError, RefusedByServerError):
            return ""

    # --- what Flink says

    def rest(self, path: str) -> Any:
        """Return what the living JobManager's REST endpoint answers, None when it does not."""
        try:
            pod = self.job_manager()
            within = f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{REST_PORT}/proxy"
            return json.loads(self.cluster.text(within + path)) if pod else None
        except (NoAnswerError, RefusedByServerError, ValueError):
            return None

    def flink_job(self) -> dict[str, Any]:
        """Return the one job of /jobs/overview, {} when there is none."""
        jobs = (self.rest("/jobs/overview") or {}).get("jobs", [])
        assert len(jobs) <= 1, f"one job was expected, there are {jobs}"
        return dict(jobs[0]) if jobs else {}

    def tasks(self) -> Tasks:
        """Return the state of the tasks."""
        job = self.flink_job()
        return flink_tasks.tasks_of(self.rest(f"/jobs/{job['jid']}") if job else None)

    def checkpoints(self) -> Checkpoints:
        """Return Flink's own checkpoint statistics."""
        job = self.flink_job()
        return flink_tasks.checkpoints_of(self.rest(f"/jobs/{job['jid']}/checkpoints") if job else None)

    # --- waiting

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait for Ready=True."""
        wait(f"{self} to be Ready", self.is_ready, seconds, seen=self.describe)

    def wait_running(self, seconds: float = START_SECONDS) -> Tasks:
        """Wait until all tasks are RUNNING."""
        wait(f"all tasks of {self} to run", lambda: self.tasks().all_running, seconds, seen=self.describe)
        return self.tasks()

    def wait_gone(self, seconds: float = 60) -> None:
        """Wait until no pod of the job is left, living or ending."""
        wait(f"the pods of {self} to be gone", lambda: not self.pods(), seconds, seen=self.describe)

    def wait_checkpoint_after(self, checkpoint_id: int, seconds: float = CHECKPOINT_SECONDS) -> Checkpoints:
        """Wait until a checkpoint newer than that is complete."""

        def newer() -> Checkpoints | None:
            found = self.checkpoints()
            return found if (found.completed or 0) > checkpoint_id else None

        found = wait(f"a checkpoint of {self} after {checkpoint_id}", newer, seconds, seen=self.describe)
        assert found is not None
        return found

    def describe(self) -> str:
        """Return what there is to see now, in a few lines."""
        status = self.status()
        conditions = [
            f"{entry['type']}={entry['status']} ({entry['reason']}: {entry['message']})"
            for entry in status.get("conditions", ())
        ]
        pods = [f"{pod['metadata']['name']}: {pod.get('status', {}).get('phase')}" for pod in self.pods()]
        tasks = self.tasks()
        lines = [f"phase {status.get('phase')}, {tasks.running} of {tasks.total} tasks RUNNING", *conditions, *pods]
        return "\n  ".join(lines)
