"""How two specs differ, and what each difference asks for."""

from typing import Any

import pytest
from tests.unit.observations import resource

from anomalyjob_operator.decide.changes import changed_fields, savepoint_fields, spec_of, stopping_fields, taken_over

AT_ONCE: list[dict[str, Any]] = [
    {"recovery": {"maxRestarts": 2}},
    {"notifications": {"webhook": "on-call", "alerts": True}},
    {"deletionPolicy": "Delete"},
    {"checkpointing": {"storage": {"persistentVolumeClaim": {"size": "5Gi"}}}},
    {"job": {"state": "suspended"}},
    {"job": {"upgradeMode": "savepoint"}},
    {"job": {"restartNonce": 3}},
    {"job": {"savepointTriggerNonce": 3}},
    {"job": {"restore": {"from": "empty", "nonce": 1}}},
    {"taskManager": {"replicas": 4}},
    {"taskManager": {"resources": {"limits": {"memory": "2Gi"}}}},
    {"taskManager": {"podTemplate": {"spec": {"nodeSelector": {"disk": "fast"}}}}},
]
BY_A_STOP: list[dict[str, Any]] = [
    {"detection": {"maxCount": 4}},
    {"source": {"simulated": {"interval": "1s"}}},
    {"source": {"simulated": {"users": ["ada", "bob"]}}},
    {"checkpointing": {"interval": "2s"}},
    {"checkpointing": {"mode": "AT_LEAST_ONCE"}},
    {"taskManager": {"slots": 4}},
    {"jobManager": {"resources": {"limits": {"memory": "2Gi"}}}},
    {"jobManager": {"podTemplate": {"spec": {"nodeSelector": {"disk": "fast"}}}}},
    {"flinkConfiguration": {"heartbeat.interval": "5 s"}},
    {"job": {"allowNonRestoredState": True}},
]
BY_A_SAVEPOINT: list[dict[str, Any]] = [
    {"sink": {"log": {}, "files": {}}},
    {"sink": {"files": {}}},
    {"image": "registry.example/anomalyjob:2"},
    {"job": {"parallelism": 2}},
    {"job": {"pythonExecutionMode": "process"}},
    {"checkpointing": {"stateBackend": "rocksdb"}},
]


@pytest.mark.parametrize("spec", AT_ONCE, ids=str)
def test_what_needs_no_stop_is_taken_over(spec: dict[str, Any]) -> None:
    wanted = resource(**spec).spec

    assert stopping_fields(resource().spec, wanted) == ()
    assert taken_over(resource().spec, wanted) == wanted
    assert taken_over(wanted, resource().spec) == resource().spec


@pytest.mark.parametrize("spec", [*BY_A_STOP, *BY_A_SAVEPOINT], ids=str)
def test_what_the_job_is_started_with_takes_a_stop(spec: dict[str, Any]) -> None:
    wanted = resource(**spec).spec

    assert stopping_fields(resource().spec, wanted) == changed_fields(resource().spec, wanted) != ()
    assert taken_over(resource().spec, wanted) == resource().spec


@pytest.mark.parametrize("spec", [*BY_A_STOP, *BY_A_SAVEPOINT], ids=str)
def test_only_what_unaligned_checkpoints_cannot_carry_takes_a_savepoint(spec: dict[str, Any]) -> None:
    fields = savepoint_fields(resource().spec, resource(**spec).spec)

    assert bool(fields) is (spec in BY_A_SAVEPOINT)


def test_taskmanagers_wait_for_a_stop_that_comes_anyway_and_patience_does_not() -> None:
    wanted = {"taskManager": {"replicas": 4}, "recovery": {"maxRestarts": 2}, "detection": {"maxCount": 4}}

    assert taken_over(resource().spec, resource(**wanted).spec) == resource(recovery={"maxRestarts": 2}).spec


def test_the_paths_of_changed_fields_are_those_a_user_writes() -> None:
    changed = changed_fields(
        resource(flinkConfiguration={"heartbeat.interval": "5 s"}).spec,
        resource(detection={"maxCount": 5}, taskManager={"resources": {"limits": {"memory": "2Gi"}}}).spec,
    )

    assert changed == ("detection.maxCount", "flinkConfiguration", "taskManager.resources.limits.memory")


@pytest.mark.parametrize("spec", [{}, *AT_ONCE, *BY_A_STOP, *BY_A_SAVEPOINT], ids=str)
def test_a_spec_on_record_is_read_as_it_was(spec: dict[str, Any]) -> None:
    assert spec_of(resource(**spec).spec.document()) == resource(**spec).spec


def test_a_spec_on_record_that_this_version_does_not_understand_is_none() -> None:
    assert spec_of(resource().spec.document() | {"later": True}) is None
    assert spec_of(None) is None


@pytest.mark.parametrize("spec", [spec for spec in AT_ONCE if "resources" not in str(spec)], ids=str)
def test_what_needs_no_stop_starts_no_other_jobmanager(spec: dict[str, Any]) -> None:
    assert resource(**spec).spec.start_hash() == resource().spec.start_hash()
