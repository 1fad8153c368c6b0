"""The pods of a job: one Deployment for each workload, and the values of its pod.

Pure. Everything here holds whatever the user's podTemplate says; what of it may be added is in `pod_template`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anomalyjob_operator import names
from anomalyjob_operator.cluster import claim_model, placement
from anomalyjob_operator.cluster.model import JOB_MANAGER, ObjectModel, Owner, RenderSettings, metadata, workload_labels
from anomalyjob_operator.desired.memory import MEBIBYTE
from anomalyjob_operator.spec.pod_mask import CONTAINER_SECURITY_CONTEXT, POD_SECURITY_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anomalyjob_operator.desired.workloads import DesiredState, Workload
    from anomalyjob_operator.spec import Quantity
    from anomalyjob_operator.spec.model import JobManager, TaskManager

PYTHON_CLIENT_BYTES: Final = 256 * MEBIBYTE
"""What the JobManager's container may take beside its process: the Python client that builds the job at the start.

It was seen to take 167 MB, for the second that it lives.
"""

_GRACE_SECONDS: Final = {JOB_MANAGER: 15, "taskmanager": 10}
_PORTS: Final = {
    JOB_MANAGER: {
        "rest": names.REST_PORT,
        "rpc": names.RPC_PORT,
        "blob": names.BLOB_PORT,
        "metrics": names.METRICS_QUERY_PORT,
        "prometheus": names.PROMETHEUS_PORT,
    },
    "taskmanager": {
        "rpc": names.TASKMANAGER_RPC_PORT,
        "data": names.TASKMANAGER_DATA_PORT,
        "metrics": names.METRICS_QUERY_PORT,
        "prometheus": names.PROMETHEUS_PORT,
    },
}


def deployment(desired: DesiredState, workload: Workload, settings: RenderSettings, owner: Owner | None) -> ObjectModel:
    """Return the Deployment of a workload; with no replica when the job is not to run."""
    labels = workload_labels(desired, workload)
    return ObjectModel(
        template="deployment",
        metadata=metadata(desired, workload.name, owner, labels),
        values={
            "replicas": 1 if desired.running else 0,
            "selector": names.workload_selector(desired.name, workload.name),
            "labels": labels,
            "annotations": {names.CONTENT_HASH_ANNOTATION: workload.content_hash},
            "security_context": POD_SECURITY_CONTEXT,
            "grace_seconds": _GRACE_SECONDS[workload.role],
            "job_selector": names.job_selector(desired.name),
            "on_one_node": claim_model.is_mounted_on_one_node(desired),
            "container": _container(desired, workload, settings),
            "volumes": _volumes(desired, workload),
        },
    )


def pod_template(desired: DesiredState, workload: Workload) -> Mapping[str, Any] | None:
    """Return what the user wants in the pods of a workload's role."""
    template = _of_role(desired, workload).pod_template
    return None if template is None else template.model_dump(mode="json", by_alias=True, exclude_none=True)


def _of_role(desired: DesiredState, workload: Workload) -> JobManager | TaskManager:
    return desired.spec.job_manager if workload.role == JOB_MANAGER else desired.spec.task_manager


def _container(desired: DesiredState, workload: Workload, settings: RenderSettings) -> Mapping[str, object]:
    return {
        "name": names.FLINK_CONTAINER,
        "security_context": CONTAINER_SECURITY_CONTEXT,
        "image": desired.spec.image or settings.job_image,
        "image_pull_policy": settings.image_pull_policy,
        "args": [workload.role],
        "env": _environment(workload),
        "ports": [{"name": port, "number": number} for port, number in _PORTS[workload.role].items()],
        "readiness": _readiness(workload),
        "resources": _resources(desired, workload),
        "termination_log": f"{placement.TERMINATION_FOLDER}/{workload.name}.termination",
        "mounts": _mounts(workload),
    }


def _readiness(workload: Workload) -> Mapping[str, object]:
    if workload.role == JOB_MANAGER:
        return {"path": "/overview", "port": names.REST_PORT}
    return {"path": None, "port": names.TASKMANAGER_RPC_PORT}


def _environment(workload: Workload) -> dict[str, str]:
    return {
        **workload.environment,
        "ANOMALYJOB_CONFIG_DIR": placement.CONFIGURATION_FOLDER,
        "ANOMALYJOB_TEMPORARY_FOLDER": f"{placement.TEMPORARY_FOLDER}/{workload.name}",
        "HOME": placement.TMP_FOLDER,
    }


def _resources(desired: DesiredState, workload: Workload) -> Mapping[str, object]:
    """Return requests and limits; a pod is sure of all its memory unless less is asked for."""
    wanted = _of_role(desired, workload).resources
    memory = _memory_limit(wanted.limits.memory, workload)
    requests = {"cpu": str(wanted.requests.cpu), "memory": str(wanted.requests.memory or memory)}
    cpu = {} if wanted.limits.cpu is None else {"cpu": str(wanted.limits.cpu)}
    return {"requests": requests, "limits": {**cpu, "memory": memory}}


def _memory_limit(process: Quantity, workload: Workload) -> str:
    if workload.role != JOB_MANAGER:
        return str(process)
    mebibytes, rest = divmod(process.size_bytes + PYTHON_CLIENT_BYTES, MEBIBYTE)
    return f"{mebibytes + (rest > 0)}Mi"


def _mounts(workload: Workload) -> list[Mapping[str, object]]:
    mounts: list[Mapping[str, object]] = [
        {"name": "configuration", "path": placement.CONFIGURATION_FOLDER, "read_only": True},
        {"name": "volume", "path": placement.VOLUME_FOLDER, "read_only": False},
        {"name": "temporary", "path": placement.TEMPORARY_FOLDER, "read_only": False},
        {"name": "tmp", "path": placement.TMP_FOLDER, "read_only": False},
    ]
    if workload.role == JOB_MANAGER:
        mounts.append({"name": "ledger", "path": placement.LEDGER_FOLDER, "read_only": True})
    return mounts


def _volumes(desired: DesiredState, workload: Workload) -> Mapping[str, object]:
    return {
        "configuration": names.configuration_name(workload.name, workload.content_hash),
        "claim": claim_model.claim_name(desired),
        "temporary_size": "10Gi",
        "tmp_size": "1Gi",
        "ledger": names.ledger_name(desired.name) if workload.role == JOB_MANAGER else None,
    }
