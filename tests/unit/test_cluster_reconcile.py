"""The real operator's passes on a fake cluster: a first deployment, quiet passes, and what is put right."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from tests.unit.cluster_world import (
    HEALTHY,
    KEY,
    SETTINGS,
    World,
    a_job_that_runs,
    names,
    open_world,
    open_world_after,
    workload_configurations,
)

from anomalyjob_operator.cluster.kinds import (
    ANOMALY_JOB,
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    RENDERED,
    SERVICE,
    Kind,
    Manifest,
)

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as made:
        yield made


@pytest_asyncio.fixture
async def running() -> AsyncIterator[World]:
    async with open_world_after(a_job_that_runs) as made:
        yield made


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


# The operator is replaced by a newer one


async def test_an_operator_with_another_job_image_takes_a_savepoint_before_it_uses_it(running: World) -> None:
    running.start_operator(replace(SETTINGS, job_image="anomalyjob:next"))

    await running.look()

    operation = running.ledger.operation
    assert operation is not None
    assert (operation.kind, operation.step) == ("Upgrade", "Savepoint")
    assert images_of(running) == {"anomalyjob:dev"}


async def test_a_job_with_an_image_of_its_own_does_not_notice_another_default(world: World) -> None:
    world.submit(image="anomalyjob:mine")
    world.checkpoint_every = timedelta(seconds=10)
    await world.looks(30)
    world.start_operator(replace(SETTINGS, job_image="anomalyjob:next"))

    await world.looks(3)

    assert world.ledger.operation is None
    assert images_of(world) == {"anomalyjob:mine"}


def images_of(world: World) -> set[str]:
    pods = (one["spec"]["template"]["spec"] for one in world.store.all(DEPLOYMENT))
    return {pod["containers"][0]["image"] for pod in pods}
