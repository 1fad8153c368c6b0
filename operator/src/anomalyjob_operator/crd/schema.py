"""Structural schemas, as an API server demands them, from the JSON schemas of the models.

Pure. It follows what the models say and adds only what an API server wants said: a type everywhere, defaults on objects
whose parts all have one, lists and maps as their keys make them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anomalyjob_operator.crd.rules import PART_RULES, owned_key_rules, range_rule
from anomalyjob_operator.spec import Spec
from anomalyjob_operator.spec.base import RANGE_KEY
from anomalyjob_operator.status import Status

if TYPE_CHECKING:
    from pydantic import BaseModel

Schema = dict[str, Any]

_KEPT: Final = (
    "type",
    "format",
    "pattern",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
)


def spec_schema() -> Schema:
    """Return the schema of a spec."""
    return _Walk(Spec).schema()


def status_schema() -> Schema:
    """Return the schema of a status."""
    return _Walk(Status).schema()


class _Walk:
    """One walk through a model."""

    def __init__(self, model: type[BaseModel]) -> None:
        document = model.model_json_schema(by_alias=True)
        self._definitions = document.pop("$defs", {})
        self._root = document

    def schema(self) -> Schema:
        """Return the schema of the whole model."""
        return self._object(self._root)

    def _object(self, found: Schema) -> Schema:
        fields = {name: self._field(name, one) for name, one in found.get("properties", {}).items()}
        made: Schema = {"type": "object"}
        if "description" in found:
            made["description"] = found["description"]
        if found.get("required"):
            made["required"] = list(found["required"])
        return made | ({"properties": fields} if fields else {})

    def _field(self, name: str, found: Schema) -> Schema:
        made = self._value(found)
        rules = [rule.document() for rule in PART_RULES.get(name, ())]
        if name == "flinkConfiguration":
            rules += [rule.document() for rule in owned_key_rules()]
        if rules:
            made["x-kubernetes-validations"] = [*made.get("x-kubernetes-validations", []), *rules]
        if found.get("default") is not None:
            made["default"] = _without_nothing(found["default"])
        return made

    def _value(self, found: Schema) -> Schema:
        if "anyOf" in found:
            return self._value(next(one for one in found["anyOf"] if one.get("type") != "null"))
        if "$ref" in found:
            return self._object(self._definitions[found["$ref"].rpartition("/")[2]])
        if found["type"] == "array":
            return self._list(found)
        if found["type"] == "object":
            return self._map(found)
        return _scalar(found)

    def _list(self, found: Schema) -> Schema:
        kind = {"x-kubernetes-list-type": "set"} if found.get("uniqueItems") else {}
        return {**_kept(found), "items": self._value(found["items"]), **kind}

    def _map(self, found: Schema) -> Schema:
        values = found.get("additionalProperties") or next(iter(found.get("patternProperties", {}).values()), None)
        bound = {"maxProperties": found["maxProperties"]} if "maxProperties" in found else {}
        if values is True or values is None:
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True, **bound}
        return {"type": "object", "additionalProperties": self._value(values), **bound}


def _scalar(found: Schema) -> Schema:
    made = _kept(found)
    if RANGE_KEY in found:
        made["x-kubernetes-validations"] = [range_rule(found["pattern"], tuple(found[RANGE_KEY])).document()]
    return made


def _kept(found: Schema) -> Schema:
    return {key: found[key] for key in _KEPT if key in found}


def _without_nothing(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _without_nothing(one) for key, one in value.items() if one is not None}
    return value
