"""What is wrong with a podTemplate, field by field: everything that the mask would drop, said instead of dropped.

Pure. The shapes are Kubernetes' own and checked by the API server; here stands only what this operator does not allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from anomalyjob_operator.names import FLINK_CONTAINER
from anomalyjob_operator.spec import pod_mask
from anomalyjob_operator.spec.wording import path_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anomalyjob_operator.spec.pod_template import PodTemplate

Location = tuple[str | int, ...]
Finding = tuple[Location, str]

OPERATORS_MESSAGE: Final = "is set by the operator"
CONFINEMENT_MESSAGE: Final = "is not allowed: every container keeps its confinement"
SECURITY_MESSAGE: Final = "is not allowed: every container gets the operator's restricted security context"
FLINK_MESSAGE: Final = "is the operator's: to the container flink only {allowed} can be added"
VARIABLE_MESSAGE: Final = (
    "does not reach Flink, which writes its environment into its log; what does: {allowed}. Mount secrets as files"
)
FIELD_MESSAGE: Final = "is not allowed; allowed here: {allowed}"
HOST_MESSAGE: Final = "is not allowed: a probe or hook asks its own pod"
MOUNT_MESSAGE: Final = "must be an absolute path that hides no folder which Flink needs, found {found}"
VOLUME_MESSAGE: Final = "must hold exactly one kind of volume out of {allowed}; found {found}"
NAME_MESSAGE: Final = "must be a name"
SHAPE_MESSAGE: Final = "must be a {expected}"
TAKEN_MESSAGE: Final = "is the name of a container of the operator"

_HANDLERS: Final = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_FREE_LISTS: Final = ("env", "envFrom", "ports", "volumeMounts")


def refused_parts(template: PodTemplate) -> list[tuple[str, str]]:
    """Return the path within the template, and the sentence, of everything that cannot be had."""
    document = template.model_dump(mode="json", by_alias=True, exclude_none=True)
    found = [*_metadata(document["metadata"]), *_pod(document["spec"])]
    return [(path_text(location), message) for location, message in found]


def _metadata(metadata: Mapping[str, Any]) -> Iterator[Finding]:
    for key in metadata["labels"]:
        if pod_mask.is_operators_label(key):
            yield ("metadata", "labels", key), OPERATORS_MESSAGE
    for key in metadata["annotations"]:
        if pod_mask.is_operators_annotation(key):
            yield ("metadata", "annotations", key), CONFINEMENT_MESSAGE if "security" in key else OPERATORS_MESSAGE


def _pod(spec: Mapping[str, Any]) -> Iterator[Finding]:
    for position, container in enumerate(spec["containers"]):
        at = ("spec", "containers", position)
        if container.get("name") == FLINK_CONTAINER:
            yield from _flink(at, container)
        else:
            yield from _container(at, container, pod_mask.CONTAINER_FIELDS)
    for position, container in enumerate(spec["initContainers"]):
        at = ("spec", "initContainers", position)
        if container.get("name") == FLINK_CONTAINER:
            yield (*at, "name"), TAKEN_MESSAGE
        yield from _container(at, container, pod_mask.INIT_CONTAINER_FIELDS)
    for position, volume in enumerate(spec["volumes"]):
        yield from _volume(("spec", "volumes", position), volume)


def _flink(at: Location, container: Mapping[str, Any]) -> Iterator[Finding]:
    allowed = _words(pod_mask.FLINK_FIELDS - {"name"})
    for field in container.keys() - pod_mask.FLINK_FIELDS:
        yield (*at, field), FLINK_MESSAGE.format(allowed=allowed)
    yield from _shapes(at, container)
    for position, variable in _mappings(container.get("env")):
        yield from _variable((*at, "env", position), variable)
    for position, mount in _mappings(container.get("volumeMounts")):
        where = (*at, "volumeMounts", position)
        yield from _unknown(where, mount, pod_mask.MOUNT_FIELDS)
        path = mount.get("mountPath")
        if not isinstance(path, str) or pod_mask.hides_folder(path):
            yield (*where, "mountPath"), MOUNT_MESSAGE.format(found=path)


def _variable(at: Location, variable: Mapping[str, Any]) -> Iterator[Finding]:
    name = variable.get("name")
    if not _is_name(name):
        yield (*at, "name"), NAME_MESSAGE
    elif name not in pod_mask.FLINK_VARIABLES:
        yield (*at, "name"), VARIABLE_MESSAGE.format(allowed=_words(pod_mask.FLINK_VARIABLES))


def _container(at: Location, container: Mapping[str, Any], allowed: frozenset[str]) -> Iterator[Finding]:
    if not _is_name(container.get("name")):
        yield (*at, "name"), NAME_MESSAGE
    yield from _unknown(at, container, allowed)
    yield from _shapes(at, container)
    for position, port in _mappings(container.get("ports")):
        yield from _unknown((*at, "ports", position), port, pod_mask.PORT_FIELDS)
    for position, mount in _mappings(container.get("volumeMounts")):
        yield from _unknown((*at, "volumeMounts", position), mount, pod_mask.MOUNT_FIELDS)
    for field in _HANDLERS:
        yield from _hosts((*at, field), container.get(field))


def _shapes(at: Location, container: Mapping[str, Any]) -> Iterator[Finding]:
    for field in _FREE_LISTS:
        items = container.get(field, [])
        if not isinstance(items, list):
            yield (*at, field), SHAPE_MESSAGE.format(expected="list")
            continue
        for position, item in enumerate(items):
            if not isinstance(item, Mapping):
                yield (*at, field, position), SHAPE_MESSAGE.format(expected="mapping")


def _hosts(at: Location, value: object) -> Iterator[Finding]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "host":
                yield (*at, key), HOST_MESSAGE
            else:
                yield from _hosts((*at, str(key)), inner)


def _volume(at: Location, volume: Mapping[str, Any]) -> Iterator[Finding]:
    name, kinds = volume.get("name"), volume.keys() - {"name"}
    if not _is_name(name):
        yield (*at, "name"), NAME_MESSAGE
    elif name in pod_mask.OPERATORS_VOLUMES:
        yield (*at, "name"), OPERATORS_MESSAGE
    kind = next(iter(kinds), "")
    if len(kinds) != 1 or kind not in pod_mask.VOLUME_TYPES:
        yield at, VOLUME_MESSAGE.format(allowed=_words(pod_mask.VOLUME_TYPES), found=_words(kinds) or "none")
    elif not isinstance(volume[kind], Mapping):
        yield (*at, kind), SHAPE_MESSAGE.format(expected="mapping")
    elif kind == "projected":
        for position, source in _mappings(volume[kind].get("sources")):
            yield from _unknown((*at, kind, "sources", position), source, pod_mask.PROJECTED_SOURCES)


def _unknown(at: Location, found: Mapping[str, Any], allowed: frozenset[str]) -> Iterator[Finding]:
    for field in found.keys() - allowed:
        security = field == "securityContext"
        yield (*at, field), SECURITY_MESSAGE if security else FIELD_MESSAGE.format(allowed=_words(allowed))


def _mappings(value: object) -> Sequence[tuple[int, Mapping[str, Any]]]:
    items = value if isinstance(value, list) else []
    return [(position, item) for position, item in enumerate(items) if isinstance(item, Mapping)]


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _words(texts: Iterable[str]) -> str:
    return ", ".join(sorted(texts))
