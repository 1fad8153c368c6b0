"""Ways to look at the definition of AnomalyJob as an API server does: its parts, and the defaults it fills in."""

import copy
from collections.abc import Iterator
from typing import Any

from anomalyjob_operator.crd import crd

Schema = dict[str, Any]


def version() -> dict[str, Any]:
    (found,) = crd()["spec"]["versions"]
    return dict(found)


def resource_schema() -> Schema:
    return dict(version()["schema"]["openAPIV3Schema"])


def part(path: str) -> Schema:
    """The schema at a path such as .spec.taskManager.replicas."""
    found = resource_schema()
    for name in path.removeprefix(".").split("."):
        found = found["properties"][name]
    return found


def parts(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """The schema and everything in it, each with its path: [] for items of a list, {} for values of a map."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from parts(inner, f"{path}.{name}")
    if "items" in schema:
        yield from parts(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from parts(schema["additionalProperties"], f"{path}{{}}")


def filled_in(value: Any, schema: Schema) -> Any:
    """The value with the defaults that an API server fills in: it looks only into what is there."""
    if isinstance(value, list):
        return [filled_in(item, schema["items"]) for item in value]
    if not isinstance(value, dict):
        return value
    fields = schema.get("properties", {})
    defaults = {name: copy.deepcopy(one["default"]) for name, one in fields.items() if "default" in one}
    return {name: filled_in(one, fields.get(name, {})) for name, one in {**defaults, **value}.items()}


def messages(schema: Schema) -> list[str]:
    """What the rules on a schema say: sentences, or CEL expressions of them."""
    rules = schema.get("x-kubernetes-validations", [])
    return [rule.get("message") or rule["messageExpression"] for rule in rules]
