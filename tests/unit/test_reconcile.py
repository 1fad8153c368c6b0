"""The real loop against a fake Flink and a back end in memory: order, idempotence, what fails meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from tests.unit.observations import resource
from tests.unit.reconciled_world import World, open_world

from anomalyjob.timestamps import to_epoch_milliseconds
from anomalyjob_operator import reconcile as reconcile_module
from anomalyjob_operator.decide import start_intent
from anomalyjob_operator.desired.workloads import DesiredState
from anomalyjob_operator.reconcile import Reconciler

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with open_world(World) as made:
        yield made


async def test_the_first_pass_records_before_it_starts_anything_and_tells_afterwards(world: World) -> None:
    plan = await world.reconcile()

    assert plan.phase == "Pending"
    assert world.backend.writes == ["ledger", "apply", "status"]
    assert len(world.backend.workloads) == 4


async def test_a_healthy_job_becomes_ready(world: World) -> None:
    await world.passes(3)
    world.complete_checkpoint(1)
    await world.reconcile()

    assert world.status["phase"] == "Running"
    assert world.status["observedGeneration"] == 1
    assert [condition["status"] for condition in world.status["conditions"]] == [
        "True",
        "False",
        "False",
        "True",
        "True",
    ]
    assert world.ledger.floor is not None
    assert world.ledger.floor.checkpoint_id == 1


async def test_a_quiet_pass_writes_nothing(world: World) -> None:
    await world.passes(3)
    world.complete_checkpoint(1)
    await world.passes(3)
    world.backend.writes.clear()

    await world.passes(20)

    assert set(world.backend.writes) == {"apply"}
    assert len(world.backend.jobmanagers) == 1


async def test_checkpoints_are_recorded_and_published_every_thirty_seconds(world: World) -> None:
    await world.passes(3)
    for number in (1, 2):
        world.complete_checkpoint(number)
        await world.reconcile()
    world.backend.writes.clear()

    for number in range(3, 12):
        world.complete_checkpoint(number)
        await world.reconcile(10)

    assert world.status["lastCheckpoint"]["id"] == 11
    assert world.ledger.floor is not None
    assert world.ledger.floor.checkpoint_id == 11
    assert world.backend.writes.count("ledger") == 3
    assert world.backend.writes.count("status") == 3


async def test_where_writing_costs_nothing_checkpoints_are_published_at_once(world: World) -> None:
    world.reconciler = Reconciler(world.backend, lambda: world.now, quiet_writes=timedelta())
    await world.passes(3)

    for number in range(1, 5):
        world.complete_checkpoint(number)
        await world.reconcile(2)
        assert world.status["lastCheckpoint"]["id"] == number


async def test_a_timeout_of_rest_does_not_forget_checkpoints_that_are_not_yet_recorded(world: World) -> None:
    world.job = resource(checkpointing={"interval": "2s", "timeout": "5s"})
    await world.passes(3)
    for number in range(1, 10):
        world.complete_checkpoint(number)
        await world.reconcile(2)
    await world.fake.set_fault("error")
    await world.reconcile(2)

    assert world.ledger.floor is not None
    assert world.ledger.floor.checkpoint_id == 1
    assert world.status["lastCheckpoint"]["id"] == 9
    assert world.status["conditions"][0]["status"] == "True"


async def test_what_was_kept_back_is_written_when_asked_for(world: World) -> None:
    await world.passes(3)
    world.complete_checkpoint(1)
    await world.reconcile()
    world.complete_checkpoint(2)
    await world.reconcile()
    assert world.ledger.floor is not None
    assert world.ledger.floor.checkpoint_id == 1

    await world.reconciler.flush()

    assert world.ledger.floor.checkpoint_id == 2
    world.backend.writes.clear()
    await world.reconciler.flush()
    assert world.backend.writes == []


async def test_a_ledger_that_somebody_else_wrote_is_believed(world: World) -> None:
    await world.passes(3)
    world.backend.ledger_text = json.dumps(world.ledger.evolve(restart_counter=41).document())

    plan = await world.reconcile()

    assert plan.ledger.restart_counter == 41
    assert len(world.backend.jobmanagers) == 2


async def test_the_restart_counter_reaches_the_jobmanager(world: World) -> None:
    await world.passes(3)
    world.fail_job()
    await world.passes(5)

    assert world.ledger.restart_counter == 1
    assert len(world.backend.jobmanagers) == 2
    assert world.reasons.count("RestartUnhealthyJob") == 1
    assert world.status["phase"] == "Running"
    assert start_intent(world.ledger).restart_counter == 1


async def test_two_starts_that_fail_at_once_are_kept_apart_by_the_backoff(world: World) -> None:
    await world.passes(3)
    world.backend.on_new_jobmanager = world.new_job_that_fails
    world.fail_job()

    plans = await world.passes(40)

    counters = [plan.ledger.restart_counter for plan in plans]
    assert counters == [1] * 6 + [2] * 11 + [3] * 21 + [4] * 2
    assert world.status["restarts"] == 4


async def test_a_job_that_cannot_be_started_still_gets_a_status(world: World) -> None:
    world.backend.broken["apply"] = OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await world.reconcile()

    assert world.status["phase"] == "Pending"
    assert world.ledger.spec is not None
    del world.backend.broken["apply"]
    await world.passes(2)
    assert world.status["phase"] == "Running"


async def test_what_cannot_be_recorded_is_neither_done_nor_told(world: World) -> None:
    await world.passes(3)
    world.backend.writes.clear()
    world.fail_job()
    world.backend.broken["ledger"] = OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await world.reconcile()

    assert world.backend.writes == []
    assert len(world.backend.jobmanagers) == 1
    assert "RestartUnhealthyJob" not in world.reasons
    del world.backend.broken["ledger"]
    await world.passes(2)
    assert len(world.backend.jobmanagers) == 2
    assert world.reasons.count("RestartUnhealthyJob") == 1


async def test_a_status_that_cannot_be_written_loses_no_event(world: World) -> None:
    await world.passes(3)
    world.fail_job()
    world.backend.broken["status"] = OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await world.reconcile()

    assert world.reasons.count("RestartUnhealthyJob") == 1
    del world.backend.broken["status"]
    await world.passes(2)
    assert world.reasons.count("RestartUnhealthyJob") == 1
    assert world.status["restarts"] == 1


async def test_a_back_end_that_hangs_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(desired: DesiredState) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(reconcile_module, "APPLY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(world.backend, "apply", hang)

    with pytest.raises(TimeoutError):
        await world.reconcile()
    assert world.status["phase"] == "Pending"


async def test_a_flink_that_does_not_answer_changes_nothing(world: World) -> None:
    await world.passes(3)
    world.complete_checkpoint(1)
    await world.reconcile()
    before = world.ledger
    await world.fake.set_fault("error")

    await world.passes(30)

    assert world.ledger == before
    assert len(world.backend.jobmanagers) == 1
    assert world.status["phase"] == "Running"


async def test_a_taskmanager_that_dies_is_a_recovery_with_figures(world: World) -> None:
    await world.passes(3)
    world.complete_checkpoint(1)
    await world.reconcile()
    world.backend.kill("demo-taskmanager-2")
    await world.reconcile()
    assert world.fake.job is not None
    world.fake.job["last-modification"] = to_epoch_milliseconds(world.now + timedelta(seconds=9))
    await world.reconcile(10)
    world.now += timedelta(seconds=1)
    world.complete_checkpoint(2)
    await world.reconcile()

    recovery = world.status["lastRecovery"]
    assert recovery["cause"] == "TaskManagerLost"
    assert (recovery["secondsToRunning"], recovery["secondsToSafe"]) == (10.0, 12.0)
    assert world.reasons.count("RecoverDeployment") == 1
