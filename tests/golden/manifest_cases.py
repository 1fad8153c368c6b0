"""The resources whose manifests are kept as golden files, and compared with what the API server thinks of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from anomalyjob_operator.cluster.kinds import Manifest
from anomalyjob_operator.cluster.placement import cluster_placement
from anomalyjob_operator.cluster.render import Owner, RenderSettings, render
from anomalyjob_operator.desired.workloads import StartIntent, desired_state
from anomalyjob_operator.resource_file import read_document
from anomalyjob_operator.spec import parse

MANIFEST: Final = Path(__file__).parents[2] / "manifests" / "anomalyjob.yaml"
SETTINGS: Final = RenderSettings(job_image="anomalyjob:dev", operator_namespace="anomalyjob-system")
OWNER: Final = Owner(
    api_version="anomalyjob.dev/v1alpha1", kind="AnomalyJob", name="demo", uid="2f9a1c52-4f0e-4c2c-9a57-0c1d5b1f7e11"
)

SPECS: Final[Mapping[str, Mapping[str, Any]]] = {
    "reference": dict(read_document(MANIFEST)),
    "four-task-managers": {"spec": {"taskManager": {"replicas": 4}}},
    "suspended": {"spec": {"job": {"state": "suspended"}}},
}


def golden_manifests(case: str, namespace: str = "default") -> tuple[Manifest, ...]:
    """What the operator applies for a case, at its third incarnation."""
    identity = {"apiVersion": OWNER.api_version, "kind": OWNER.kind}
    resource = parse({**identity, **SPECS[case], "metadata": {"name": OWNER.name, "namespace": namespace}})
    desired = desired_state(
        resource,
        cluster_placement(namespace, OWNER.name),
        StartIntent(incarnation=3, restart_counter=2),
        running=resource.spec.job.state == "running",
    )
    return render(desired, SETTINGS, OWNER)
