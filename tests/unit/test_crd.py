"""The definition of AnomalyJob: the whole model and nothing else. What a server makes of it is asked in tests/api."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel
from tests.unit.crd_schema import filled_in, part, parts, resource_schema, version

from anomalyjob_operator.cli import main
from anomalyjob_operator.crd import crd
from anomalyjob_operator.spec import Spec, parse
from anomalyjob_operator.status import Status

SPEC, STATUS = part("spec"), part("status")
PARTS = {**dict(parts(SPEC, "spec")), **dict(parts(STATUS, "status"))}
IN_PODS = re.compile(r".*\.podTemplate\.spec\.(containers|initContainers|volumes)\[\]\..*")
"""What is of Kubernetes' own making: it is compared with the mask, not with the model."""


def model_paths(annotation: Any, path: str) -> Iterator[str]:
    """The paths of all parts of a model, as `crd_schema.parts` writes them."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield path
        for name, field in annotation.model_fields.items():
            yield from model_paths(field.annotation, f"{path}.{field.alias or name}")
    elif origin in {Union, UnionType}:
        yield from model_paths(next(one for one in arguments if one is not type(None)), path)
    elif origin is tuple:
        yield path
        yield from model_paths(arguments[0], f"{path}[]")
    elif origin is dict and plain(arguments[1]) is not Any:
        yield path
        yield from model_paths(arguments[1], f"{path}{{}}")
    elif hasattr(annotation, "__metadata__"):
        yield from model_paths(plain(annotation), path)
    else:
        yield path


def plain(annotation: Any) -> Any:
    """An annotation without what stands beside the type."""
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def test_every_field_of_the_models_is_there_and_no_other() -> None:
    assert {path for path in PARTS if not IN_PODS.fullmatch(path)} == {
        *model_paths(Spec, "spec"),
        *model_paths(Status, "status"),
    }


RESOURCES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "empty parts": {"source": {"simulated": {}}, "sink": {"files": {}}, "job": {}, "taskManager": {"resources": {}}},
    "an own claim": {"checkpointing": {"storage": {"persistentVolumeClaim": {}}}},
    "a claim of others": {"checkpointing": {"storage": {"existingClaim": "mine"}}},
    "pods": {"jobManager": {"podTemplate": {}}, "taskManager": {"podTemplate": {"metadata": {}, "spec": {}}}},
    "a restore": {"job": {"restore": {"from": "empty", "nonce": 1}}},
}


@pytest.mark.parametrize("case", RESOURCES)
def test_a_server_fills_in_what_the_model_fills_in(case: str) -> None:
    spec = RESOURCES[case]
    identity = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}}

    assert filled_in(spec, SPEC) == parse({**identity, "spec": spec}).spec.document()


@pytest.mark.parametrize("path", ["spec.source.simulated", "spec.sink.log", "spec.sink.files"])
def test_an_alternative_is_never_filled_in_beside_another(path: str) -> None:
    assert "default" not in part(path)


def bounded(schema: dict[str, Any]) -> bool:
    if schema["type"] == "string":
        return "maxLength" in schema or "enum" in schema
    if schema["type"] == "array":
        return "maxItems" in schema
    if schema["type"] == "integer":
        return {"minimum", "maximum"} <= schema.keys()
    return "properties" in schema or "maxProperties" in schema or not is_map(schema)


def is_map(schema: dict[str, Any]) -> bool:
    return "additionalProperties" in schema or "x-kubernetes-preserve-unknown-fields" in schema


def test_everything_that_a_user_writes_is_bounded() -> None:
    assert [path for path, schema in parts(SPEC, "spec") if not bounded(schema)] == []


def test_nothing_of_a_status_is_filled_in_or_too_long() -> None:
    limits = {"default", "maxLength", "minLength", "pattern", "minimum", "maximum", "x-kubernetes-validations"}
    found = {path: limits & schema.keys() for path, schema in parts(STATUS, "status") if limits & schema.keys()}

    assert found == {}


def nullable(document: Any, path: str) -> Iterator[str]:
    if document is None:
        yield path
    for name, value in document.items() if isinstance(document, dict) else ():
        yield from nullable(value, f"{path}.{name}")


def test_what_a_status_does_not_know_may_be_null_and_is_never_required() -> None:
    unknown = set(nullable(Status().document(), "status"))
    required = {
        f"{path}.{name}" for path, schema in PARTS.items() for name in schema.get("required", ()) if "status" in path
    }

    assert unknown
    assert unknown <= {path for path, schema in PARTS.items() if schema.get("nullable")}
    assert not required & {path for path, schema in PARTS.items() if schema.get("nullable")}


@pytest.mark.parametrize("path", PARTS)
def test_every_part_says_its_type_and_nothing_that_no_server_knows(path: str) -> None:
    known = {"type", "format", "description", "properties", "items", "additionalProperties", "required", "default"}
    known |= {"enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"}
    known |= {"maxProperties", "nullable", "x-kubernetes-validations", "x-kubernetes-preserve-unknown-fields"}
    known |= {"x-kubernetes-list-type", "x-kubernetes-list-map-keys"}

    assert PARTS[path]["type"] in {"object", "array", "string", "integer", "number", "boolean"}
    assert PARTS[path].keys() - known == set()


def test_users_are_a_set_and_conditions_are_found_by_type() -> None:
    assert part("spec.source.simulated.users")["x-kubernetes-list-type"] == "set"
    assert part("status.conditions")["x-kubernetes-list-type"] == "map"
    assert part("status.conditions")["x-kubernetes-list-map-keys"] == ["type"]


def test_a_resource_needs_a_spec_that_may_be_empty() -> None:
    assert resource_schema()["required"] == ["spec"]
    assert "required" not in SPEC


def test_scaling_finds_its_numbers_and_labels() -> None:
    paths = version()["subresources"]["scale"]

    assert {key: part(path)["type"] for key, path in paths.items()} == {
        "specReplicasPath": "integer",
        "statusReplicasPath": "integer",
        "labelSelectorPath": "string",
    }


def test_the_table_shows_what_is_there() -> None:
    columns = {column["name"]: column for column in version()["additionalPrinterColumns"]}
    age = columns.pop("Age")
    kinds = {name: part(column["jsonPath"]) for name, column in columns.items()}

    assert list(columns) == ["Phase", "Job", "TMs", "Last-Ckpt", "Recoveries"]
    assert age["jsonPath"] == ".metadata.creationTimestamp"
    assert kinds["Last-Ckpt"]["format"] == "date-time"
    for name in ("Phase", "Job", "TMs", "Recoveries"):
        assert columns[name]["type"] == kinds[name]["type"]


def test_descriptions_name_fields_as_a_resource_does() -> None:
    texts = [schema.get("description", "") for schema in PARTS.values()]

    assert [text for text in texts if "_" in text.replace("EXACTLY_ONCE", "") or "None" in text] == []


def test_the_command_prints_the_definition_as_yaml() -> None:
    done = CliRunner().invoke(main, ["crd"])

    assert (done.exit_code, yaml.safe_load(done.output)) == (0, crd())
