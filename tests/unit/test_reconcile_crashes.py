"""The operator dies anywhere in a pass, and the next one goes on: nothing is started twice."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.unit.memory_backend import CRASH_POINTS, Moment
from tests.unit.reconciled_world import World, open_world, settle

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with open_world(World) as made:
        yield made


def outcome(world: World) -> dict[str, object]:
    """What must be the same wherever the operator died."""
    return {
        "restarts": world.ledger.restart_counter,
        "jobmanagers": len(world.backend.jobmanagers),
        "phase": world.status["phase"],
        "floor": world.ledger.floor,
        "totals": world.ledger.totals,
        "in a row": world.ledger.unproductive_in_a_row,
        "recoveries": world.status["recoveries"],
        "conditions": [(condition["type"], condition["status"]) for condition in world.status["conditions"]],
    }


async def scenario(world: World, crash_at: Moment | None) -> None:
    """A job runs, completes a checkpoint, fails, and is started again; the crash comes around its restart."""
    await world.passes(3)
    world.complete_checkpoint(1)
    await world.reconcile()
    world.fail_job()
    await settle(world, crash_at, passes=12, seconds=5)


@pytest.mark.parametrize("crash_at", CRASH_POINTS, ids=" ".join)
async def test_wherever_the_operator_dies_the_job_is_restarted_exactly_once(world: World, crash_at: Moment) -> None:
    await scenario(world, crash_at)

    assert world.backend.crash_at is None, "the crash never came"
    assert outcome(world) == {
        "restarts": 1,
        "jobmanagers": 2,
        "phase": "Running",
        "floor": world.ledger.floor,
        "totals": world.ledger.totals,
        "in a row": 0,
        "recoveries": 1,
        "conditions": [
            ("Ready", "True"),
            ("Reconciling", "False"),
            ("Stalled", "False"),
            ("CheckpointingHealthy", "True"),
            ("StateSafe", "True"),
        ],
    }
    assert world.ledger.totals.completed == 1
    assert world.reasons.count("RestartUnhealthyJob") <= 1
    assert world.reasons.count("Recovered") <= 1


@pytest.mark.parametrize("crash_at", CRASH_POINTS, ids=" ".join)
async def test_wherever_the_operator_dies_on_the_first_pass_one_cluster_is_started(
    world: World, crash_at: Moment
) -> None:
    await settle(world, crash_at, passes=12, seconds=5)

    assert len(world.backend.jobmanagers) == 1
    assert world.status["phase"] == "Running"
