"""What a podTemplate may say: lists of fields that are taken over, and the security context that nobody can loosen.

Pure. Lists of what is allowed, never of what is forbidden: a field that Kubernetes adds one day is not let through by
accident. `pod_rules` refuses a resource that asks for more; whoever renders pods masks what it was given all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from anomalyjob.java_command import PASSED_ON_VARIABLES
from anomalyjob_operator import names

USER_ID: Final = 9999
"""User and group of Flink's processes, and of everything beside them that names no other."""

POD_SECURITY_CONTEXT: Final[Mapping[str, Any]] = {
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "runAsGroup": USER_ID,
    "fsGroup": USER_ID,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY_CONTEXT: Final[Mapping[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "runAsGroup": USER_ID,
    "seccompProfile": {"type": "RuntimeDefault"},
}

POD_FIELDS: Final = (
    "dnsConfig",
    "dnsPolicy",
    "hostAliases",
    "nodeSelector",
    "preemptionPolicy",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "topologySpreadConstraints",
)
"""Fields of a pod that are taken as they are. Containers, volumes, tolerations, affinity are merged."""

FLINK_FIELDS: Final = frozenset({"name", "env", "volumeMounts"})
"""What can be added to Flink's own container. Everything else of it is the operator's."""

FLINK_VARIABLES: Final = frozenset(PASSED_ON_VARIABLES) - {"HOME", "JAVA_HOME"}
"""What a user may set for Flink. The launcher passes on no more: Flink writes its environment into its log."""

CONTAINER_FIELDS: Final = (
    frozenset({"name", "image", "imagePullPolicy", "command", "args", "workingDir", "env", "envFrom", "ports"})
    | {"resources", "volumeMounts", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe"}
    | {"terminationMessagePath", "terminationMessagePolicy"}
)
INIT_CONTAINER_FIELDS: Final = CONTAINER_FIELDS | {"restartPolicy"}
PORT_FIELDS: Final = frozenset({"containerPort", "name", "protocol"})
MOUNT_FIELDS: Final = frozenset({"mountPath", "name", "readOnly", "subPath", "subPathExpr"})
VOLUME_TYPES: Final = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
PROJECTED_SOURCES: Final = frozenset({"configMap", "downwardAPI", "secret"})
"""Not serviceAccountToken: Flink's pods have no right on the cluster, and get nothing to prove who they are."""

OPERATORS_VOLUMES: Final = frozenset({"configuration", "ledger", "temporary", "tmp", "volume"})

FLINK_FOLDERS: Final = ("/etc/anomalyjob", "/opt/anomalyjob", "/var/lib/anomalyjob", "/tmp")  # noqa: S108 - a mount
"""What a mount in Flink's container must not hide."""

OPERATORS_PREFIX: Final = f"{names.GROUP}/"
OPERATORS_LABELS: Final = frozenset(names.workload_labels("", "", ""))
UNCONFINING_PREFIXES: Final = ("container.apparmor.security.", "container.seccomp.security.", "seccomp.security.")


def is_operators_label(key: str) -> bool:
    """Tell whether a label is for the operator to set: selectors rely on them."""
    return key in OPERATORS_LABELS or key.startswith(OPERATORS_PREFIX)


def is_operators_annotation(key: str) -> bool:
    """Tell whether an annotation is the operator's, or would take a container out of its confinement."""
    return key.startswith((OPERATORS_PREFIX, *UNCONFINING_PREFIXES))


def hides_folder(path: str) -> bool:
    """Tell whether a mount would lie over, under or above a folder that the operator or the image needs."""
    mounted = path.rstrip("/") + "/"
    folders = [f"{folder}/" for folder in FLINK_FOLDERS]
    return (
        not mounted.startswith("/")
        or ".." in mounted
        or any(mounted.startswith(folder) or folder.startswith(mounted) for folder in folders)
    )


def masked_container(wanted: Mapping[str, Any], *, init: bool) -> dict[str, Any]:
    """Return a container that runs beside Flink or before it, confined like Flink's own."""
    allowed = INIT_CONTAINER_FIELDS if init else CONTAINER_FIELDS
    kept = {key: _without_hosts(value) for key, value in wanted.items() if key in allowed}
    lists = {
        "ports": [_only(PORT_FIELDS, port) for port in _items(wanted.get("ports"))],
        "volumeMounts": [masked_mount(mount) for mount in _items(wanted.get("volumeMounts"))],
    }
    shown = {key: items for key, items in lists.items() if items}
    rest = {key: value for key, value in kept.items() if key not in lists}
    return {**rest, **shown, "securityContext": dict(CONTAINER_SECURITY_CONTEXT)}


def masked_mount(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mount without what would spread it to the node."""
    return _only(MOUNT_FIELDS, wanted)


def masked_volume(wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a volume that is not of the node and holds no token; None when it is of no such kind."""
    kind = next((key for key in wanted if key in VOLUME_TYPES), None)
    if kind is None or not isinstance(wanted[kind], Mapping):
        return None
    source = dict(wanted[kind])
    if kind == "projected":
        masked = (_only(PROJECTED_SOURCES, one) for one in _items(source.get("sources")))
        source["sources"] = [one for one in masked if one]
    return {"name": wanted["name"], kind: source}


def _without_hosts(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Drop `host` of probes and hooks: with it the kubelet asks other machines in the name of a pod."""
    if not isinstance(value, Mapping):
        return value
    return {key: _without_hosts(one) for key, one in value.items() if key != "host"}


def _only(fields: frozenset[str], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in wanted.items() if key in fields}


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
