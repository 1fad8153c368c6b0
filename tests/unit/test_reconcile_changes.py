"""Changes through the real loop: stop, nothing left, start with the new spec."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.unit.changing_world import ChangingWorld
from tests.unit.observations import resource
from tests.unit.reconciled_world import open_world

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world() -> AsyncIterator[ChangingWorld]:
    async with open_world(ChangingWorld) as made:
        yield made


async def test_a_changed_rule_is_brought_in_by_checkpoint_stop_and_start(world: ChangingWorld) -> None:
    await world.run()
    world.job = resource(detection={"maxCount": 4})

    plans = await world.passes(5)

    assert [plan.phase for plan in plans] == ["Upgrading", "Upgrading", "Deploying", "Running", "Running"]
    assert world.backend.events[-1].reason == "JobStatusChanged"
    assert world.backend.max_counts == [3, 4]
    assert world.ledger.floor is not None
    assert world.ledger.floor.checkpoint_id == 3
    assert world.reasons.count("SpecChanged") == 1
    assert world.status["recoveries"] == 0
    assert "RecoverDeployment" not in world.reasons


async def test_nothing_of_the_new_spec_starts_before_everything_of_the_old_one_is_gone(world: ChangingWorld) -> None:
    await world.run()
    world.backend.lingering = {"demo-jobmanager"}
    world.job = resource(detection={"maxCount": 4})

    plans = await world.passes(20)

    assert plans[-1].phase == "Upgrading"
    assert "demo-jobmanager" in plans[-1].message
    assert world.backend.max_counts == [3]
    world.backend.lingering = set()
    await world.passes(3)
    assert world.backend.max_counts == [3, 4]


async def test_what_concerns_taskmanagers_alone_stops_nothing(world: ChangingWorld) -> None:
    await world.run()
    world.job = resource(taskManager={"replicas": 4})

    await world.passes(3)

    assert len(world.backend.workloads) == 5
    assert len(world.backend.jobmanagers) == 1
    assert "SpecChanged" not in world.reasons


async def test_who_is_told_of_what_happens_changes_nothing_that_runs(world: ChangingWorld) -> None:
    await world.run()
    started, told = list(world.backend.started), list(world.reasons)
    world.job = resource(notifications={"webhook": "on-call", "events": ["Recovered"], "alerts": True})

    await world.passes(3)

    assert world.backend.started == started
    assert world.reasons == told
    assert world.ledger.deployed is not None
    assert world.ledger.deployed["notifications"]["webhook"] == "on-call"


async def test_another_sink_is_brought_in_by_a_savepoint_even_in_last_state_mode(world: ChangingWorld) -> None:
    await world.run()
    world.job = resource(sink={"files": {}})
    await world.reconcile()
    assert world.asked == ["stop"]

    await world.passes(5)

    assert world.ledger.floor is not None
    assert world.ledger.floor.is_savepoint
    assert "/default.demo/stop/1/" in world.ledger.floor.path
    assert world.status["phase"] == "Running"
    assert len(world.backend.jobmanagers) == 2
    assert "JobFinished" not in world.reasons


async def test_a_change_that_needs_a_savepoint_waits_while_none_can_be_taken(world: ChangingWorld) -> None:
    await world.run()
    world.refuses_savepoints = True
    world.job = resource(sink={"files": {}})

    plans = await world.passes(20)

    assert world.reasons.count("SavepointError") >= 2
    assert world.reasons.count("SpecChanged") == 1
    assert len(world.backend.jobmanagers) == 1
    stalled = {condition["type"]: condition for condition in world.status["conditions"]}["Stalled"]
    assert plans[-1].phase in {"Running", "Upgrading"}
    assert (stalled["status"], stalled["reason"]) == ("True", "NeedsSavepoint")
    world.refuses_savepoints = False
    await world.passes(40)
    assert world.backend.sinks == ["log", "files"]
    assert world.status["phase"] == "Running"


async def test_a_change_that_needs_a_savepoint_waits_for_an_unhealthy_job(world: ChangingWorld) -> None:
    await world.run()
    assert world.fake.job is not None
    world.fake.job["tasks"] |= {"running": 3}
    world.job = resource(sink={"files": {}})

    plan = (await world.passes(3))[-1]

    assert plan.ledger.operation is None
    assert world.reasons.count("NeedsSavepoint") == 1
    world.job = resource(sink={"files": {}}, job={"upgradeMode": "stateless"})
    await world.passes(4)
    assert world.ledger.incarnation == 2
    assert len(world.backend.jobmanagers) == 2


async def test_a_failed_savepoint_that_was_only_wished_for_gives_way_to_a_checkpoint(world: ChangingWorld) -> None:
    await world.run()
    world.refuses_savepoints = True
    world.job = resource(detection={"maxCount": 4}, job={"upgradeMode": "savepoint"})

    await world.passes(8)

    assert world.reasons.count("SavepointError") == 1
    assert world.backend.max_counts == [3, 4]


async def test_a_stateless_change_begins_a_new_incarnation_with_nothing(world: ChangingWorld) -> None:
    await world.run()
    world.job = resource(detection={"maxCount": 4}, job={"upgradeMode": "stateless"})

    await world.passes(5)

    assert world.asked == []
    assert (world.ledger.incarnation, world.ledger.rule, world.ledger.floor) == (2, "empty", None)
    assert world.status["job"]["incarnation"] == 2
    assert world.status["phase"] == "Running"


async def test_a_suspended_job_has_no_process_and_its_state_and_goes_on(world: ChangingWorld) -> None:
    await world.run()
    world.job = resource(job={"state": "suspended"})
    await world.passes(5)

    assert world.backend.workloads == {}
    assert world.status["phase"] == "Suspended"
    assert world.reasons.count("Suspended") == 1
    assert [condition["status"] for condition in world.status["conditions"][:3]] == ["False", "False", "False"]
    world.backend.writes.clear()
    await world.passes(20, 60)
    assert set(world.backend.writes) <= {"apply", "status"}

    world.job = resource()
    await world.passes(3)
    assert world.status["phase"] == "Running"
    assert world.ledger.incarnation == 1
    assert len(world.backend.jobmanagers) == 2


async def test_a_sink_that_was_changed_while_suspended_takes_its_savepoint_from_the_old_spec(
    world: ChangingWorld,
) -> None:
    await world.run()
    world.job = resource(job={"state": "suspended"})
    await world.passes(5)
    world.job = resource(sink={"files": {}})

    await world.passes(10)

    assert world.backend.sinks == ["log", "log", "files"]
    assert world.status["phase"] == "Running"


async def test_a_job_suspended_with_a_savepoint_takes_any_change(world: ChangingWorld) -> None:
    await world.run()
    world.job = resource(job={"state": "suspended", "upgradeMode": "savepoint"})
    await world.passes(6)
    world.job = resource(sink={"files": {}})

    await world.passes(10)

    assert world.backend.sinks == ["log", "files"]


async def test_a_restart_nonce_restarts_once(world: ChangingWorld) -> None:
    world.job = resource(job={"restartNonce": 7})
    await world.run()
    assert len(world.backend.jobmanagers) == 1
    world.job = resource(job={"restartNonce": 8})

    await world.passes(20)

    assert len(world.backend.jobmanagers) == 2
    world.job = resource()
    await world.passes(5)
    assert len(world.backend.jobmanagers) == 2


@pytest.mark.parametrize(
    "start, rule, path", [("empty", "empty", None), ("/volume/other/savepoint-1", "path", "/volume/other/savepoint-1")]
)
async def test_a_restore_begins_a_new_incarnation_once(
    world: ChangingWorld, start: str, rule: str, path: str | None
) -> None:
    await world.run()
    world.job = resource(job={"restore": {"from": start, "nonce": 3}})

    await world.passes(30)

    assert (world.ledger.incarnation, world.ledger.rule, world.ledger.rule_path) == (2, rule, path)
    assert world.ledger.restore_nonce == 3
    assert len(world.backend.jobmanagers) == 2
    assert json.loads(world.backend.start_document)["rule"] == (
        {"from": rule} if path is None else {"from": rule, "path": path}
    )


async def test_a_users_savepoint_is_taken_once_and_stops_nothing(world: ChangingWorld) -> None:
    await world.run()
    world.job = resource(job={"savepointTriggerNonce": 5})

    await world.passes(10)

    assert world.asked == ["savepoints"]
    assert [savepoint["nonce"] for savepoint in world.status["savepoints"]] == [5]
    assert "/default.demo/savepoints/" in world.status["savepoints"][0]["path"]
    assert world.ledger.floor is not None
    assert not world.ledger.floor.is_savepoint
    assert len(world.backend.jobmanagers) == 1


async def test_a_change_that_is_taken_back_before_the_stop_stops_nothing(world: ChangingWorld) -> None:
    await world.run()
    world.job = resource(detection={"maxCount": 4})
    await world.reconcile()
    world.job = resource()

    await world.passes(5)

    assert len(world.backend.jobmanagers) == 1
    assert world.status["phase"] == "Running"


async def test_a_job_that_does_not_run_is_stopped_without_a_checkpoint(world: ChangingWorld) -> None:
    await world.run()
    world.fail_job()
    world.job = resource(detection={"maxCount": 4})

    await world.passes(4)

    assert world.backend.max_counts == [3, 4]
    assert world.ledger.floor is not None
    assert world.ledger.floor.checkpoint_id == 2


async def test_a_silent_rest_endpoint_holds_a_change_up_no_longer_than_a_checkpoint_may_take(
    world: ChangingWorld,
) -> None:
    await world.run()
    await world.fake.set_fault("error")
    world.job = resource(detection={"maxCount": 4}, checkpointing={"timeout": "30s"})

    await world.passes(20, 5)

    assert world.backend.max_counts == [3, 4]


async def test_after_a_spec_that_gets_nowhere_the_next_one_is_taken_at_once(world: ChangingWorld) -> None:
    await world.run()
    world.backend.on_new_jobmanager = lambda: None
    world.fake.job = None
    world.job = resource(detection={"maxCount": 4})
    await world.passes(5)
    world.fake.job = None
    await world.reconcile(601)

    assert world.status["phase"] == "Failed"
    assert world.status["lastGood"]["spec"]["detection"]["maxCount"] == 3
    assert "checkpoint 2" in world.status["message"]
    world.backend.on_new_jobmanager = world.new_job
    world.job = resource()
    await world.passes(5)
    assert world.status["phase"] == "Running"
    assert world.backend.max_counts == [3, 4, 3]
