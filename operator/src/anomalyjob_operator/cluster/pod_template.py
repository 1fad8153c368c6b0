"""Merges a user's podTemplate into a pod of the operator: by name, and through a mask.

Pure. The mask lists what is taken over; everything else is dropped, whatever Kubernetes may invent later. So nothing
can loosen the restricted security context, or change what the operator itself says of the pod. Resources that ask for
more are refused before (see spec); here nothing depends on that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from anomalyjob_operator.names import FLINK_CONTAINER
from anomalyjob_operator.spec.pod_mask import (
    FLINK_VARIABLES,
    POD_FIELDS,
    hides_folder,
    is_operators_annotation,
    is_operators_label,
    masked_container,
    masked_mount,
    masked_volume,
)

Document = Mapping[str, Any]

# The server does not store these: applied as they are, they would look like somebody's edit for ever.
_NOT_STORED: Final = (
    ("value", ""),
    ("effect", ""),
    ("subPath", ""),
    ("medium", ""),
    ("readOnly", False),
    ("initialDelaySeconds", 0),
)
_OF_OBJECTS: Final = frozenset({"containers", "initContainers", "tolerations", "volumes"})


def merged(pod: Document, template: Document | None) -> dict[str, Any]:
    """Return the pod with what the template may add; the pod's own statements win wherever both say something."""
    said = _mapping((template or {}).get("spec"))
    wanted = {key: _as_stored(value) if key in _OF_OBJECTS else value for key, value in said.items()}
    metadata = _mapping((template or {}).get("metadata"))
    return {"metadata": _metadata(pod["metadata"], metadata), "spec": _pod_spec(pod["spec"], wanted)}


def _metadata(own: Document, wanted: Document) -> dict[str, Any]:
    labels, annotations = _mapping(wanted.get("labels")), _mapping(wanted.get("annotations"))
    more = {key: value for key, value in labels.items() if not is_operators_label(key)}
    notes = {key: value for key, value in annotations.items() if not is_operators_annotation(key)}
    return {"labels": {**more, **own["labels"]}, "annotations": {**notes, **own["annotations"]}}


def _pod_spec(own: Document, wanted: Document) -> dict[str, Any]:
    added = {key: wanted[key] for key in POD_FIELDS if wanted.get(key)}
    lists = {
        "containers": _containers(own["containers"], wanted),
        "initContainers": _named_others(wanted.get("initContainers"), init=True),
        "volumes": _volumes(own["volumes"], wanted),
        "tolerations": _items(wanted.get("tolerations")),
        "imagePullSecrets": _items(wanted.get("imagePullSecrets")),
    }
    affinity = _appended(own["affinity"], _mapping(wanted.get("affinity")))
    return {**added, **own, "affinity": affinity, **{key: items for key, items in lists.items() if items}}


def _containers(own: Sequence[Document], wanted: Document) -> list[Document]:
    flink = next(container for container in own if container["name"] == FLINK_CONTAINER)
    said = [item for item in _items(wanted.get("containers")) if item.get("name") == FLINK_CONTAINER]
    for one in said:
        flink = _flink_container(flink, one)
    return [flink, *_named_others(wanted.get("containers"), init=False)]


def _flink_container(own: Document, wanted: Document) -> dict[str, Any]:
    """Return Flink's container with more variables and mounts: that is all that may be added to it."""
    variables = [one for one in _by("name", _items(wanted.get("env"))) if one["name"] in FLINK_VARIABLES]
    mounts = [masked_mount(mount) for mount in _by("mountPath", _items(wanted.get("volumeMounts")))]
    return {
        **own,
        "env": [*own["env"], *variables],
        "volumeMounts": [*own["volumeMounts"], *(mount for mount in mounts if not hides_folder(mount["mountPath"]))],
    }


def _named_others(containers: object, *, init: bool) -> list[Document]:
    others = [item for item in _items(containers) if item.get("name") != FLINK_CONTAINER]
    return [masked_container(item, init=init) for item in _by("name", others)]


def _volumes(own: Sequence[Document], wanted: Document) -> list[Document]:
    taken = {volume["name"] for volume in own}
    others = [item for item in _by("name", _items(wanted.get("volumes"))) if item["name"] not in taken]
    masked = [masked_volume(item) for item in others]
    return [*own, *(volume for volume in masked if volume is not None)]


def _appended(own: object, wanted: object) -> Any:  # noqa: ANN401 - any part of a document
    """Merge mappings key by key and put lists one after the other; of two other values the own one holds."""
    if isinstance(own, Mapping) and isinstance(wanted, Mapping):
        both = {key: _appended(own[key], wanted[key]) if key in wanted else own[key] for key in own}
        return {**both, **{key: value for key, value in wanted.items() if key not in own}}
    if isinstance(own, list) and isinstance(wanted, list):
        return [*own, *wanted]
    return own


def _as_stored(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    if isinstance(value, list):
        return [_as_stored(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    dropped = {key for key, zero in _NOT_STORED if value.get(key) == zero and isinstance(value.get(key), type(zero))}
    return {key: _as_stored(one) for key, one in value.items() if key not in dropped}


def _by(key: str, items: Sequence[Document]) -> list[Document]:
    """Keep the last item of each name, as Kubernetes merges them; what has no name is nothing."""
    return list({item[key]: item for item in items if item.get(key) and isinstance(item[key], str)}.values())


def _items(value: object) -> list[Document]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _mapping(value: object) -> Document:
    return value if isinstance(value, Mapping) else {}
