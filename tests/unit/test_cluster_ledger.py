"""The real operator's passes on a fake cluster: what it remembers in ledger, status and events, and what is lost."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.unit.cluster_world import (
    HEALTHY,
    KEY,
    World,
    a_job_that_runs,
    open_world,
    open_world_after,
)

from anomalyjob_operator.cluster.api import ConflictError
from anomalyjob_operator.cluster.backend import DamagedLedgerError
from anomalyjob_operator.cluster.kinds import (
    ANOMALY_JOB,
    CLAIM,
    CONFIG_MAP,
    EVENT,
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

    assert running.conditions["Stalled"] == "True"
    assert "holds no ledger" in running.status["message"]
    told = list(running.writes)
    with pytest.raises(DamagedLedgerError):
        await running.look()

    assert running.writes == told
    assert len(told) == 1
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
