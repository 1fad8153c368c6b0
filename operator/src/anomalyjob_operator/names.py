"""The name of every Kubernetes object of a job, its labels, selectors and annotations.

Pure. One place for all of them: whoever renders, lists or deletes objects asks here, so that nothing is looked for
under another name than it was created with. Selectors hold fixed labels only, because they can never be changed.
"""

from typing import Final

GROUP: Final = "anomalyjob.dev"
VERSION: Final = "v1alpha1"
PLURAL: Final = "anomalyjobs"

JOB_LABEL: Final = f"{GROUP}/job"
WORKLOAD_LABEL: Final = f"{GROUP}/workload"
COMPONENT_LABEL: Final = "app.kubernetes.io/component"
MANAGER: Final = "anomalyjob-operator"
"""Field manager of server-side apply, and the value of app.kubernetes.io/managed-by."""

CONTENT_HASH_ANNOTATION: Final = f"{GROUP}/content-hash"
"""On pods: the hash of the workload that the pod was started from."""
APPLIED_HASH_ANNOTATION: Final = f"{GROUP}/applied-hash"
"""On everything that is applied: the hash of what was applied, so that a field that is applied no longer is noticed."""
INCARNATION_ANNOTATION: Final = f"{GROUP}/incarnation"
RESTORE_NONCE_ANNOTATION: Final = f"{GROUP}/consumed-restore-nonce"
"""On the claim: what must outlive the resource."""

FLINK_CONTAINER: Final = "flink"
"""The container of every pod of a job that is Flink; podTemplates add to it by this name."""

REST_PORT: Final = 8081
RPC_PORT: Final = 6123
BLOB_PORT: Final = 6124
TASKMANAGER_RPC_PORT: Final = 6122
TASKMANAGER_DATA_PORT: Final = 6121
METRICS_QUERY_PORT: Final = 6125
PROMETHEUS_PORT: Final = 9249
"""Where Flink's Prometheus reporter answers, in every pod of a job."""


def job_manager_name(name: str) -> str:
    """Return the name of a job's JobManager: of its Deployment, and of the Service for RPC and blobs."""
    return f"{name}-jobmanager"


def task_manager_name(name: str, number: int) -> str:
    """Return the name of a job's TaskManager `number`, counted from 1."""
    return f"{name}-taskmanager-{number}"


def task_managers_name(name: str) -> str:
    """Return the name of what stands for all TaskManagers of a job, such as their PodDisruptionBudget."""
    return f"{name}-taskmanagers"


def rest_service_name(name: str) -> str:
    """Return the name of the Service for Flink's REST endpoint and web page."""
    return f"{name}-rest"


def ledger_name(name: str) -> str:
    """Return the name of the ConfigMap that holds the ledger."""
    return f"{name}-ledger"


def claim_name(name: str) -> str:
    """Return the name of the claim that the operator makes for a job."""
    return f"{name}-checkpoints"


def configuration_name(workload: str, content_hash: str) -> str:
    """Return the name of the ConfigMap with a workload's files; other content has another name."""
    return f"{workload}-{content_hash}"


def labels(name: str) -> dict[str, str]:
    """Return the labels of every object of a job."""
    return {
        "app.kubernetes.io/name": "anomalyjob",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/managed-by": MANAGER,
        JOB_LABEL: name,
    }


def workload_labels(name: str, workload: str, role: str) -> dict[str, str]:
    """Return the labels of a workload's objects and pods; `role` is jobmanager or taskmanager."""
    return {**labels(name), COMPONENT_LABEL: role, WORKLOAD_LABEL: workload}


def workload_selector(name: str, workload: str) -> dict[str, str]:
    """Return the selector of one workload's pods."""
    return {JOB_LABEL: name, WORKLOAD_LABEL: workload}


def role_selector(name: str, role: str) -> dict[str, str]:
    """Return the selector of all of a job's pods of one role."""
    return {JOB_LABEL: name, COMPONENT_LABEL: role}


def job_selector(name: str) -> dict[str, str]:
    """Return the selector of all objects of a job."""
    return {JOB_LABEL: name}
