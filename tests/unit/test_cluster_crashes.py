"""The operator dies before, after, and without the answer of every single write; and every write goes wrong otherwise.

One run without any trouble tells which writes there are. Each of them is then the one at which it happens, in a run of
its own, and the end must be the same: as many starts of the job, none of them forgotten, and the same objects.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
from tests.unit.cluster_world import (
    KEY,
    World,
    a_small_job_that_runs,
    a_small_resource_that_was_just_applied,
    open_world_after,
)
from tests.unit.gate import FAULTS, MOMENTS, Fault, Moment, Write

from anomalyjob_operator.cluster import api as api_module
from anomalyjob_operator.cluster.kinds import ANOMALY_JOB, CONFIG_MAP, POD, RENDERED, Manifest

pytestmark = pytest.mark.asyncio

Story = Callable[[World], Awaitable[None]]
MAXIMUM_LOOKS: Final = 16
SECONDS: Final = 8.0
"""Between two passes; two of them are longer than the time between two comparisons of all objects."""


async def a_job_that_is_suspended(world: World) -> None:
    await a_small_job_that_runs(world)
    set_job(world, state="suspended")
    await world.looks(6, SECONDS)
    assert world.status["phase"] == "Suspended"


def set_job(world: World, **fields: Any) -> None:
    world.edit_spec(lambda spec: spec.update(job=spec.get("job", {}) | fields))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What had happened, what happens then, and how it ends."""

    after: Story
    then: Callable[[World], object]
    phase: str = "Running"
    pods: int = 2
    starts: int = 2


SCENARIOS: Final = {
    "a first deployment": Scenario(after=a_small_resource_that_was_just_applied, then=lambda world: None, starts=1),
    "a failed job's restart": Scenario(after=a_small_job_that_runs, then=lambda world: world.flink.end_job()),
    "a change of the spec": Scenario(
        after=a_small_job_that_runs,
        then=lambda world: world.edit_spec(lambda spec: spec.update(detection={"maxCount": 7})),
    ),
    "a suspension": Scenario(
        after=a_small_job_that_runs,
        then=lambda world: set_job(world, state="suspended"),
        phase="Suspended",
        pods=0,
        starts=1,
    ),
    "a resumption": Scenario(after=a_job_that_is_suspended, then=lambda world: set_job(world, state="running")),
    "a start from nothing": Scenario(
        after=a_small_job_that_runs, then=lambda world: set_job(world, restore={"from": "empty", "nonce": 1})
    ),
    "a second TaskManager": Scenario(
        after=a_small_job_that_runs,
        then=lambda world: world.edit_spec(lambda spec: spec.update(taskManager={"replicas": 2})),
        pods=3,
        starts=1,
    ),
}


MOST_TESTED: Final = ("a first deployment", "a failed job's restart")
DELIBERATE: Final = tuple(name for name in SCENARIOS if name not in MOST_TESTED)


def is_settled(world: World, scenario: Scenario) -> bool:
    """Whether everything has come to its end."""
    configurations = [item for item in world.store.all(CONFIG_MAP) if item["metadata"]["name"] != "demo-ledger"]
    expected = scenario.pods or 2
    resource = world.store.get(ANOMALY_JOB, *KEY)
    return (
        world.status.get("phase") == scenario.phase
        and world.status["observedGeneration"] == resource["metadata"]["generation"]
        and len(world.flink.starts) >= scenario.starts
        and len(world.store.all(POD)) == scenario.pods
        and len(configurations) == expected
        and (scenario.pods == 0 or world.conditions["Ready"] == "True")
    )


async def settle(world: World, scenario: Scenario) -> None:
    """Passes until everything has come to its end."""
    for _ in range(MAXIMUM_LOOKS):
        await world.looks_through_trouble(1, SECONDS)
        if world.flink.fake.job is not None and world.flink.job["state"] == "RUNNING":
            world.flink.complete_checkpoint()
        if world.gate.trouble is None and is_settled(world, scenario):
            return


def outcome(world: World, scenario: Scenario) -> dict[str, Any]:
    """What must be the same whatever happened to the operator."""
    ledger = world.ledger
    return {
        "settled": is_settled(world, scenario),
        "starts": [
            (start.incarnation, start.restart_counter, start.rule, start.spec_hash) for start in world.flink.starts
        ],
        "objects": {
            (kind.name, item["metadata"]["name"]): told(item) for kind in RENDERED for item in world.store.all(kind)
        },
        "conditions": world.conditions,
        "incarnation": ledger.incarnation,
        "restart counter": ledger.restart_counter,
        "restarts": ledger.restarts,
        "deployed": ledger.deployed,
        "operation": ledger.operation,
        "stopped": ledger.stopped,
        "two at once": world.controllers.violations,
    }


def told(item: Manifest) -> Any:
    metadata = item["metadata"]
    content = item.get("spec") if item["metadata"]["name"].endswith("-ledger") else (item.get("spec"), item.get("data"))
    return content, metadata.get("annotations"), metadata["labels"], metadata.get("ownerReferences")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of one run: the end, all writes, and the reasons of all events."""

    end: dict[str, Any]
    writes: list[Write]
    reasons: Counter[str]


@asynccontextmanager
async def runs_of(name: str) -> AsyncIterator[Callable[[tuple[int, Moment | Fault] | None], Awaitable[Run]]]:
    """Runs of a scenario, each from the same beginning, with its trouble."""
    scenario = SCENARIOS[name]
    async with open_world_after(scenario.after) as world:
        saved = world.saved()

        async def run(trouble: tuple[int, Moment | Fault] | None) -> Run:
            world.restore(saved)
            scenario.then(world)
            world.gate.trouble = trouble
            await settle(world, scenario)
            assert world.gate.trouble is None, "the trouble never came"
            # Which states of the job are seen on its way depends on when somebody looks.
            reasons = Counter(reason for reason in world.reasons if reason != "JobStatusChanged")
            return Run(end=outcome(world, scenario), writes=list(world.writes), reasons=reasons)

        yield run


@pytest.mark.parametrize("name", SCENARIOS)
async def test_without_any_trouble_it_ends_well_after(name: str) -> None:
    async with runs_of(name) as run:
        smooth = await run(None)

    assert smooth.end["settled"]
    assert len(smooth.end["starts"]) == SCENARIOS[name].starts
    assert smooth.end["two at once"] == []
    assert str(smooth.writes[0]).endswith("ConfigMap demo-ledger"), "what is intended is recorded first"


def check(name: str, rough: Run, smooth: Run, what: str) -> None:
    """The same end, and nothing told more often."""
    assert rough.end == smooth.end, f"{name}: {what}"
    assert rough.reasons <= smooth.reasons, f"{name}: told more often: {what}"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", MOST_TESTED)
async def test_an_operator_that_dies_at_any_moment_of_any_write_changes_nothing_of_the_end_of(
    name: str, moment: Moment
) -> None:
    async with runs_of(name) as run:
        smooth = await run(None)
        for number, write in enumerate(smooth.writes):
            check(name, await run((number, moment)), smooth, f"{moment} write {number}: {write}")


@pytest.mark.parametrize("name", DELIBERATE)
async def test_an_operator_that_dies_at_any_write_changes_nothing_of_the_end_of(name: str) -> None:
    """One moment a write, in turn: dying before a write is dying after the one before it."""
    async with runs_of(name) as run:
        smooth = await run(None)
        for number, write in enumerate(smooth.writes):
            moment = MOMENTS[number % len(MOMENTS)]
            check(name, await run((number, moment)), smooth, f"{moment} write {number}: {write}")


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("name", MOST_TESTED)
async def test_whatever_goes_wrong_with_any_write_the_operator_gets_over_it_in(
    name: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two faults a write, in turn. The operator lives on, and remembers what it thinks that it has done."""
    monkeypatch.setattr(api_module, "REQUEST_TIMEOUT_SECONDS", 0.2)
    async with runs_of(name) as run:
        smooth = await run(None)
        for number, write in enumerate(smooth.writes):
            fault = FAULTS[(number + first) % len(FAULTS)]
            check(name, await run((number, fault)), smooth, f"{fault}: write {number}: {write}")
