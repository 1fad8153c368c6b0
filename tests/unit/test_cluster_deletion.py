"""The real operator's passes on a fake cluster: what goes, what stays, and what a resource made anew takes over."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.unit.cluster_world import (
    KEY,
    World,
    a_job_that_runs,
    names,
    open_world_after,
    workload_configurations,
)

from anomalyjob_operator.cluster.kinds import (
    ANOMALY_JOB,
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    POD,
    RENDERED,
    SERVICE,
)
from anomalyjob_operator.cluster.objects import Objects

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def running() -> AsyncIterator[World]:
    async with open_world_after(a_job_that_runs) as made:
        yield made


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
