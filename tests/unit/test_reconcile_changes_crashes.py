"""The operator dies anywhere in a change, and the change ends the same."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from tests.unit.changing_world import ChangingWorld
from tests.unit.memory_backend import CRASH_POINTS, Moment
from tests.unit.observations import resource
from tests.unit.reconciled_world import open_world, settle

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world() -> AsyncIterator[ChangingWorld]:
    async with open_world(ChangingWorld) as made:
        yield made


CHANGES: dict[str, Callable[[], Any]] = {
    "another rule": lambda: resource(detection={"maxCount": 4}),
    "another sink": lambda: resource(sink={"files": {}}),
    "stateless": lambda: resource(detection={"maxCount": 4}, job={"upgradeMode": "stateless"}),
    "empty": lambda: resource(job={"restore": {"from": "empty", "nonce": 1}}),
    "suspended": lambda: resource(job={"state": "suspended"}),
    "restarted": lambda: resource(job={"restartNonce": 1}),
}


@pytest.mark.parametrize("crash_at", CRASH_POINTS, ids=" ".join)
@pytest.mark.parametrize("change", CHANGES)
async def test_wherever_the_operator_dies_a_change_ends_the_same(
    world: ChangingWorld, change: str, crash_at: Moment
) -> None:
    await world.run()
    world.job = CHANGES[change]()

    await settle(world, crash_at, passes=20, seconds=2)

    ends = change == "suspended"
    breaks = change in {"stateless", "empty"}
    assert world.backend.crash_at is None, "the crash never came"
    assert world.status["phase"] == ("Suspended" if ends else "Running")
    assert len(world.backend.jobmanagers) == (1 if ends else 2)
    assert world.ledger.incarnation == (2 if breaks else 1)
    assert world.ledger.operation is None
    assert world.ledger.accepted is None
    assert (world.ledger.floor is None) is breaks
    assert world.status["recoveries"] == 0


@pytest.mark.parametrize("passes_before", range(5))
@pytest.mark.parametrize("crash_at", CRASH_POINTS, ids=" ".join)
async def test_wherever_the_operator_dies_in_the_middle_of_a_change_it_ends_the_same(
    world: ChangingWorld, passes_before: int, crash_at: Moment
) -> None:
    await world.run()
    world.job = resource(sink={"files": {}})
    await world.passes(passes_before)

    await settle(world, crash_at, passes=20, seconds=2)

    assert world.status["phase"] == "Running"
    assert world.backend.sinks == ["log", "files"]
    assert world.ledger.incarnation == 1
