"""The definition of AnomalyJob for an API server, made from the models that the operator itself reads resources with.

Pure. Nothing of the resource is stated here a second time: fields, bounds and defaults come from `spec` and `status`,
and the rules in CEL fill in the same sentences.
"""

from __future__ import annotations

from typing import Any, Final

from anomalyjob_operator.crd.cel import documents
from anomalyjob_operator.crd.rules import NAME_RULES, SPEC_RULES
from anomalyjob_operator.crd.schema import structural
from anomalyjob_operator.names import GROUP, PLURAL, VERSION
from anomalyjob_operator.spec import KIND, Spec
from anomalyjob_operator.status import Status

SCALE: Final = {
    "specReplicasPath": ".spec.taskManager.replicas",
    "statusReplicasPath": ".status.taskManager.replicas",
    "labelSelectorPath": ".status.taskManager.selector",
}


def crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition as plain JSON values."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["aj"],
                "categories": ["streaming"],
            },
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}, "scale": SCALE},
        "additionalPrinterColumns": [
            _column("Phase", "string", ".status.phase", "What the job is doing"),
            _column("Job", "string", ".status.job.state", "Flink's word for the state of the job"),
            _column("TMs", "integer", ".status.cluster.taskManagersReady", "TaskManagers that are ready"),
            _column("Last-Ckpt", "date", ".status.lastCheckpoint.completedAt", "Age of the newest checkpoint"),
            _column("Recoveries", "integer", ".status.recoveries", "Recoveries so far"),
            _column("Age", "date", ".metadata.creationTimestamp", "Age of the resource"),
        ],
        "schema": {"openAPIV3Schema": _resource_schema()},
    }


def _column(name: str, kind: str, path: str, description: str) -> dict[str, str]:
    return {"name": name, "type": kind, "jsonPath": path, "description": description}


def _resource_schema() -> dict[str, Any]:
    # The length is that of every name in Kubernetes: an API server has to know one to tell what a rule may cost.
    metadata = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 253}}}
    return {
        "type": "object",
        "description": "A Flink job that detects anomalies. `spec: {}` is the reference system.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": metadata,
            "spec": structural(Spec, defaults=True) | documents(SPEC_RULES),
            "status": structural(Status, defaults=False),
        },
        **documents(NAME_RULES),
    }
