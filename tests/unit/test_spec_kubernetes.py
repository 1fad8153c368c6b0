"""Fields of the resource that mean something on Kubernetes only, and what becomes of a job when it is changed."""

from typing import Any

import pytest

from anomalyjob_operator.spec import InvalidResource, Spec, parse
from anomalyjob_operator.spec.field_errors import PATTERN_MESSAGES
from anomalyjob_operator.spec.quantities import CpuQuantity


def resource(spec: object) -> dict[str, object]:
    identity = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}}
    return identity | {"spec": spec}


def errors(spec: object) -> dict[str, str]:
    with pytest.raises(InvalidResource) as caught:
        parse(resource(spec))
    return {error.path: error.message for error in caught.value.errors}


def storage(**fields: Any) -> dict[str, Any]:
    return {"checkpointing": {"storage": fields}}


def resources(role: str, **fields: Any) -> dict[str, Any]:
    return {role: {"resources": fields}}


def job(**fields: Any) -> dict[str, Any]:
    return {"job": fields}


RIGHT: dict[str, dict[str, Any]] = {
    "an image": {"image": "registry.example:5000/team/anomalyjob@sha256:" + "0" * 64},
    "a suspended job": job(state="suspended", upgradeMode="savepoint"),
    "a restore from nothing": job(restore={"from": "empty", "nonce": 1}),
    "a restore from a path": job(restore={"from": "/checkpoints/x", "nonce": 2}, allowNonRestoredState=True),
    "a restore from an address": job(restore={"from": "file:/checkpoints/x", "nonce": 2}),
    "nonces": job(restartNonce=1, savepointTriggerNonce=2**53 - 1),
    "limits and requests": resources("taskManager", limits={"cpu": "2"}, requests={"cpu": "500m", "memory": "1Gi"}),
    "a fraction of a core": resources("jobManager", requests={"cpu": "0.25"}),
    "a large claim": storage(persistentVolumeClaim={"size": "1Ti", "storageClassName": "fast"}),
    "a claim that is there": storage(existingClaim="shared.volume"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_taken(case: str) -> None:
    assert parse(resource(RIGHT[case])).spec != Spec()


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("image with a space", {"image": "a b"}, "spec.image", "must be the name of an image, such as anomalyjob:dev; fo"),
    ("unknown state", job(state="paused"), "spec.job.state", 'running or suspended, found the text "paused"'),
    ("unknown upgrade mode", job(upgradeMode="fast"), "spec.job.upgradeMode", "last-state, savepoint or stateless"),
    (
        "restore from nowhere",
        job(restore={"from": "there", "nonce": 1}),
        "spec.job.restore.from",
        "must be latest, empty, or the absolute path of a checkpoint or savepoint; found the text",
    ),
    ("restore without a nonce", job(restore={"from": "empty"}), "spec.job.restore.nonce", "is missing"),
    ("nonce of nothing", job(restartNonce=0), "spec.job.restartNonce", "must be at least 1, found 0"),
    (
        "request above the limit",
        resources("taskManager", requests={"memory": "2Gi"}),
        "spec.taskManager.resources.requests.memory",
        "must not be larger than the limit (1728Mi), found 2Gi",
    ),
    (
        "more processors than the limit",
        resources("jobManager", limits={"cpu": "1"}, requests={"cpu": "1500m"}),
        "spec.jobManager.resources.requests.cpu",
        "must not be larger than the limit (1), found 1500m",
    ),
    (
        "amount of processors",
        resources("taskManager", limits={"cpu": "two"}),
        "spec.taskManager.resources.limits.cpu",
        "must be an amount of processor time as Kubernetes writes it",
    ),
    (
        "too few processors",
        resources("taskManager", requests={"cpu": "1m"}),
        "spec.taskManager.resources.requests.cpu",
        "must be from 10m to 256, found 1m",
    ),
    (
        "two claims",
        storage(existingClaim="a", persistentVolumeClaim={}),
        "spec.checkpointing.storage",
        "must hold exactly one of persistentVolumeClaim and existingClaim, found both",
    ),
    (
        "small claim",
        storage(persistentVolumeClaim={"size": "1Mi"}),
        "spec.checkpointing.storage.persistentVolumeClaim.size",
        "must be from 64Mi to 64Ti, found 1Mi",
    ),
    ("name of no claim", storage(existingClaim="A"), "spec.checkpointing.storage.existingClaim", "Kubernetes object"),
    (
        "claim of others to delete",
        storage(existingClaim="a") | {"deletionPolicy": "Delete"},
        "spec.deletionPolicy",
        "must be Retain with spec.checkpointing.storage.existingClaim",
    ),
]


@pytest.mark.parametrize("spec, path, message", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_told_at_its_path(spec: dict[str, Any], path: str, message: str) -> None:
    assert message in errors(spec)[path]


@pytest.mark.parametrize(
    "spec, path, message",
    [
        ({"source": {"simulated": None}}, "spec.source", "exactly one source, found none"),
        ({"sink": {"log": None}}, "spec.sink", "at least one sink"),
        (storage(existingClaim=None), "spec.checkpointing.storage", "found none; write persistentVolumeClaim: {}"),
    ],
)
def test_a_choice_without_a_value_is_no_choice(spec: dict[str, Any], path: str, message: str) -> None:
    assert message in errors(spec)[path]


def test_what_is_chosen_counts_although_another_choice_has_no_value() -> None:
    assert parse(resource({"sink": {"log": None, "files": {}}})).spec.sink.files is not None


@pytest.mark.parametrize("text, millicores", [("500m", 500), ("2", 2000), ("0.25", 250)])
def test_an_amount_of_processor_time_has_thousandths_of_a_core(text: str, millicores: int) -> None:
    assert CpuQuantity(text).millicores == millicores


def test_three_task_managers_and_a_job_manager_fit_on_two_cores() -> None:
    spec = Spec()
    requests = [spec.job_manager.resources.requests, *[spec.task_manager.resources.requests] * 3]

    assert sum(request.cpu.millicores for request in requests) == 400
    assert (spec.job_manager.resources.limits.cpu, spec.task_manager.resources.limits.cpu) == (None, None)


CHANGES_WHILE_IT_RUNS: dict[str, dict[str, Any]] = {
    "more TaskManagers": {"taskManager": {"replicas": 4}},
    "processors of TaskManagers": resources("taskManager", limits={"cpu": "2"}, requests={"cpu": "200m"}),
    "pods of TaskManagers": {"taskManager": {"podTemplate": {"spec": {"nodeSelector": {"a": "b"}}}}},
    "patience": {"recovery": {"maxRestarts": 1}},
    "deletion": {"deletionPolicy": "Delete"},
    "size of the claim": storage(persistentVolumeClaim={"size": "2Gi"}),
    "wishes": job(state="suspended", upgradeMode="stateless", restartNonce=3, savepointTriggerNonce=4),
    "restore": job(restore={"from": "empty", "nonce": 1}),
}
NEEDS_A_START: dict[str, dict[str, Any]] = {
    "image": {"image": "another"},
    "memory of TaskManagers": resources("taskManager", limits={"memory": "2Gi"}),
    "pods of the JobManager": {"jobManager": {"podTemplate": {"spec": {"nodeSelector": {"a": "b"}}}}},
    "parallelism": job(parallelism=2),
    "rule": {"detection": {"maxCount": 4}},
}


@pytest.mark.parametrize("case", CHANGES_WHILE_IT_RUNS)
def test_what_may_change_while_the_job_manager_runs_keeps_the_start_hash(case: str) -> None:
    spec = parse(resource(CHANGES_WHILE_IT_RUNS[case])).spec

    assert spec.start_hash() == Spec().start_hash()
    assert spec.content_hash() != Spec().content_hash()


@pytest.mark.parametrize("case", NEEDS_A_START)
def test_what_needs_a_start_changes_the_start_hash(case: str) -> None:
    assert parse(resource(NEEDS_A_START[case])).spec.start_hash() != Spec().start_hash()


def test_the_hash_of_the_reference_system_is_for_ever() -> None:
    assert parse(resource({})).spec.content_hash() == "44136fa355b3678a"


def patterns(schema: Any) -> set[str]:
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    own = {schema["pattern"]} if isinstance(schema, dict) and isinstance(schema.get("pattern"), str) else set()
    keys = set(schema.get("patternProperties", ())) if isinstance(schema, dict) else set()
    return own.union(keys, *map(patterns, inner))


def test_every_pattern_has_its_sentence() -> None:
    assert patterns(Spec.model_json_schema()) - PATTERN_MESSAGES.keys() == set()
