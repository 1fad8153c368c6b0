"""The real operator's passes against a fake API server and a fake Flink, both on real ports."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from tests.unit.cluster_world import KEY, World, a_job_that_runs, open_world, open_world_after

from anomalyjob_operator.cluster.api import ConflictError
from anomalyjob_operator.cluster.backend import DamagedLedgerError
from anomalyjob_operator.cluster.kinds import (
    ANOMALY_JOB,
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    EVENT,
    NETWORK_POLICY,
    POD,
    RENDERED,
    SERVICE,
    Kind,
    Manifest,
)
from anomalyjob_operator.cluster.objects import Objects

pytestmark = pytest.mark.asyncio

HEALTHY = {
    "Ready": "True",
    "Reconciling": "False",
    "Stalled": "False",
    "CheckpointingHealthy": "True",
    "StateSafe": "True",
}


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as made:
        yield made


@pytest_asyncio.fixture
async def running() -> AsyncIterator[World]:
    async with open_world_after(a_job_that_runs) as made:
        yield made


def names(world: World, kind: Kind) -> list[str]:
    return [item["metadata"]["name"] for item in world.store.all(kind)]


def workload_configurations(world: World) -> list[str]:
    return [name for name in names(world, CONFIG_MAP) if name != "demo-ledger"]


# The first deployment


async def test_the_first_pass_records_before_it_applies_anything_and_tells_afterwards(world: World) -> None:
    world.submit()
    await world.look()

    kinds = [write.kind for write in world.writes]
    assert str(world.writes[0]) == "create ConfigMap demo-ledger"
    assert kinds[-1] == "AnomalyJob/status"
    assert kinds.index("PersistentVolumeClaim") < kinds.index("Deployment")
    assert max(place for place, kind in enumerate(kinds) if kind == "ConfigMap") < kinds.index("Deployment")


async def test_a_job_becomes_ready(world: World) -> None:
    world.submit()
    await world.looks(4)
    world.flink.complete_checkpoint()
    await world.looks(2)

    assert world.status["phase"] == "Running"
    assert world.conditions == HEALTHY
    assert len(world.flink.starts) == 1
    assert names(world, DEPLOYMENT) == [
        "demo-jobmanager",
        "demo-taskmanager-1",
        "demo-taskmanager-2",
        "demo-taskmanager-3",
    ]


async def test_everything_but_the_claim_belongs_to_the_resource(running: World) -> None:
    uid = running.store.get(ANOMALY_JOB, *KEY)["metadata"]["uid"]

    for kind in RENDERED:
        for item in running.store.all(kind):
            owners = [owner["uid"] for owner in item["metadata"].get("ownerReferences", ())]
            assert owners == ([] if kind == CLAIM else [uid]), item["metadata"]["name"]


async def test_the_claim_belongs_to_the_resource_when_it_is_to_go_with_it(world: World) -> None:
    resource = world.submit(deletionPolicy="Delete")
    await world.look()

    (claim,) = world.store.all(CLAIM)
    assert [owner["uid"] for owner in claim["metadata"]["ownerReferences"]] == [resource["metadata"]["uid"]]


async def test_it_uses_no_permission_that_it_does_not_need(running: World) -> None:
    running.store.delete(DEPLOYMENT, "default", "demo-taskmanager-3")
    running.edit_spec(lambda spec: spec.update(taskManager={"replicas": 4}))
    await running.looks(3, seconds=16)
    running.edit_spec(lambda spec: spec.update(taskManager={"replicas": 3}))
    await running.looks(3, seconds=16)

    allowed = {
        ("get", "anomalyjobs"),
        ("patch", "anomalyjobs/status"),
        ("list", "pods"),
        ("create", "events"),
        ("get", "persistentvolumeclaims"),
        ("update", "configmaps"),
        ("get", "configmaps"),
    }
    for plural in ("configmaps", "services", "deployments", "networkpolicies", "poddisruptionbudgets"):
        allowed |= {(verb, plural) for verb in ("list", "create", "patch", "delete")}
    allowed |= {(verb, "persistentvolumeclaims") for verb in ("list", "create", "patch")}
    assert running.server.used <= allowed


# Quiet passes


async def test_a_quiet_pass_writes_nothing(running: World) -> None:
    await running.looks(10, seconds=6)

    assert running.writes == []
    assert running.conditions == HEALTHY


async def test_an_operator_that_begins_anew_writes_nothing(running: World) -> None:
    running.start_operator()
    await running.looks(3)

    assert running.writes == []


async def test_a_quiet_pass_reads_a_fixed_number_of_times(running: World) -> None:
    await running.look()
    before = running.server.reads
    await running.look()

    assert running.server.reads - before == 3, "the resource, the ledger, the pods"


async def test_checkpoints_are_published_every_half_minute_and_not_one_by_one(running: World) -> None:
    running.checkpoint_every = timedelta(seconds=10)
    await running.looks(60, seconds=5)

    by_kind = [write.kind for write in running.writes]
    assert 8 <= by_kind.count("AnomalyJob/status") <= 11
    assert 8 <= by_kind.count("ConfigMap") <= 11
    assert set(by_kind) == {"AnomalyJob/status", "ConfigMap"}


# Drift


DELETED = [
    (DEPLOYMENT, "demo-jobmanager"),
    (DEPLOYMENT, "demo-taskmanager-2"),
    (SERVICE, "demo-jobmanager"),
    (SERVICE, "demo-rest"),
    (NETWORK_POLICY, "demo-taskmanagers"),
    (DISRUPTION_BUDGET, "demo-taskmanagers"),
]


@pytest.mark.parametrize("kind, name", DELETED, ids=[f"{kind.name} {name}" for kind, name in DELETED])
async def test_what_was_deleted_is_made_again_and_nothing_else_is_written(
    running: World, kind: Kind, name: str
) -> None:
    running.store.delete(kind, "default", name)
    running.jobs.look_closely(KEY)
    await running.look()

    assert name in names(running, kind)
    assert [str(write) for write in running.writes if write.verb == "patch" and "/" not in write.kind] == [
        f"patch {kind.name} {name}"
    ]
    await running.looks(8)
    assert running.status["phase"] in {"Running", "Recovering", "Degraded"}
    assert running.flink.job["state"] == "RUNNING"


async def test_a_configuration_that_was_deleted_is_made_again(running: World) -> None:
    name = workload_configurations(running)[1]
    running.store.delete(CONFIG_MAP, "default", name)
    running.jobs.look_closely(KEY)
    await running.look()

    assert [str(write) for write in running.writes] == [f"patch ConfigMap {name}"]


def scaled_to_zero(live: Manifest) -> None:
    live["spec"]["replicas"] = 0


def another_image(live: Manifest) -> None:
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "example/other"


def without_arguments(live: Manifest) -> None:
    live["spec"]["template"]["spec"]["containers"][0]["args"] = []


def another_selector(live: Manifest) -> None:
    live["spec"]["selector"] = {"anomalyjob.dev/job": "demo"}


def without_labels(live: Manifest) -> None:
    live["metadata"]["labels"].pop("app.kubernetes.io/name")


def without_owner(live: Manifest) -> None:
    live["metadata"].pop("ownerReferences")


def open_to_all(live: Manifest) -> None:
    live["spec"]["ingress"] = [{}]


EDITS: dict[str, tuple[Kind, str, Callable[[Manifest], None]]] = {
    "a Deployment is scaled to zero": (DEPLOYMENT, "demo-taskmanager-1", scaled_to_zero),
    "a Deployment gets another image": (DEPLOYMENT, "demo-taskmanager-1", another_image),
    "a Deployment loses its arguments": (DEPLOYMENT, "demo-jobmanager", without_arguments),
    "a Service selects other pods": (SERVICE, "demo-jobmanager", another_selector),
    "a Service loses a label": (SERVICE, "demo-rest", without_labels),
    "a Service loses its owner": (SERVICE, "demo-rest", without_owner),
    "a NetworkPolicy lets everybody in": (NETWORK_POLICY, "demo-jobmanager", open_to_all),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_it_is_put_right_when(running: World, edit: str) -> None:
    kind, name, change = EDITS[edit]
    before = running.store.get(kind, "default", name)
    running.store.edit(kind, "default", name, change)
    await running.looks(2, seconds=16)

    after = running.store.get(kind, "default", name)
    assert {key: after[key] for key in ("spec",)} == {key: before[key] for key in ("spec",)}
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert after["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]
    assert [write.verb for write in running.writes if write.kind == kind.name] == ["patch"]


async def test_what_others_add_is_left_alone(running: World) -> None:
    def add(live: Manifest) -> None:
        live["metadata"]["labels"]["team"] = "blue"
        live["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/revision"] = "1"

    running.store.edit(DEPLOYMENT, "default", "demo-taskmanager-1", add)
    await running.looks(3, seconds=16)

    assert running.writes == []
    assert running.deployment("demo-taskmanager-1")["metadata"]["labels"]["team"] == "blue"


async def test_what_is_no_longer_wanted_is_taken_out_of_live_objects(running: World) -> None:
    selected = {"podTemplate": {"spec": {"nodeSelector": {"zone": "a"}}}}
    running.edit_spec(lambda spec: spec.update(taskManager=selected))
    await running.looks(8)
    pod = running.deployment("demo-taskmanager-1")["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"zone": "a"}

    running.edit_spec(lambda spec: spec.pop("taskManager"))
    await running.looks(8)

    assert "nodeSelector" not in running.deployment("demo-taskmanager-1")["spec"]["template"]["spec"]


async def test_resync_alone_is_enough(world: World) -> None:
    """Nobody tells of events: everything is found by looking again."""
    world.submit()
    await world.looks(6, seconds=5)
    world.store.delete(SERVICE, "default", "demo-rest")
    world.store.delete(DEPLOYMENT, "default", "demo-taskmanager-1")
    await world.looks(8, seconds=5)

    assert "demo-rest" in names(world, SERVICE)
    assert world.status["phase"] == "Running"
    assert world.flink.job["state"] == "RUNNING"


# The ledger


async def test_a_ledger_that_was_deleted_is_taken_from_the_status(running: World) -> None:
    running.flink.end_job()
    await running.looks(8)
    running.flink.complete_checkpoint()
    await running.looks(3, seconds=16)
    before, starts = running.ledger, len(running.flink.starts)
    assert before.restart_counter == 1
    assert before.floor is not None

    running.store.delete(CONFIG_MAP, "default", "demo-ledger")
    await running.looks(5)

    after = running.ledger
    assert (after.incarnation, after.restart_counter) == (before.incarnation, before.restart_counter)
    assert after.floor == before.floor
    assert len(running.flink.starts) == starts, "nothing was started again"
    assert running.conditions == HEALTHY


@pytest.mark.parametrize("storage", [{}, {"existingClaim": "mine"}], ids=["its own claim", "an existing claim"])
async def test_a_ledger_that_was_deleted_repeats_no_restore_and_restarts_nothing(
    world: World, storage: dict[str, str]
) -> None:
    """An existing claim is not the operator's to write on: only the status knows that the restore was done."""
    world.store.create(CLAIM, {"metadata": {"name": "mine", "namespace": "default"}, "spec": {}})
    world.submit(checkpointing={"storage": storage} if storage else {})
    await world.looks(4)
    world.edit_spec(lambda spec: spec.setdefault("job", {}).update(restore={"from": "empty", "nonce": 1}))
    await world.looks(8)
    world.flink.complete_checkpoint()
    await world.looks(2)
    starts = list(world.flink.starts)
    assert [start.incarnation for start in starts] == [1, 2]

    world.store.delete(CONFIG_MAP, "default", "demo-ledger")
    await world.looks(5)

    assert world.flink.starts == starts
    assert (world.ledger.incarnation, world.ledger.rule, world.ledger.restore_nonce) == (2, "empty", 1)
    assert world.conditions == HEALTHY


@pytest.mark.parametrize(
    "data",
    [
        {},
        None,
        {"ledger.json": ""},
        {"ledger.json": "{"},
        {"ledger.json": "[]"},
        {"ledger.json": '{"incarnation": "x"}'},
    ],
    ids=["without a key", "without data", "empty", "cut off", "of another shape", "with a value of another type"],
)
async def test_a_ledger_that_cannot_be_read_is_refused_and_nothing_is_done(running: World, data: Any) -> None:
    running.store.edit(CONFIG_MAP, "default", "demo-ledger", lambda live: live.update(data=data))

    with pytest.raises(DamagedLedgerError, match=r"ConfigMap default/demo-ledger .* Put it right, or delete"):
        await running.look()

    assert running.writes == []
    running.store.delete(CONFIG_MAP, "default", "demo-ledger")
    await running.looks(3)
    assert running.conditions == HEALTHY


async def test_a_ledger_that_somebody_else_wrote_meanwhile_is_not_overwritten(running: World) -> None:
    higher = running.ledger.evolve(restart_counter=41)

    def change(live: Manifest) -> None:
        live["data"]["ledger.json"] = json.dumps(higher.document())

    running.flink.end_job()
    running.gate.trouble = (0, "conflict")
    with pytest.raises(ConflictError):
        await running.look()
    running.store.edit(CONFIG_MAP, "default", "demo-ledger", change)
    await running.looks(4)

    assert running.ledger.restart_counter == 42


# The status


async def test_a_status_that_was_changed_meanwhile_is_written_by_the_next_pass(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.flink.end_job()
    await running.look()
    running.gate.forget()

    status_write = running.api.set_status

    async def edit_before(*arguments: Any) -> Manifest:
        running.store.edit(ANOMALY_JOB, *KEY, lambda live: live["metadata"].setdefault("labels", {}).update(a="b"))
        monkeypatch.undo()
        return await status_write(*arguments)

    monkeypatch.setattr(running.api, "set_status", edit_before)
    with pytest.raises(ConflictError):
        await running.looks(5)
    await running.looks(5)

    assert running.status["phase"] == "Running"
    assert running.status["restarts"] == 1
    assert running.store.get(ANOMALY_JOB, *KEY)["metadata"]["labels"] == {"a": "b"}


async def test_the_status_holds_no_null(running: World) -> None:
    def nulls(value: Any) -> bool:
        if isinstance(value, dict):
            return any(map(nulls, value.values()))
        return any(map(nulls, value)) if isinstance(value, list) else value is None

    assert not nulls(running.status)


# Events


async def test_an_event_is_told_once_however_often_it_is_told(running: World) -> None:
    running.flink.end_job()
    await running.looks(8)
    reasons = list(running.reasons)
    for event in running.store.all(EVENT):
        assert event["involvedObject"]["name"] == "demo"

    running.start_operator()
    await running.looks(5)

    assert running.reasons == reasons
    assert reasons.count("RestartUnhealthyJob") == 1


# What goes


async def test_a_resource_that_is_being_deleted_makes_nothing(running: World) -> None:
    running.store.mark_deleted(ANOMALY_JOB, *KEY)
    for kind in (DEPLOYMENT, SERVICE):
        for name in names(running, kind):
            running.store.delete(kind, "default", name)

    for _ in range(3):
        assert await running.look() is None

    assert [str(write) for write in running.writes] == ["patch AnomalyJob/status demo"], "it is told once"
    assert running.status["phase"] == "Deleting"
    assert names(running, DEPLOYMENT) == []


async def test_a_deletion_ends_everything_and_keeps_the_claim_with_or_without_an_operator(running: World) -> None:
    running.store.delete(ANOMALY_JOB, *KEY)
    for _ in range(5):
        running.step()

    assert [kind.name for kind in (*RENDERED, POD) if running.store.all(kind)] == ["PersistentVolumeClaim"]
    assert await running.look() is None
    assert running.writes == []


async def test_a_resource_made_anew_takes_its_incarnation_from_the_claim(running: World) -> None:
    old = running.store.get(ANOMALY_JOB, *KEY)["metadata"]["uid"]
    running.edit_spec(lambda spec: spec.setdefault("job", {}).update(restore={"from": "empty", "nonce": 1}))
    await running.looks(12)
    assert running.ledger.incarnation == 2
    running.store.delete(ANOMALY_JOB, *KEY)
    for _ in range(5):
        running.step()

    assert running.submit()["metadata"]["uid"] != old
    await running.looks(5)

    assert running.ledger.incarnation == 2
    assert running.flink.starts[-1].incarnation == 2
    assert running.status["phase"] == "Running"


async def test_a_resource_made_anew_before_anybody_looked_is_another_job(running: World) -> None:
    """The operator has not seen it go: another uid is another job, whose objects get another owner."""
    await running.look()
    running.store.delete(ANOMALY_JOB, *KEY)
    resource = running.submit()["metadata"]
    new = resource["uid"]
    await running.looks(8)

    owners = {owner["uid"] for item in running.store.all(DEPLOYMENT) for owner in item["metadata"]["ownerReferences"]}
    assert owners == {new}
    assert running.status["phase"] == "Running"
    flips = [condition["lastTransitionTime"] for condition in running.status["conditions"]]
    assert min(flips) >= resource["creationTimestamp"], "nothing of the old one's status was taken over"


async def test_old_configurations_go_only_when_no_pod_uses_them(running: World) -> None:
    before = set(workload_configurations(running))
    running.flink.end_job()
    await running.looks(2)
    old = before - {
        volume["configMap"]["name"]
        for deployment in running.store.all(DEPLOYMENT)
        for volume in deployment["spec"]["template"]["spec"]["volumes"]
        if "configMap" in volume
    }
    assert len(old) == 1
    assert old <= set(workload_configurations(running)), "a pod that still ends uses it"

    await running.looks(6, seconds=6)

    assert not old & set(workload_configurations(running))
    assert len(workload_configurations(running)) == len(before)


async def test_the_claim_is_never_removed(running: World) -> None:
    running.edit_spec(lambda spec: spec.setdefault("job", {}).update(state="suspended"))
    await running.looks(12)
    running.edit_spec(lambda spec: spec.setdefault("job", {}).update(state="running"))
    await running.looks(12)

    assert names(running, CLAIM) == ["demo-checkpoints"]
    assert not [write for write in running.writes if write.verb == "delete" and write.kind == CLAIM.name]


async def test_a_claim_that_is_not_rendered_any_more_stays_and_everything_else_goes(running: World) -> None:
    await running.look()
    rendered = running.jobs._jobs[KEY].backend._rendered
    services = [manifest for manifest in rendered if manifest["kind"] == "Service"]
    objects = Objects(running.api, *KEY, lambda: running.now)
    await objects.apply(services)

    expected = {CLAIM: ["demo-checkpoints"], SERVICE: ["demo-jobmanager", "demo-rest"]}
    for kind in RENDERED:
        assert kind == CONFIG_MAP or names(running, kind) == expected.get(kind, []), kind.name
    assert len(workload_configurations(running)) == 4, "pods use them"
    for _ in range(5):
        running.step()
    objects.forget()
    await objects.apply(services)
    assert names(running, CONFIG_MAP) == ["demo-ledger"]


# Trouble with the API server


async def test_an_api_server_that_is_away_changes_nothing(running: World) -> None:
    running.server.unreachable = True
    for _ in range(3):
        with pytest.raises(OSError, match="no usable answer of the API server"):
            await running.look()
    running.server.unreachable = False
    await running.looks(3)

    assert running.writes == []
    assert running.conditions == HEALTHY
