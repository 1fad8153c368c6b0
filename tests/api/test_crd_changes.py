"""What the definition lets be changed, what it fills in, and what it keeps of a status: asked of a real API server."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.api.resource_kind import ResourceKind
from tests.e2e.cluster_access import MERGE

from anomalyjob_operator.document import Document
from anomalyjob_operator.ledger import Floor, LastCheckpoint, LastGood, Savepoint
from anomalyjob_operator.spec import Spec, parse
from anomalyjob_operator.status import (
    CheckpointsStatus,
    ClusterStatus,
    Condition,
    JobStatus,
    LedgerStatus,
    OperationStatus,
    RecoveryStatus,
    Status,
    TaskManagerStatus,
)

pytestmark = pytest.mark.api


def created(kind: ResourceKind, spec: Any) -> str:
    name = f"job-{secrets.token_hex(4)}"
    kind.create(spec, name)
    return name


def storage(**fields: Any) -> dict[str, Any]:
    return {"checkpointing": {"storage": fields}}


def claim(**fields: Any) -> dict[str, Any]:
    return storage(persistentVolumeClaim=fields)


def test_an_empty_spec_is_filled_in_as_spec_does(kind: ResourceKind) -> None:
    assert kind.tried({})["spec"] == Spec().document()


PARTS: list[dict[str, Any]] = [
    {"source": {"simulated": {}}, "sink": {"files": {}}},
    {"job": {}, "recovery": {}, "checkpointing": {}, "detection": {}},
    {"jobManager": {"resources": {}}, "taskManager": {"resources": {"limits": {}, "requests": {}}}},
    storage(persistentVolumeClaim={}),
    storage(existingClaim="mine"),
    {"taskManager": {"podTemplate": {}}},
    {"jobManager": {"podTemplate": {"metadata": {}, "spec": {}}}},
]


@pytest.mark.parametrize("spec", PARTS, ids=str)
def test_a_part_that_is_given_empty_is_filled_in_as_spec_does(kind: ResourceKind, spec: dict[str, Any]) -> None:
    resource = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}}

    assert kind.tried(spec)["spec"] == parse({**resource, "spec": spec}).spec.document()


ALLOWED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a claim that grows": (claim(size="1Gi"), claim(size="1025Mi")),
    "the same size in other words": (claim(size="1Gi"), claim(size="1024Mi")),
    "anything else": (claim(), {"job": {"state": "suspended"}, "taskManager": {"replicas": 4}}),
    "a policy": (claim(), {"deletionPolicy": "Delete"}),
    "the same claim of others": (storage(existingClaim="mine"), storage(existingClaim="mine")),
}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "a claim that shrinks": (claim(size="2Gi"), claim(size="2G"), ".persistentVolumeClaim.size", "may only grow"),
    "another storage class": (
        claim(storageClassName="slow"),
        claim(storageClassName="fast"),
        ".persistentVolumeClaim",
        "cannot be changed",
    ),
    "a storage class where none was named": (
        claim(),
        claim(storageClassName="fast"),
        ".persistentVolumeClaim",
        "cannot be changed",
    ),
    "other access modes": (
        claim(),
        claim(accessModes=["ReadWriteMany"]),
        ".persistentVolumeClaim",
        "cannot be changed",
    ),
    "another claim of others": (
        storage(existingClaim="mine"),
        storage(existingClaim="yours"),
        ".existingClaim",
        "cannot be changed",
    ),
    "a claim of others instead of an own one": (
        claim(),
        storage(existingClaim="mine", persistentVolumeClaim=None),
        "",
        "cannot be changed",
    ),
    "an own claim instead of one of others": (
        storage(existingClaim="mine"),
        storage(existingClaim=None, persistentVolumeClaim={}),
        "",
        "cannot be changed",
    ),
}


@pytest.mark.parametrize("change", ALLOWED)
def test_what_may_change_is_taken(kind: ResourceKind, change: str) -> None:
    before, after = ALLOWED[change]
    kind.change(created(kind, before), after)


@pytest.mark.parametrize("change", REFUSED)
def test_the_volume_of_a_job_stays_its_volume(kind: ResourceKind, change: str) -> None:
    before, after, field, words = REFUSED[change]

    refused = kind.refused_change(created(kind, before), after)

    said = {
        path: texts for path, texts in refused.causes.items() if path.startswith("spec.checkpointing.storage" + field)
    }
    assert any(words in text for texts in said.values() for text in texts), refused.text


def test_scaling_changes_the_number_of_task_managers(kind: ResourceKind) -> None:
    name = created(kind, {})

    kind.cluster.call("PATCH", f"{kind.path}/{name}/scale", {"spec": {"replicas": 4}}, MERGE)

    assert kind.get(name)["spec"]["taskManager"]["replicas"] == 4


def test_scaling_below_what_the_job_needs_is_refused(kind: ResourceKind) -> None:
    name = created(kind, {})

    with pytest.raises(Exception, match="there are 6 \\(2 TaskManagers x 3 slots\\)"):
        kind.cluster.call("PATCH", f"{kind.path}/{name}/scale", {"spec": {"replicas": 2}}, MERGE)


NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
FULL = Status(
    phase="Recovering",
    observed_generation=3,
    message="a message",
    conditions=(
        Condition(
            type="Ready",
            status="False",
            reason="Recovering",
            message="a message",
            observed_generation=3,
            last_transition_time=NOW,
        ),
        Condition(
            type="StateSafe", status="True", reason="Safe", message="", observed_generation=3, last_transition_time=NOW
        ),
    ),
    job=JobStatus(id="0" * 32, incarnation=2, state="RUNNING", tasks_running=12, tasks_total=12, started_at=NOW),
    cluster=ClusterStatus(
        task_managers_ready=3, task_managers_desired=3, slots_total=9, slots_free=0, flink_version="2.3.0"
    ),
    last_checkpoint=LastCheckpoint(id=7, path="/x/chk-7", completed_at=NOW, size_bytes=1, duration_milliseconds=2),
    checkpoints=CheckpointsStatus(completed=1, failed=2, failed_before_running=3, restored=4),
    last_recovery=RecoveryStatus(
        cause="JobManagerLost",
        from_checkpoint=6,
        detected_at=NOW,
        running_at=NOW,
        safe_at=NOW,
        seconds_to_running=1.5,
        seconds_to_safe=2.25,
    ),
    recoveries=1,
    restarts=2,
    ledger=LedgerStatus(
        floor=Floor(checkpoint_id=7, path="/x/chk-7", is_savepoint=True),
        restart_counter=3,
        next_restart_at=NOW,
        rule="path",
        rule_path="/x/chk-6",
        restore_nonce=2,
    ),
    operation=OperationStatus(id="op", kind="Upgrade", step="Savepoint", started_at=NOW),
    last_good=LastGood(spec_hash="0123", spec=Spec().document()),
    savepoints=(Savepoint(nonce=1, path="/x/savepoint-1", completed_at=NOW),),
    task_manager=TaskManagerStatus(replicas=3, selector="a=b,c=d"),
)


def gaps(document: Document) -> Iterator[str]:
    """The fields of a document, and of those in it, that say nothing."""
    for name, value in document:
        items = value if isinstance(value, tuple) else (value,)
        if value is None or value == ():
            yield name
        for item in items:
            if isinstance(item, Document):
                yield from gaps(item)


def test_every_field_of_a_status_is_kept(kind: ResourceKind) -> None:
    assert list(gaps(FULL)) == []
    name = created(kind, {})

    kind.cluster.call("PATCH", f"{kind.path}/{name}/status?fieldValidation=Strict", {"status": FULL.document()}, MERGE)

    assert kind.get(name)["status"] == FULL.document()
    assert Status.parse(kind.get(name)["status"]) == FULL


def test_a_status_with_nothing_known_yet_is_taken(kind: ResourceKind) -> None:
    name = created(kind, {})

    kind.cluster.call("PUT", f"{kind.path}/{name}/status", kind.get(name) | {"status": Status().document()})

    assert Status.parse(kind.get(name)["status"]) == Status()


def test_the_table_shows_what_one_looks_for(kind: ResourceKind) -> None:
    name = created(kind, {})
    kind.cluster.call("PATCH", f"{kind.path}/{name}/status", {"status": FULL.document()}, MERGE)

    lines = kind.cluster.kubectl("get", f"anomalyjobs.{kind.group}", name, "--namespace", kind.namespace).splitlines()

    assert lines[0].split() == ["NAME", "PHASE", "JOB", "TMS", "LAST-CKPT", "RECOVERIES", "AGE"]
    assert lines[1].split()[:4] == [name, "Recovering", "RUNNING", "3"]
    assert lines[1].split()[5] == "1"


def test_the_kind_has_a_short_name_and_a_category(kind: ResourceKind) -> None:
    (found,) = [
        one
        for one in json.loads(kind.cluster.text(f"/apis/{kind.group}/v1alpha1"))["resources"]
        if one["name"] == "anomalyjobs"
    ]

    assert (found["shortNames"], found["categories"], found["namespaced"]) == (["aj"], ["streaming"], True)
