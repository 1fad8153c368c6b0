"""What the definition knows of podTemplates: the fields that may stand in containers and volumes, and their rules.

Pure. The lists are those of the mask. What stands on none is refused by a client that asks for strict validation, as
kubectl does, and dropped for others; inside of the fields the shapes are Kubernetes' own.
"""

from __future__ import annotations

from typing import Any, Final

from anomalyjob_operator.crd.cel import Rule, documents, sentence, text, texts
from anomalyjob_operator.names import FLINK_CONTAINER
from anomalyjob_operator.spec import pod_mask, pod_rules

Schema = dict[str, Any]

_FREE: Final[Schema] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "maxProperties": 50}
_TEXT: Final[Schema] = {"type": "string", "maxLength": 32_768}
_WORDS: Final[Schema] = {"type": "array", "maxItems": 200, "items": _TEXT}
_NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 63}
_VARIABLE: Final[Schema] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 253},
        "value": _TEXT,
        "valueFrom": _FREE,
    },
}
_MOUNT: Final[Schema] = {
    "type": "object",
    "required": ["name", "mountPath"],
    "properties": {
        **dict.fromkeys(sorted(pod_mask.MOUNT_FIELDS), _TEXT),
        "mountPath": {"type": "string", "minLength": 1, "maxLength": 253},
        "readOnly": {"type": "boolean"},
    },
}
_PORT: Final[Schema] = {
    "type": "object",
    "required": ["containerPort"],
    "properties": {
        **dict.fromkeys(sorted(pod_mask.PORT_FIELDS), _TEXT),
        "containerPort": {"type": "integer", "minimum": 1, "maximum": 65_535},
    },
}
_SHAPES: Final[dict[str, Schema]] = {
    "args": _WORDS,
    "command": _WORDS,
    "env": {"type": "array", "maxItems": 100, "items": _VARIABLE},
    "envFrom": {"type": "array", "maxItems": 100, "items": _FREE},
    "image": _TEXT,
    "imagePullPolicy": _TEXT,
    "name": _NAME,
    "ports": {"type": "array", "maxItems": 100, "items": _PORT},
    "restartPolicy": _TEXT,
    "terminationMessagePath": _TEXT,
    "terminationMessagePolicy": _TEXT,
    "volumeMounts": {"type": "array", "maxItems": 50, "items": _MOUNT},
    "workingDir": _TEXT,
}
"""Fields of a container that are no free-form objects."""

_OTHERS: Final = f"self.name != {text(FLINK_CONTAINER)}"


def _words(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def hiding_paths() -> str:
    """Return the pattern of paths that hide a folder, as pod_mask.hides_folder says; and of odd ones."""
    folders = [folder.strip("/").split("/") for folder in sorted(pod_mask.FLINK_FOLDERS)]
    above = sorted({"/".join(folder[:depth]) for folder in folders for depth in range(len(folder))})
    below = [f"{'/'.join(folder)}(/.*)?" for folder in folders]
    return rf"^[^/]|//|\.\.|^/({'|'.join([*(f'{path}/?' if path else '' for path in above), *below])})$"


_OWN_FIELDS: Final = sorted(pod_mask.CONTAINER_FIELDS - pod_mask.FLINK_FIELDS)
_OTHER_VARIABLES: Final = f"!(one.name in {texts(sorted(pod_mask.FLINK_VARIABLES))})"
_HIDING: Final = f"one.mountPath.matches({text(hiding_paths())})"

_CONTAINER_RULES: Final = (
    Rule(
        rule=f"{_OTHERS} || !({' || '.join(f'has(self.{field})' for field in _OWN_FIELDS)})",
        message=text(pod_rules.FLINK_MESSAGE.format(allowed=_words(pod_mask.FLINK_FIELDS - {"name"}))),
    ),
    Rule(
        rule=f"{_OTHERS} || !has(self.env) || !self.env.exists(one, {_OTHER_VARIABLES})",
        message=sentence(
            "{name} " + pod_rules.VARIABLE_MESSAGE.format(allowed=_words(pod_mask.FLINK_VARIABLES)),
            name=f"self.env.filter(one, {_OTHER_VARIABLES})[0].name",
        ),
        field=".env",
    ),
    Rule(
        rule=f"{_OTHERS} || !has(self.volumeMounts) || !self.volumeMounts.exists(one, {_HIDING})",
        message=sentence(pod_rules.MOUNT_MESSAGE, found=f"self.volumeMounts.filter(one, {_HIDING})[0].mountPath"),
        field=".volumeMounts",
    ),
)
_INIT_CONTAINER_RULES: Final = (Rule(rule=_OTHERS, message=text(pod_rules.TAKEN_MESSAGE), field=".name"),)
_KINDS: Final = sorted(pod_mask.VOLUME_TYPES)
_GIVEN: Final = " + ".join(f"(has(self.{kind}) ? 1 : 0)" for kind in _KINDS)
_VOLUME_MESSAGE: Final = pod_rules.VOLUME_MESSAGE.format(allowed=_words(pod_mask.VOLUME_TYPES), found="{found}")
_VOLUME_RULES: Final = (
    Rule(rule=f"{_GIVEN} > 0", message=text(_VOLUME_MESSAGE.format(found="none"))),
    Rule(rule=f"{_GIVEN} < 2", message=text(_VOLUME_MESSAGE.format(found="several"))),
    Rule(
        rule=f"!(self.name in {texts(sorted(pod_mask.OPERATORS_VOLUMES))})",
        message=text(pod_rules.OPERATORS_MESSAGE),
        field=".name",
    ),
)


def _container(fields: frozenset[str], rules: tuple[Rule, ...]) -> Schema:
    return {
        "type": "object",
        "required": ["name"],
        "properties": {field: _SHAPES.get(field, _FREE) for field in sorted(fields)},
        **documents(rules),
    }


def _volume() -> Schema:
    sources = {"type": "object", "properties": dict.fromkeys(sorted(pod_mask.PROJECTED_SOURCES), _FREE)}
    projected = {
        "type": "object",
        "properties": {
            "defaultMode": {"type": "integer", "minimum": 0, "maximum": 0o777},
            "sources": {"type": "array", "maxItems": 50, "items": sources},
        },
    }
    return {
        "type": "object",
        "required": ["name"],
        "properties": {"name": _NAME, **dict.fromkeys(_KINDS, _FREE), "projected": projected},
        **documents(_VOLUME_RULES),
    }


def _named(items: Schema) -> Schema:
    return {"items": items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


NAMED_ITEMS: Final[dict[str, Schema]] = {
    "containers": _named(_container(pod_mask.CONTAINER_FIELDS, _CONTAINER_RULES)),
    "initContainers": _named(_container(pod_mask.INIT_CONTAINER_FIELDS, _INIT_CONTAINER_RULES)),
    "volumes": _named(_volume()),
}
"""Lists of a pod that are merged by name → what their schemas have more than those of the model."""
