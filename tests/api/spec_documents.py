"""Specs that say one thing, and what `spec` itself says of them, to compare with the words of a server."""

import copy
from collections.abc import Mapping
from typing import Any

from tests.api.resource_kind import Refusal

from anomalyjob_operator.spec import FieldError, InvalidResource, parse

LIMIT, REQUEST = "resources.limits", "resources.requests"
STORAGE, INTERVAL = "checkpointing.storage", "checkpointing.interval"


def own_errors(spec: Any, name: str = "demo") -> tuple[FieldError, ...]:
    identity = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": name}}
    try:
        parse({**identity, "spec": spec})
    except InvalidResource as error:
        return error.errors
    return ()


def at(path: str, value: Any) -> dict[str, Any]:
    """Make a spec that says one thing, such as 3 at "job.parallelism"."""
    *parents, last = path.split(".")
    spec: dict[str, Any] = {last: value}
    for parent in reversed(parents):
        spec = {parent: spec}
    return spec


def merged(*specs: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for spec in copy.deepcopy(specs):
        for key, value in spec.items():
            both = isinstance(value, dict) and isinstance(found.get(key), dict)
            found[key] = merged(found[key], value) if both else value
    return found


def users(*names: str) -> dict[str, Any]:
    return at("source.simulated.users", list(names))


def assert_says_the_same(refused: Refusal, own: tuple[FieldError, ...]) -> None:
    assert own
    for error in own:
        assert any(error.message in said for said in refused.causes.get(error.path, ())), (error, refused.text)
