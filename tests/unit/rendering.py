"""Short words for tests of rendering: a spec becomes manifests, and one of them is picked."""

from collections.abc import Mapping, Sequence
from typing import Any

from anomalyjob_operator.cluster.kinds import Manifest
from anomalyjob_operator.cluster.placement import cluster_placement
from anomalyjob_operator.cluster.render import Owner, RenderSettings, render
from anomalyjob_operator.desired.workloads import DesiredState, StartIntent, desired_state
from anomalyjob_operator.spec import parse

SETTINGS = RenderSettings(job_image="anomalyjob:dev", operator_namespace="anomalyjob-system")
OWNER = Owner(
    api_version="anomalyjob.dev/v1alpha1", kind="AnomalyJob", name="demo", uid="2f9a1c52-4f0e-4c2c-9a57-0c1d5b1f7e11"
)

WORKLOADS = ("demo-jobmanager", "demo-taskmanager-1", "demo-taskmanager-2", "demo-taskmanager-3")
"""The workloads of the reference system."""


def desired(
    spec: Mapping[str, Any] | None = None,
    *,
    name: str = "demo",
    namespace: str = "streams",
    intent: StartIntent | None = None,
    running: bool = True,
) -> DesiredState:
    document = {
        "apiVersion": "anomalyjob.dev/v1alpha1",
        "kind": "AnomalyJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec or {},
    }
    return desired_state(parse(document), cluster_placement(namespace, name), intent or StartIntent(), running=running)


def manifests(spec: Mapping[str, Any] | None = None, **options: Any) -> tuple[Manifest, ...]:
    return render(desired(spec, **options), SETTINGS, OWNER)


def named(found: Sequence[Manifest], kind: str, name: str) -> Manifest:
    return next(one for one in found if (one["kind"], one["metadata"]["name"]) == (kind, name))


def of_kind(found: Sequence[Manifest], kind: str) -> list[Manifest]:
    return [one for one in found if one["kind"] == kind]


def pod(found: Sequence[Manifest], workload: str) -> Any:
    """The pod template of one Deployment."""
    return named(found, "Deployment", workload)["spec"]["template"]


def flink(found: Sequence[Manifest], workload: str) -> Any:
    """Flink's container of one Deployment."""
    return pod(found, workload)["spec"]["containers"][0]
