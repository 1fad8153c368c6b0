"""The real loop against a fake Flink and a back end in memory: order, idempotence, the operator's death anywhere."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from tests.unit.fake_flink import FakeFlink, recorded
from tests.unit.memory_backend import CRASH_POINTS, MemoryBackend, Moment, OperatorDiedError
from tests.unit.observations import JOB_ID, T0, resource

from anomalyjob.timestamps import to_epoch_milliseconds
from anomalyjob_operator import reconcile as reconcile_module
from anomalyjob_operator.decide import Plan, start_intent
from anomalyjob_operator.desired.workloads import DesiredState
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.reconcile import Reconciler

pytestmark = pytest.mark.asyncio


@dataclass
class World:
    """One job, its cluster and its operator, with a clock that moves only when told to."""

    fake: FakeFlink
    backend: MemoryBackend
    now: datetime = T0
    job: Any = field(default_factory=resource)
    reconciler: Reconciler = field(init=False)

    def __post_init__(self) -> None:
        """Start the operator."""
        self.fake.job = None
        self.backend.on_new_jobmanager = self.new_job
        self.restart_operator()

    def restart_operator(self) -> None:
        """Start a new operator, which remembers nothing."""
        self.reconciler = Reconciler(self.backend, lambda: self.now)

    async def reconcile(self, seconds: float = 1.0) -> Plan:
        """Let time pass, then make one pass."""
        self.now += timedelta(seconds=seconds)
        return await self.reconciler.reconcile(self.job, generation=1)

    async def passes(self, count: int, seconds: float = 1.0) -> list[Plan]:
        """Several passes."""
        return [await self.reconcile(seconds) for _ in range(count)]

    def new_job(self) -> None:
        """Flink has a job that has just been submitted and runs at once."""
        now = to_epoch_milliseconds(self.now)
        self.fake.job = recorded("jobs_overview")["jobs"][0] | {"jid": JOB_ID, "start-time": now}
        self.fake.job["last-modification"] = now + 1
        self.fake.checkpoints["counts"] |= {"completed": 0, "failed": 0, "total": 0}
        self.fake.checkpoints["latest"]["completed"] = None
        self.fake.checkpoints["history"] = []
        self.fake.exceptions["exceptionHistory"]["entries"] = []

    def new_job_that_fails(self) -> None:
        """Flink has a job that ended as soon as it began."""
        self.new_job()
        self.fail_job()

    def complete_checkpoint(self, number: int) -> None:
        """Let a checkpoint complete now."""
        self.fake.checkpoints["counts"]["completed"] += 1
        self.fake.checkpoints["latest"]["completed"] = {
            "id": number,
            "status": "COMPLETED",
            "is_savepoint": False,
            "trigger_timestamp": to_epoch_milliseconds(self.now) - 60,
            "latest_ack_timestamp": to_epoch_milliseconds(self.now),
            "state_size": 14_000,
            "end_to_end_duration": 60,
            "external_path": f"file:/volume/default.demo/checkpoints/1/chk-{number}",
        }

    def fail_job(self) -> None:
        """Let the job end."""
        assert self.fake.job is not None
        self.fake.job |= {"state": "FAILED", "last-modification": to_epoch_milliseconds(self.now)}
        self.fake.job["tasks"] |= {"running": 0}

    @property
    def ledger(self) -> Ledger:
        """What is on record."""
        assert self.backend.ledger_text is not None
        return Ledger.parse(json.loads(self.backend.ledger_text))

    @property
    def status(self) -> dict[str, Any]:
        """What was published last."""
        assert self.backend.status_text is not None
        document: dict[str, Any] = json.loads(self.backend.status_text)
        return document

    @property
    def reasons(self) -> list[str]:
        """The reasons of all events that were told."""
        return [event.reason for event in self.backend.events]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with FakeFlink(JOB_ID) as fake:
        made: list[World] = []
        backend = MemoryBackend(fake.url, lambda: made[0].now if made else T0)
        made.append(World(fake=fake, backend=backend))
        yield made[0]


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


async def settle(world: World, crash_at: Moment | None) -> None:
    """Passes with one crash; a new operator takes over each time one died."""
    world.backend.crash_at = crash_at
    for _ in range(12):
        try:
            await world.reconcile(5)
        except OperatorDiedError:
            world.restart_operator()


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
    await settle(world, crash_at)


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
    await settle(world, crash_at)

    assert len(world.backend.jobmanagers) == 1
    assert world.status["phase"] == "Running"


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
