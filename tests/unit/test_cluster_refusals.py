"""The real operator's passes on a fake cluster: what the API server refuses, and what is wrong with the resource."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.unit.cluster_world import (
    HEALTHY,
    World,
    a_job_that_runs,
    names,
    open_world,
    open_world_after,
    stalled,
    workload_configurations,
)
from tests.unit.fake_objects import RefusedError

from anomalyjob_operator.cluster.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    SERVICE,
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


# What is refused


QUOTA = RefusedError(403, "deployments.apps is forbidden: exceeded quota: compute")
CANNOT_GROW = RefusedError(403, "only dynamically provisioned pvc can be resized")


async def test_what_the_api_server_refuses_stands_in_the_status_until_it_is_accepted(world: World) -> None:
    world.server.refusals["patch", "Deployment"] = QUOTA
    world.submit()
    await world.looks(4)

    status, reason, message = stalled(world)
    assert (status, reason) == ("True", "ObjectRefused")
    assert "exceeded quota: compute" in message
    assert world.reasons.count("ObjectRefused") == 1
    assert "demo-rest" in names(world, SERVICE), "what is not refused is there"

    world.server.refusals.clear()
    await world.looks(5)
    assert stalled(world)[0] == "False"
    assert world.status["phase"] == "Running"


async def test_a_claim_that_cannot_grow_does_not_keep_a_job_from_being_suspended(running: World) -> None:
    running.server.refusals["patch", "PersistentVolumeClaim"] = CANNOT_GROW
    running.edit_spec(lambda spec: spec.update(checkpointing={"storage": {"persistentVolumeClaim": {"size": "2Gi"}}}))
    await running.looks(3)
    assert stalled(running)[1] == "ObjectRefused"

    running.edit_spec(lambda spec: spec.update(job={"state": "suspended"}))
    await running.looks(8)

    assert running.status["phase"] == "Suspended"
    assert running.store.all(POD) == []


async def test_a_deployment_of_which_no_pod_can_be_made_stands_in_the_status(running: World) -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "violates PodSecurity"}
    running.store.edit(
        DEPLOYMENT, "default", "demo-taskmanager-1", lambda live: live.update(status={"conditions": [failure]})
    )
    await running.looks(3, seconds=16)

    assert stalled(running)[:2] == ("True", "FailedCreate")
    assert "Deployment demo-taskmanager-1: violates PodSecurity" in stalled(running)[2]


async def test_a_configuration_that_was_replaced_by_another_is_put_right(running: World) -> None:
    name = workload_configurations(running)[0]
    before = running.store.get(CONFIG_MAP, "default", name)
    running.store.edit(CONFIG_MAP, "default", name, lambda live: live.update(data={"job.json": "{}"}))
    await running.looks(2, seconds=16)

    assert running.store.get(CONFIG_MAP, "default", name)["data"] == before["data"]


async def test_an_invalid_edit_changes_nothing_and_is_told(running: World) -> None:
    before = {item["metadata"]["name"]: item["spec"] for item in running.store.all(DEPLOYMENT)}
    running.edit_spec(lambda spec: spec.update(detection={"maxCount": -1}))
    await running.looks(3)

    assert "detection.maxCount" in stalled(running)[2]
    assert stalled(running)[:2] == ("True", "ValidationError")
    assert {item["metadata"]["name"]: item["spec"] for item in running.store.all(DEPLOYMENT)} == before
    running.edit_spec(lambda spec: spec.pop("detection"))
    await running.looks(2)
    assert running.conditions == HEALTHY


async def test_of_a_resource_that_was_never_valid_nothing_is_made(world: World) -> None:
    world.submit(detection={"maxCount": -1})
    await world.looks(2)

    assert {write.kind for write in world.writes} == {"AnomalyJob/status", "Event"}
    assert world.status["phase"] == "Failed"


async def test_what_was_kept_back_is_recorded_when_the_operator_stops(running: World) -> None:
    await running.look()
    running.flink.complete_checkpoint()
    await running.look()
    kept_back = running.ledger.floor
    assert kept_back is not None
    assert kept_back.checkpoint_id == 1

    await running.jobs.flush()

    assert running.ledger.floor is not None
    assert running.ledger.floor.checkpoint_id == 2


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
