"""An invalid resource through the real loop: what runs goes on, and the status says why nothing changes."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from tests.unit.changing_world import ChangingWorld
from tests.unit.observations import resource
from tests.unit.reconciled_world import open_world

from anomalyjob_operator.spec import FieldError, Metadata

pytestmark = pytest.mark.asyncio


ERRORS = (FieldError("spec.taskManager.slots", "must be at least 1, found 0"),)
METADATA = Metadata(name="demo")


@pytest_asyncio.fixture
async def world() -> AsyncIterator[ChangingWorld]:
    async with open_world(ChangingWorld) as made:
        yield made


async def test_an_invalid_spec_leaves_the_last_valid_one_running_and_says_why(world: ChangingWorld) -> None:
    await world.run()
    for _ in range(3):
        world.now += timedelta(seconds=1)
        await world.reconciler.reconcile_invalid(ERRORS, METADATA, generation=2)

    stalled = {condition["type"]: condition for condition in world.status["conditions"]}["Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "ValidationError")
    assert "spec.taskManager.slots: must be at least 1, found 0" in stalled["message"]
    assert world.status["observedGeneration"] == 2
    assert world.status["phase"] == "Running"
    assert world.reasons.count("ValidationError") == 1
    assert len(world.backend.workloads) == 4


async def test_a_change_that_has_begun_is_finished_under_an_invalid_spec(world: ChangingWorld) -> None:
    await world.run()
    world.job = resource(detection={"maxCount": 4})
    await world.passes(2)

    for _ in range(5):
        world.serve()
        world.now += timedelta(seconds=1)
        await world.reconciler.reconcile_invalid(ERRORS, METADATA, generation=3)

    assert world.backend.max_counts == [3, 4]


async def test_a_resource_that_was_never_valid_has_a_status_and_nothing_else(world: ChangingWorld) -> None:
    for _ in range(3):
        world.now += timedelta(seconds=1)
        assert await world.reconciler.reconcile_invalid(ERRORS, METADATA, generation=1) is None

    assert world.status["phase"] == "Failed"
    assert world.backend.workloads == {}
    assert world.backend.writes == ["status", "emit"]
