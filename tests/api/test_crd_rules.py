"""Every rule of the definition, asked of a real API server: one resource that it takes and one that it refuses.

Where `spec` knows the rule too, the server must say the same sentence at the same place.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.api.resource_kind import ResourceKind
from tests.api.spec_documents import (
    INTERVAL,
    LIMIT,
    REQUEST,
    STORAGE,
    assert_says_the_same,
    at,
    merged,
    own_errors,
    users,
)
from tests.golden.manifest_cases import MANIFEST
from tests.unit.test_samples import SAMPLES

from anomalyjob_operator.resource_file import read_document
from anomalyjob_operator.spec import parse
from anomalyjob_operator.spec.flink_keys import OWNED_KEYS, OWNED_PREFIXES

pytestmark = pytest.mark.api


SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "slots": (at("job.parallelism", 2), at("job.parallelism", 4)),
    "slots of other TaskManagers": (
        merged(at("job.parallelism", 4), at("taskManager.replicas", 4)),
        at("taskManager.replicas", 2),
    ),
    "pause within the interval": (
        at("checkpointing.minPause", "10s"),
        merged(at("checkpointing.minPause", "3m"), at(INTERVAL, "2m")),
    ),
    "backoff that grows": (
        merged(at("recovery.initialBackoff", "1h"), at("recovery.maxBackoff", "60m")),
        at("recovery.initialBackoff", "6m"),
    ),
    "deadline above the interval": (at(INTERVAL, "9m"), at(INTERVAL, "10m")),
    "deletion of the operator's claim only": (
        at("deletionPolicy", "Delete"),
        merged(at("deletionPolicy", "Delete"), at(f"{STORAGE}.existingClaim", "mine")),
    ),
    "alerts from a log": (
        merged(at("notifications.alerts", True), at("sink", {"log": {}, "files": {}})),  # noqa: FBT003 - a value
        merged(at("notifications.alerts", True), at("sink.files", {})),  # noqa: FBT003 - a value
    ),
    "memory of the JobManager": (
        at(f"jobManager.{REQUEST}.memory", "1024Mi"),
        at(f"jobManager.{REQUEST}.memory", "1025Mi"),
    ),
    "memory of TaskManagers": (
        merged(at(f"taskManager.{REQUEST}.memory", "2G"), at(f"taskManager.{LIMIT}.memory", "2Gi")),
        merged(at(f"taskManager.{REQUEST}.memory", "2Gi"), at(f"taskManager.{LIMIT}.memory", "2G")),
    ),
    "processors of the JobManager": (
        merged(at(f"jobManager.{REQUEST}.cpu", "500m"), at(f"jobManager.{LIMIT}.cpu", "0.5")),
        merged(at(f"jobManager.{REQUEST}.cpu", "501m"), at(f"jobManager.{LIMIT}.cpu", "0.5")),
    ),
    "processors of TaskManagers": (
        merged(at(f"taskManager.{REQUEST}.cpu", "2"), at(f"taskManager.{LIMIT}.cpu", "2")),
        merged(at(f"taskManager.{REQUEST}.cpu", "3"), at(f"taskManager.{LIMIT}.cpu", "2")),
    ),
    "a source": (at("source.simulated", {}), {"source": {}}),
    "a sink": (at("sink.files", {}), {"sink": {}}),
    "one claim": (
        at(f"{STORAGE}.existingClaim", "mine"),
        at(STORAGE, {"existingClaim": "mine", "persistentVolumeClaim": {}}),
    ),
    "some claim": (at(STORAGE, {"persistentVolumeClaim": {}}), at(STORAGE, {})),
    "duration": (at(INTERVAL, "2s"), at(INTERVAL, "2 s")),
    "duration of nothing": (at(INTERVAL, "1000ms"), at(INTERVAL, "0s")),
    "huge duration": (at("recovery.window", "24h"), at("recovery.window", "99999999999h")),
    "amount of memory": (at(f"taskManager.{LIMIT}.memory", "2000M"), at(f"taskManager.{LIMIT}.memory", "2 GB")),
    "amount with an exponent": (at(f"taskManager.{LIMIT}.memory", "2G"), at(f"taskManager.{LIMIT}.memory", "2e9")),
    "amount of processor time": (at(f"taskManager.{LIMIT}.cpu", "1.5"), at(f"taskManager.{LIMIT}.cpu", "1.5m")),
    "name of a target": (at("notifications.webhook", "on-call"), at("notifications.webhook", "https://a.example/")),
    "name of a user": (users("Ada Lovelace", "Зоя", "王"), users(" Ada")),
    "name of an image": (at("image", "registry.example:5000/a/b@sha256:0"), at("image", "-a")),
    "name of a claim": (at(f"{STORAGE}.existingClaim", "a.b-c"), at(f"{STORAGE}.existingClaim", "a_b")),
    "name of a storage class": (
        at(f"{STORAGE}.persistentVolumeClaim.storageClassName", "fast"),
        at(f"{STORAGE}.persistentVolumeClaim.storageClassName", "Fast"),
    ),
    "place of a restore": (
        at("job.restore", {"from": "file:/a/b", "nonce": 1}),
        at("job.restore", {"from": "a/b", "nonce": 1}),
    ),
}
"""Rules that the server and `spec` state with the same sentence: accepted, refused."""


@pytest.mark.parametrize("rule", SAME)
def test_the_server_says_what_spec_says(kind: ResourceKind, rule: str) -> None:
    right, wrong = SAME[rule]
    kind.tried(right)

    assert own_errors(right) == ()
    assert_says_the_same(kind.refusal(wrong), own_errors(wrong))


RANGES: dict[str, tuple[str, str, str, str]] = {
    "source.simulated.interval": ("1ms", "24h", "", "25h"),
    INTERVAL: ("1s", "599s", "999ms", "1441m"),
    "checkpointing.timeout": ("1s", "24h", "999ms", "86400001ms"),
    "checkpointing.minPause": ("1ms", "10s", "", "86401s"),
    "recovery.window": ("1s", "24h", "999ms", "25h"),
    "recovery.initialBackoff": ("100ms", "5m", "99ms", "61m"),
    "recovery.maxBackoff": ("5s", "24h", "99ms", "25h"),
    "recovery.progressDeadline": ("11s", "24h", "9s", "25h"),
    f"jobManager.{LIMIT}.memory": ("768Mi", "64Gi", "767Mi", "65Gi"),
    f"taskManager.{LIMIT}.memory": ("1.5Gi", "65536Mi", "1535Mi", "1T"),
    f"jobManager.{REQUEST}.memory": ("128Mi", "1Gi", "127Mi", "65Gi"),
    f"taskManager.{REQUEST}.memory": ("128Mi", "1728Mi", "1k", "65Gi"),
    f"jobManager.{LIMIT}.cpu": ("100m", "256", "99m", "257"),
    f"taskManager.{LIMIT}.cpu": ("0.1", "256000m", "0.09", "256001m"),
    f"jobManager.{REQUEST}.cpu": ("10m", "256", "9m", "256.1"),
    f"taskManager.{REQUEST}.cpu": ("0.01", "256", "0", "300"),
    f"{STORAGE}.persistentVolumeClaim.size": ("64Mi", "64Ti", "63Mi", "65Ti"),
}
"""Field → two values that are taken, one that is too small (none: there is no such text), one that is too large."""


@pytest.mark.parametrize("path", RANGES)
def test_the_server_knows_the_bounds_of_every_amount(kind: ResourceKind, path: str) -> None:
    least, most, too_small, too_large = RANGES[path]
    for value in (least, most):
        assert own_errors(at(path, value)) == ()
        kind.tried(at(path, value))

    for value in filter(None, (too_small, too_large)):
        own = [error for error in own_errors(at(path, value)) if error.path == f"spec.{path}"]
        assert_says_the_same(kind.refusal(at(path, value)), tuple(own))


def ranged(schema: Any, definitions: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths of all fields that have a range."""
    for one in (schema, *schema.get("anyOf", ())):
        if "x-range" in one:
            yield path
        inner = definitions[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        for name, value in inner.get("properties", {}).items():
            yield from ranged(value, definitions, f"{path}.{name}".removeprefix("."))


def test_no_range_is_left_out() -> None:
    from anomalyjob_operator.spec import Spec  # noqa: PLC0415 - only here

    schema = Spec.model_json_schema()

    assert set(ranged(schema, schema["$defs"])) == RANGES.keys()


@pytest.mark.parametrize("reason", sorted({*OWNED_KEYS.values(), *OWNED_PREFIXES.values()}))
def test_the_server_refuses_settings_that_the_operator_owns(kind: ResourceKind, reason: str) -> None:
    keys = [key for key, why in OWNED_KEYS.items() if why == reason]
    keys += [f"{prefix}x" for prefix, why in OWNED_PREFIXES.items() if why == reason]

    for key in keys:
        refused = kind.refusal({"flinkConfiguration": {"heartbeat.interval": "5 s", key: "1"}})

        (own,) = own_errors({"flinkConfiguration": {key: "1"}})
        (said,) = refused.causes["spec.flinkConfiguration"]
        assert f"{key} {own.message}" in said


def test_the_server_takes_settings_of_the_users(kind: ResourceKind) -> None:
    settings = {"heartbeat.interval": "5 s", "metrics.reporters": "a"}

    assert kind.tried({"flinkConfiguration": settings})["spec"]["flinkConfiguration"] == settings


@pytest.mark.parametrize(
    "right, wrong, words",
    [
        ("a", "1a", "begin with a letter and not end with -"),
        ("a-1", "a-", "begin with a letter"),
        ("a1", "a.b", "lower-case letters, digits and -"),
        ("a" * 40, "a" * 41, "at most 40 characters long"),
    ],
)
def test_names_are_short_and_plain(kind: ResourceKind, right: str, wrong: str, words: str) -> None:
    kind.tried({}, right)

    assert own_errors({}, wrong)
    assert words in kind.refusal({}, wrong).text


@pytest.mark.parametrize("path", ["detectoin", "source.kafka", "job.paralelism", "jobManager.podTemplate.spec.hostPID"])
def test_a_field_that_is_unknown_is_refused(kind: ResourceKind, path: str) -> None:
    assert f'unknown field "spec.{path}"' in kind.refusal(at(path, {})).text


@pytest.mark.parametrize("file", [MANIFEST, *SAMPLES], ids=lambda file: file.name)
def test_the_server_takes_every_sample(kind: ResourceKind, file: Path) -> None:
    sample = read_document(file)

    assert kind.tried(sample["spec"])["spec"] == parse(sample).spec.document()


def test_a_choice_without_a_value_is_no_choice(kind: ResourceKind) -> None:
    assert kind.tried(at("sink", {"log": None, "files": {}}))["spec"]["sink"] == {"files": {}}
    assert_says_the_same(kind.refusal(at("sink.log", None)), own_errors(at("sink.log", None)))


def test_a_resource_without_a_spec_is_refused(kind: ResourceKind) -> None:
    assert any("Required" in said or "object" in said for said in kind.refusal(None).causes["spec"])
