"""Server-side apply as a merge of plain values, and what an API server adds to every object of its own accord. Pure."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

MERGE_KEYS: Final = {
    "containers": ("name",),
    "env": ("name",),
    "ports": ("containerPort", "port"),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ownerReferences": ("uid",),
}
"""What identifies an item of the lists that are merged; all other lists are replaced as a whole."""


def applied(live: Any, before: Any, now: Any, field: str = "") -> Any:
    """Return the live value with what is applied now, and without what was applied before and is no longer."""
    if isinstance(now, Mapping):
        return _merged(live if isinstance(live, Mapping) else {}, before if isinstance(before, Mapping) else {}, now)
    key = _merge_key(field, now)
    if key is None:
        return copy.deepcopy(now)
    return list(_merged(_by(key, live), _by(key, before), _by(key, now)).values())


def _merged(live: Mapping[Any, Any], before: Mapping[Any, Any], now: Mapping[Any, Any]) -> dict[Any, Any]:
    kept = {key: value for key, value in live.items() if key in now or key not in before}
    fresh = {key: applied(live.get(key), before.get(key), value, str(key)) for key, value in now.items()}
    return copy.deepcopy(kept) | fresh


def _merge_key(field: str, items: Any) -> str | None:
    if field not in MERGE_KEYS or not isinstance(items, list):
        return None
    found = (key for key in MERGE_KEYS[field] if all(isinstance(item, Mapping) and key in item for item in items))
    return next(found, None)


def _by(key: str, items: Any) -> dict[Any, Any]:
    return {item[key]: item for item in items or () if isinstance(item, Mapping) and key in item}


def with_defaults(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the object as the server stores it."""
    manifest = copy.deepcopy(manifest)
    fill_in = {
        "Deployment": _deployment,
        "Service": _service,
        "PersistentVolumeClaim": _claim,
        "NetworkPolicy": _network_policy,
    }.get(manifest["kind"])
    if fill_in is not None:
        fill_in(manifest["spec"])
    return manifest


def _deployment(spec: dict[str, Any]) -> None:
    spec.setdefault("minReadySeconds", 0)
    pod = spec["template"]["spec"]
    for key, value in {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default"}.items():
        pod.setdefault(key, value)
    for container in pod["containers"]:
        container.setdefault("imagePullPolicy", "IfNotPresent")
        _amounts(container.get("resources", {}))
        for probe in ("readinessProbe", "livenessProbe"):
            _probe(container.get(probe))
        for variable in container.get("env", ()):
            variable.get("valueFrom", {}).get("fieldRef", {}).setdefault("apiVersion", "v1")
    for volume in pod.get("volumes", ()):
        if "configMap" in volume:
            volume["configMap"].setdefault("defaultMode", 420)
    # The server gives items back in an order of its own as long as their order means nothing.
    pod.get("volumes", []).sort(key=lambda volume: str(volume["name"]), reverse=True)


def _probe(probe: dict[str, Any] | None) -> None:
    if probe is not None:
        probe.setdefault("successThreshold", 1)
        probe.get("httpGet", {}).setdefault("scheme", "HTTP")


def _amounts(resources: dict[str, Any]) -> None:
    """Memory is written in the largest unit that it is a whole number of; requests follow limits."""
    for amounts in resources.values():
        for name, text in amounts.items():
            amounts[name] = _canonical(str(text)) if name == "memory" else text
    if "limits" in resources:
        resources["requests"] = resources["limits"] | resources.get("requests", {})


def _canonical(text: str) -> str:
    if not text.isdigit():
        return text
    for unit, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if int(text) % size == 0:
            return f"{int(text) // size}{unit}"
    return text


def _service(spec: dict[str, Any]) -> None:
    filled: dict[str, Any] = {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "sessionAffinity": "None"}
    for key, value in filled.items():
        spec.setdefault(key, value)


def _claim(spec: dict[str, Any]) -> None:
    spec.setdefault("storageClassName", "standard")
    spec.setdefault("volumeMode", "Filesystem")
    spec.setdefault("volumeName", "pvc-1")


def _network_policy(spec: dict[str, Any]) -> None:
    rules: Sequence[dict[str, Any]] = (*spec.get("ingress", ()), *spec.get("egress", ()))
    for rule in rules:
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")
