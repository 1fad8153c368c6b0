"""Every rule of the definition, asked of a real API server: one resource that it takes and one that it refuses.

Where `spec` knows the rule too, the server must say the same sentence at the same place.
"""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.api.resource_kind import Refusal, ResourceKind, definition
from tests.e2e.cluster_access import Cluster
from tests.golden.manifest_cases import MANIFEST
from tests.unit.test_samples import SAMPLES

from anomalyjob_operator.resource_file import read_document
from anomalyjob_operator.spec import FieldError, InvalidResource, parse
from anomalyjob_operator.spec.flink_keys import OWNED_KEYS, OWNED_PREFIXES

pytestmark = pytest.mark.api


@pytest.fixture(scope="module")
def kind(api_server: Cluster, restricted_namespace: str) -> Iterator[ResourceKind]:
    with definition(api_server) as group:
        yield ResourceKind(cluster=api_server, group=group, namespace=restricted_namespace)


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


LIMIT, REQUEST = "resources.limits", "resources.requests"
STORAGE, INTERVAL = "checkpointing.storage", "checkpointing.interval"

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


def assert_says_the_same(refused: Refusal, own: tuple[FieldError, ...]) -> None:
    assert own
    for error in own:
        assert any(error.message in said for said in refused.causes.get(error.path, ())), (error, refused.text)


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


MANY = [f"u{number}" for number in range(101)]
SERVERS_WORDS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "unknown word": (at("job.state", "suspended"), at("job.state", "paused"), "spec.job.state", '"running"'),
    "upgrade mode": (at("job.upgradeMode", "stateless"), at("job.upgradeMode", "x"), "spec.job.upgradeMode", "savepo"),
    "mode of checkpoints": (
        at("checkpointing.mode", "AT_LEAST_ONCE"),
        at("checkpointing.mode", "exactly_once"),
        "spec.checkpointing.mode",
        '"EXACTLY_ONCE"',
    ),
    "state backend": (
        at("checkpointing.stateBackend", "rocksdb"),
        at("checkpointing.stateBackend", "memory"),
        "spec.checkpointing.stateBackend",
        '"hashmap"',
    ),
    "execution mode": (
        at("job.pythonExecutionMode", "process"),
        at("job.pythonExecutionMode", "fork"),
        "spec.job.pythonExecutionMode",
        '"thread"',
    ),
    "deletion": (at("deletionPolicy", "Delete"), at("deletionPolicy", "Keep"), "spec.deletionPolicy", '"Retain"'),
    "access mode": (
        at(f"{STORAGE}.persistentVolumeClaim.accessModes", ["ReadWriteMany"]),
        at(f"{STORAGE}.persistentVolumeClaim.accessModes", ["ReadOnlyMany"]),
        f"spec.{STORAGE}.persistentVolumeClaim.accessModes[0]",
        '"ReadWriteOnce"',
    ),
    "no access mode": (
        at(f"{STORAGE}.persistentVolumeClaim.accessModes", ["ReadWriteOnce", "ReadWriteMany"]),
        at(f"{STORAGE}.persistentVolumeClaim.accessModes", []),
        f"spec.{STORAGE}.persistentVolumeClaim.accessModes",
        "at least 1",
    ),
    "least count": (
        at("detection.maxCount", 1),
        at("detection.maxCount", 0),
        "spec.detection.maxCount",
        "or equal to 1",
    ),
    "largest count": (
        at("detection.maxCount", 10**6),
        at("detection.maxCount", 10**6 + 1),
        "spec.detection.maxCount",
        "less than or equal to 1",
    ),
    "slots": (at("taskManager.slots", 64), at("taskManager.slots", 65), "spec.taskManager.slots", "or equal to 64"),
    "replicas": (
        at("taskManager.replicas", 100),
        at("taskManager.replicas", 101),
        "spec.taskManager.replicas",
        "or equal to 100",
    ),
    "ratio": (
        at("source.simulated.abnormalRatio", 1),
        at("source.simulated.abnormalRatio", 1.1),
        "spec.source.simulated.abnormalRatio",
        "or equal to 1",
    ),
    "seed": (
        at("source.simulated.seed", 2**53 - 1),
        at("source.simulated.seed", 2**53),
        "spec.source.simulated.seed",
        "less than or equal to",
    ),
    "checkpoints to keep": (
        at("checkpointing.retained", 100),
        at("checkpointing.retained", 0),
        "spec.checkpointing.retained",
        "or equal to 1",
    ),
    "failures to bear": (
        at("checkpointing.tolerableFailures", 0),
        at("checkpointing.tolerableFailures", -1),
        "spec.checkpointing.tolerableFailures",
        "or equal to 0",
    ),
    "restarts": (
        at("recovery.maxRestarts", 0),
        at("recovery.maxRestarts", 1001),
        "spec.recovery.maxRestarts",
        "or equal to 1000",
    ),
    "older checkpoints": (
        at("recovery.allowOlderCheckpoints", 100),
        at("recovery.allowOlderCheckpoints", 101),
        "spec.recovery.allowOlderCheckpoints",
        "or equal to 100",
    ),
    "patience for checkpoints": (
        at("recovery.checkpointTimeoutFactor", 1),
        at("recovery.checkpointTimeoutFactor", 0),
        "spec.recovery.checkpointTimeoutFactor",
        "or equal to 1",
    ),
    "nonce": (at("job.restartNonce", 1), at("job.restartNonce", 0), "spec.job.restartNonce", "or equal to 1"),
    "nonce of a savepoint": (
        at("job.savepointTriggerNonce", 2),
        at("job.savepointTriggerNonce", 0),
        "spec.job.savepointTriggerNonce",
        "or equal to 1",
    ),
    "restore without a nonce": (
        at("job.restore", {"from": "empty", "nonce": 1}),
        at("job.restore", {"from": "empty"}),
        "spec.job.restore.nonce",
        "Required value",
    ),
    "a user twice": (users("a", "b"), users("a", "b", "a"), "spec.source.simulated.users[2]", "Duplicate value"),
    "no user": (users("a"), users(), "spec.source.simulated.users", "at least 1"),
    "too many users": (users(*MANY[:100]), users(*MANY), "spec.source.simulated.users", "at most 100"),
    "long name of a user": (
        users("u" * 64),
        users("u" * 65),
        "spec.source.simulated.users[0]",
        "may not be more than 64",
    ),
    "number of another type": (at("job.parallelism", 3), at("job.parallelism", "3"), "spec.job.parallelism", "integer"),
    "text of another type": (at(INTERVAL, "5s"), at(INTERVAL, 5), f"spec.{INTERVAL}", "string"),
    "truth of another type": (
        at("checkpointing.unaligned", False),  # noqa: FBT003 - a value of the document
        at("checkpointing.unaligned", "no"),
        "spec.checkpointing.unaligned",
        "boolean",
    ),
    "many settings": (
        {"flinkConfiguration": {f"a.{number}": "x" for number in range(100)}},
        {"flinkConfiguration": {f"a.{number}": "x" for number in range(101)}},
        "spec.flinkConfiguration",
        "at most 100",
    ),
    "name of a setting": (
        {"flinkConfiguration": {"a.B-c_d.1": "x"}},
        {"flinkConfiguration": {"$internal": "x"}},
        "spec.flinkConfiguration",
        "must be the full name of a Flink setting, such as heartbeat.interval",
    ),
    "long name of a setting": (
        {"flinkConfiguration": {"a" * 200: "x"}},
        {"flinkConfiguration": {"a" * 201: "x"}},
        "spec.flinkConfiguration",
        "200",
    ),
    "large setting": (
        {"flinkConfiguration": {"a.b": "x" * 4096}},
        {"flinkConfiguration": {"a.b": "x" * 4097}},
        "spec.flinkConfiguration.a.b",
        "may not be more than 4096",
    ),
}
"""Bounds, words and types: accepted, refused, and where the server says what in words of its own."""


@pytest.mark.parametrize("rule", SERVERS_WORDS)
def test_the_server_knows_bounds_words_and_types(kind: ResourceKind, rule: str) -> None:
    right, wrong, path, words = SERVERS_WORDS[rule]
    kind.tried(right)

    assert own_errors(right) == ()
    assert own_errors(wrong)
    refused = kind.refusal(wrong)
    assert any(words in said for said in refused.causes.get(path, ())), refused.text


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
