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

POD_TEMPLATE: Final[Mapping[str, Any]] = {
    "metadata": {"labels": {"team": "fraud"}, "annotations": {"example.org/pager": "yes"}},
    "spec": {
        "nodeSelector": {"example.org/pool": "streams"},
        "priorityClassName": "system-cluster-critical",
        "imagePullSecrets": [{"name": "registry"}],
        "tolerations": [
            {
                "key": "node.kubernetes.io/unreachable",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 30,
            },
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoSchedule"},
        ],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"team": "fraud"}},
            }
        ],
        "affinity": {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 10,
                        "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]},
                    }
                ]
            }
        },
        "containers": [
            {
                "name": "flink",
                "env": [
                    {"name": "TZ", "value": "1e3"},
                    {"name": "LC_ALL", "value": ""},
                ],
                "volumeMounts": [{"name": "certificates", "mountPath": "/etc/certificates", "readOnly": True}],
            },
            {
                "name": "log-shipper",
                "image": "log-shipper:1",
                "args": ["--follow"],
                "env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "broker", "key": "password"}}}],
                "ports": [{"name": "metrics", "containerPort": 9090}],
                "resources": {"limits": {"cpu": "100m", "memory": "0.0625Gi"}},
                "livenessProbe": {"httpGet": {"path": "/alive", "port": 9090}, "periodSeconds": 30},
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            },
        ],
        "initContainers": [{"name": "wait", "image": "log-shipper:1", "command": ["true"]}],
        "volumes": [
            {"name": "certificates", "secret": {"secretName": "broker-ca"}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "16Mi"}},
        ],
    },
}

SPECS: Final[Mapping[str, Mapping[str, Any]]] = {
    "reference": dict(read_document(MANIFEST)),
    "four-task-managers": {"spec": {"taskManager": {"replicas": 4}}},
    "suspended": {"spec": {"job": {"state": "suspended"}}},
    "existing-claim": {"spec": {"checkpointing": {"storage": {"existingClaim": "shared-volume"}}}},
    "read-write-many": {
        "spec": {
            "image": "registry.example/anomalyjob:1",
            "checkpointing": {
                "storage": {
                    "persistentVolumeClaim": {
                        "size": "5Gi",
                        "storageClassName": "shared",
                        "accessModes": ["ReadWriteMany"],
                    }
                }
            },
            "deletionPolicy": "Delete",
        }
    },
    "process-mode-rocksdb-pod-template": {
        "spec": {
            "job": {"pythonExecutionMode": "process"},
            "checkpointing": {"stateBackend": "rocksdb"},
            "jobManager": {"resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "2"}}},
            "taskManager": {"podTemplate": POD_TEMPLATE},
        }
    },
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
