"""The resource: its defaults, and what is taken."""

from collections.abc import Mapping

import pytest

from anomalyjob_operator.spec import AnomalyJob, parse


def resource(spec: object, **metadata: object) -> dict[str, object]:
    return {
        "apiVersion": "anomalyjob.dev/v1alpha1",
        "kind": "AnomalyJob",
        "metadata": {"name": "demo", **metadata},
        "spec": spec,
    }


def simulated(**fields: object) -> dict[str, object]:
    return {"source": {"simulated": fields}}


def test_an_empty_spec_is_the_reference_system() -> None:
    spec = parse(resource({})).spec

    assert spec.detection.max_count == 3
    assert spec.source.simulated is not None
    assert spec.source.simulated.users == ("user1", "user2", "user3")
    assert spec.source.simulated.interval.seconds == 5
    assert spec.source.simulated.abnormal_ratio == 0.3
    assert (spec.sink.log is not None, spec.sink.files is not None) == (True, False)
    assert (spec.job.parallelism, spec.task_manager.replicas, spec.task_manager.slots) == (3, 3, 3)
    assert spec.checkpointing.interval.seconds == 10
    assert spec.checkpointing.min_pause_milliseconds == 5_000
    assert (spec.checkpointing.mode, spec.checkpointing.unaligned) == ("EXACTLY_ONCE", True)
    assert spec.checkpointing.state_backend == "hashmap"
    assert spec.deletion_policy == "Retain"


def test_the_written_out_defaults_are_the_same_spec() -> None:
    spec = parse(resource({})).spec

    again = parse(resource(spec.document())).spec

    assert again == spec
    assert again.content_hash() == spec.content_hash()


def test_a_part_that_is_given_empty_has_its_defaults() -> None:
    assert (
        parse(resource({"source": {"simulated": {}}, "checkpointing": {}, "job": {}})).spec == parse(resource({})).spec
    )


@pytest.mark.parametrize(
    "change",
    [
        {"detection": {"maxCount": 4}},
        simulated(seed=8),
        {"sink": {"log": {}, "files": {}}},
        {"flinkConfiguration": {"heartbeat.interval": "5 s"}},
        {"taskManager": {"resources": {"limits": {"memory": "2Gi"}}}},
    ],
)
def test_every_change_changes_the_content_hash(change: Mapping[str, object]) -> None:
    assert parse(resource(change)).spec.content_hash() != parse(resource({})).spec.content_hash()


def test_metadata_that_is_not_ours_is_left_alone() -> None:
    document = resource({}, namespace="streams", labels={"team": "a"}, annotations={"x": "y"}, uid="u", generation=3)

    parsed = parse(document | {"status": {"phase": "Running"}})

    assert (parsed.metadata.namespace, parsed.metadata.name) == ("streams", "demo")


def test_the_namespace_is_default_unless_given() -> None:
    assert parse(resource({})).metadata.namespace == "default"


RIGHT = [
    ("as many tasks as slots", {"job": {"parallelism": 4}, "taskManager": {"replicas": 4}}),
    ("a spare TaskManager", {"taskManager": {"replicas": 4}}),
    ("whole numbers for a ratio", simulated(abnormalRatio=0)),
    ("all events abnormal", simulated(abnormalRatio=1)),
    ("a hundred users", simulated(users=[f"u{n}" for n in range(100)])),
    ("users with spaces and other scripts", simulated(users=["Ada Lovelace", "Зоя", "王"])),
    ("fast events", simulated(interval="200ms")),
    ("pause as long as the interval", {"checkpointing": {"interval": "2s", "minPause": "2s"}}),
    ("short interval without a pause", {"checkpointing": {"interval": "2s"}}),
    ("memory in other units", {"taskManager": {"resources": {"limits": {"memory": "1.5Gi"}}}}),
    ("a Flink setting of the user's", {"flinkConfiguration": {"heartbeat.interval": "5 s"}}),
    ("both sinks", {"sink": {"log": {}, "files": {}}}),
    ("at least once", {"checkpointing": {"mode": "AT_LEAST_ONCE"}}),
]


@pytest.mark.parametrize("spec", [row[1] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_what_is_right_is_taken(spec: Mapping[str, object]) -> None:
    assert isinstance(parse(resource(spec)), AnomalyJob)
