"""The values of all Kubernetes objects of one job, computed before any template is filled in.

Pure. Whatever has to be decided for an object is decided here, so a template only says where a value stands. What a
pod looks like inside is in `pods_model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from anomalyjob_operator import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anomalyjob_operator.desired.workloads import DesiredState, Workload

OPERATOR_LABELS: Final = {"app.kubernetes.io/name": names.MANAGER}
"""What the pods of the operator, and nobody else's in its namespace, are labelled with."""

JOB_MANAGER: Final = "jobmanager"
TASK_MANAGER: Final = "taskmanager"
_WITHIN_THE_JOB: Final = {
    JOB_MANAGER: (names.RPC_PORT, names.BLOB_PORT, names.METRICS_QUERY_PORT),
    TASK_MANAGER: (names.TASKMANAGER_RPC_PORT, names.TASKMANAGER_DATA_PORT, names.METRICS_QUERY_PORT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The resource that objects belong to: when it is gone, the cluster collects them."""

    api_version: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """What the operator, and not the resource, says about objects. A resource's own image comes before `job_image`.

    `metrics_namespaces` are those whose pods may scrape Flink's; from nowhere else they can be.
    """

    job_image: str
    operator_namespace: str
    image_pull_policy: str = "IfNotPresent"
    metrics_namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectModel:
    """One object: the template of its kind, its metadata, and the values that fill the template."""

    template: str
    metadata: Mapping[str, object]
    values: Mapping[str, object]


def metadata(
    desired: DesiredState, name: str, owner: Owner | None, labels: Mapping[str, str] | None = None
) -> Mapping[str, object]:
    """Return the metadata of an object that goes when its owner goes."""
    identity: dict[str, object] = {"name": name, "namespace": desired.namespace}
    references = {} if owner is None else {"ownerReferences": [owner_reference(owner)]}
    return identity | {"labels": dict(labels or names.labels(desired.name))} | references


def workload_labels(desired: DesiredState, workload: Workload) -> dict[str, str]:
    """Return the labels of a workload's objects and pods."""
    return names.workload_labels(desired.name, workload.name, workload.role)


def configuration(desired: DesiredState, workload: Workload, owner: Owner | None) -> ObjectModel:
    """Return the ConfigMap with the files of a workload; it never changes, other content has another name."""
    name = names.configuration_name(workload.name, workload.content_hash)
    return ObjectModel(
        template="configmap",
        metadata=metadata(desired, name, owner, workload_labels(desired, workload)),
        values={"data": dict(workload.files)},
    )


def services(desired: DesiredState, owner: Owner | None) -> tuple[ObjectModel, ...]:
    """Return the Service by which TaskManagers find the JobManager, and the one of Flink's REST endpoint.

    TaskManagers have to reach a JobManager that is not ready yet: it becomes ready through them.
    """
    internal = {"rpc": names.RPC_PORT, "blob": names.BLOB_PORT}
    return (
        _service(desired, names.job_manager_name(desired.name), owner, internal, publish_not_ready=True),
        _service(desired, names.rest_service_name(desired.name), owner, {"rest": names.REST_PORT}),
    )


def network_policies(desired: DesiredState, settings: RenderSettings, owner: Owner | None) -> tuple[ObjectModel, ...]:
    """Return what may reach the JobManager, and what may reach the TaskManagers."""
    rest = {"namespace": settings.operator_namespace, "labels": OPERATOR_LABELS, "port": names.REST_PORT}
    scraped = {"namespaces": list(settings.metrics_namespaces), "port": names.PROMETHEUS_PORT}
    return (
        _network_policy(
            desired, JOB_MANAGER, names.job_manager_name(desired.name), owner, {"rest": rest, "scraped": scraped}
        ),
        _network_policy(
            desired, TASK_MANAGER, names.task_managers_name(desired.name), owner, {"rest": None, "scraped": scraped}
        ),
    )


def disruption_budget(desired: DesiredState, owner: Owner | None) -> ObjectModel:
    """Return the budget by which drained nodes take one working TaskManager at a time; a broken one holds nobody up."""
    return ObjectModel(
        template="poddisruptionbudget",
        metadata=metadata(desired, names.task_managers_name(desired.name), owner),
        values={"selector": names.role_selector(desired.name, TASK_MANAGER)},
    )


def _service(
    desired: DesiredState,
    name: str,
    owner: Owner | None,
    ports: Mapping[str, int],
    *,
    publish_not_ready: bool = False,
) -> ObjectModel:
    return ObjectModel(
        template="service",
        metadata=metadata(desired, name, owner),
        values={
            "selector": names.workload_selector(desired.name, names.job_manager_name(desired.name)),
            "ports": [{"name": port, "number": number} for port, number in ports.items()],
            "publish_not_ready": publish_not_ready,
        },
    )


def _network_policy(
    desired: DesiredState, role: str, name: str, owner: Owner | None, from_outside: Mapping[str, object]
) -> ObjectModel:
    return ObjectModel(
        template="networkpolicy",
        metadata=metadata(desired, name, owner),
        values={
            "selector": names.role_selector(desired.name, role),
            "job_selector": names.job_selector(desired.name),
            "ports": list(_WITHIN_THE_JOB[role]),
            **from_outside,
        },
    )


def owner_reference(owner: Owner) -> dict[str, object]:
    """Return the entry in an object's metadata that names its owner."""
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
