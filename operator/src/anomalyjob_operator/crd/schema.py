"""Structural schemas, as an API server demands them, from the JSON schemas of the models.

Pure. It follows what the models say and adds what an API server wants said. A status has no defaults and hardly a
bound: nobody but the operator writes it, and what it reports must not be refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic.alias_generators import to_camel

from anomalyjob_operator.crd.cel import documents
from anomalyjob_operator.crd.keys import key_rules
from anomalyjob_operator.crd.pods import NAMED_ITEMS
from anomalyjob_operator.crd.rules import FIELD_RULES, MODEL_RULES
from anomalyjob_operator.crd.values import pattern_rule, range_rule
from anomalyjob_operator.spec.base import RANGE_KEY

if TYPE_CHECKING:
    from pydantic import BaseModel

Schema = dict[str, Any]

_BOUNDS: Final = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties")
_KEPT: Final = ("type", "format", "pattern", "enum", *_BOUNDS)
_LISTS: Final[dict[tuple[str, str], Schema]] = {
    ("Status", "conditions"): {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
}


def structural(model: type[BaseModel], *, defaults: bool) -> Schema:
    """Return the structural schema of a model; without defaults, what may be missing may also be null."""
    document = model.model_json_schema()
    return _Walk(document.get("$defs", {}), defaults=defaults).object(model.__name__, document)


class _Walk:
    """One walk through a model's JSON schema. Names of models tell which rules stand where."""

    def __init__(self, definitions: dict[str, Schema], *, defaults: bool) -> None:
        self._definitions = definitions
        self._defaults = defaults

    def object(self, name: str, found: Schema) -> Schema:
        """Return the schema of an object with known fields."""
        fields = {field: self._field(name, field, one) for field, one in found.get("properties", {}).items()}
        required = [field for field in found.get("required", ()) if not fields[field].get("nullable")]
        return {
            "type": "object",
            "description": _description(found["description"]),
            **({"required": required} if required else {}),
            **({"properties": fields} if fields else {}),
            **documents(MODEL_RULES.get(name, ())),
        }

    def _field(self, name: str, field: str, found: Schema) -> Schema:
        made = self._value(found) | _LISTS.get((name, field), {})
        if name == "PodSpec" and field in NAMED_ITEMS:
            made |= NAMED_ITEMS[field]
        rules = documents(FIELD_RULES.get((name, field), ()))
        for key, more in rules.items():
            made[key] = [*made.get(key, ()), *more]
        if not self._defaults:
            return made | ({"nullable": True} if "anyOf" in found else {})
        default = found.get("default")
        return made if default is None else made | {"default": self._reduced(default, found)}

    def _value(self, found: Schema) -> Schema:
        found = _chosen(found)
        if "$ref" in found:
            return self.object(_name(found), self._definitions[_name(found)])
        made = {key: found[key] for key in _KEPT if key in found}
        if found["type"] == "array":
            unique = {"x-kubernetes-list-type": "set"} if found.get("uniqueItems") else {}
            return made | {"items": self._value(found["items"])} | unique
        if found["type"] == "object":
            return made | self._values(found) | documents(key_rules(found))
        return made | _scalar(found)

    def _values(self, found: Schema) -> Schema:
        """Return the schema of a map's values; they are of any kind when the model says no more."""
        values = next(iter(found.get("patternProperties", {}).values()), found.get("additionalProperties"))
        if isinstance(values, dict):
            return {"additionalProperties": self._value(values)}
        return {"x-kubernetes-preserve-unknown-fields": True}

    def _reduced(self, default: Any, found: Schema) -> Any:  # noqa: ANN401 - any JSON value
        """Return the default without what the parts of the object have as their own default anyway."""
        found = _chosen(found)
        if "$ref" not in found:
            return default
        fields = self._definitions[_name(found)].get("properties", {})
        said = {field: value for field, value in default.items() if value != fields[field].get("default")}
        return {field: self._reduced(value, fields[field]) for field, value in said.items()}


def _chosen(found: Schema) -> Schema:
    """Return the schema of a value that is there, of one that may also be missing."""
    return next(one for one in found.get("anyOf", [found]) if one.get("type") != "null")


def _name(found: Schema) -> str:
    return str(found["$ref"].rpartition("/")[2])


def _scalar(found: Schema) -> Schema:
    if RANGE_KEY in found:
        return documents([range_rule(found["pattern"], found[RANGE_KEY])])
    if "pattern" in found:
        return documents([pattern_rule(found["pattern"])])
    return {"format": "int64"} if found["type"] == "integer" else {}


def _description(found: str) -> str:
    """Return a description in one line, with the names of fields as a resource has them."""
    return re.sub(r"(?<=`)[a-z]+(_[a-z]+)+(?=`)", lambda match: to_camel(match.group()), " ".join(found.split()))
