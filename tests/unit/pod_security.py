"""The Pod Security Standard `restricted`, and what this project asks beyond it, as rules of their own.

Written after the standard's text and independent of what builds pods; the API server has the last word (tests/api).
"""

from collections.abc import Iterator, Mapping
from typing import Any

HOST_FIELDS = ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace", "ephemeralContainers")
VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def violations(template: Mapping[str, Any]) -> list[str]:
    """Everything that a pod of this template may do and must not."""
    spec = template["spec"]
    found = [f"{field} is set" for field in HOST_FIELDS if spec.get(field)]
    found += [f"{field} is set" for field in ("serviceAccountName", "serviceAccount", "nodeName") if spec.get(field)]
    if spec.get("automountServiceAccountToken") is not False:
        found.append("has a service account token")
    if spec.get("enableServiceLinks") is not False:
        found.append("has service links")
    found += [f"pod: {one}" for one in _confinement(spec["securityContext"])]
    for name, container in _containers(spec):
        found += [f"{name}: {one}" for one in _container(container)]
    for volume in spec.get("volumes", []):
        found += [f"volume {volume.get('name')}: {one}" for one in _volume(volume)]
    for key, value in template["metadata"].get("annotations", {}).items():
        if ("apparmor" in key or "seccomp" in key) and "security" in key:
            found.append(f"annotation {key}: {value}")
    return found


def _containers(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        yield str(container["name"]), container


def _confinement(context: Mapping[str, Any]) -> Iterator[str]:
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
        yield "may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "is not confined by seccomp"
    for field in ("seLinuxOptions", "windowsOptions", "appArmorProfile", "sysctls", "procMount"):
        if field in context:
            yield f"sets {field}"


def _container(container: Mapping[str, Any]) -> Iterator[str]:
    context = container.get("securityContext", {})
    yield from _confinement(context)
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "may escalate its privileges"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "has capabilities"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "may write to its root filesystem"
    if any("hostPort" in port or "hostIP" in port for port in container.get("ports", [])):
        yield "takes a port of the node"
    if any("mountPropagation" in mount for mount in container.get("volumeMounts", [])):
        yield "spreads its mounts"
    if container.get("volumeDevices"):
        yield "uses a device"
    hooks = container.get("lifecycle", {})
    handlers = [
        *(container.get(probe, {}) for probe in PROBES),
        *(hooks.values() if isinstance(hooks, Mapping) else []),
    ]
    if any(_names_host(handler) for handler in handlers):
        yield "lets the kubelet ask another host"


def _names_host(handler: object) -> bool:
    if not isinstance(handler, Mapping):
        return False
    return any(isinstance(action, Mapping) and "host" in action for action in handler.values())


def _volume(volume: Mapping[str, Any]) -> Iterator[str]:
    kinds = set(volume) - {"name"}
    if not kinds or kinds - VOLUMES:
        yield f"is of the kind {sorted(kinds)}"
    sources = volume.get("projected", {}).get("sources", [])
    if any(set(source) - {"configMap", "downwardAPI", "secret"} for source in sources):
        yield "projects an identity"
