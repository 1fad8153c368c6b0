"""Changes through the real loop: stop, nothing left, start with the new spec, wherever the operator dies meanwhile."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from tests.unit.fake_flink import FakeFlink, recorded
from tests.unit.memory_backend import CRASH_POINTS, MemoryBackend, Moment, OperatorDiedError
from tests.unit.observations import JOB_ID, T0, resource
from tests.unit.test_reconcile import World
from typing_extensions import override

from anomalyjob.timestamps import to_epoch_milliseconds
from anomalyjob.volume_layout import job_id
from anomalyjob_operator.decide import Plan
from anomalyjob_operator.spec import FieldError, Metadata

pytestmark = pytest.mark.asyncio


class ChangingWorld(World):
    """A world whose Flink takes the checkpoints and savepoints that it is asked for, unless told to refuse."""

    newest = 0
    refuses_savepoints = False

    @override
    async def reconcile(self, seconds: float = 1.0) -> Plan:
        """Flink does what it was asked for; then time passes, and one pass is made."""
        self.serve()
        return await super().reconcile(seconds)

    @override
    def new_job(self) -> None:
        """A job of the incarnation that was deployed."""
        super().new_job()
        assert self.fake.job is not None
        self.fake.job["jid"] = job_id("default", "demo", self.backend.incarnation)
        self.fake.checkpoints["latest"]["savepoint"] = None
        self.fake.fates.clear()
        self.fake.asked.clear()

    def serve(self) -> None:
        """Answer every request that nobody has answered yet."""
        for path, body in self.fake.asked:
            fate = self.fake.fates[body["triggerId"]]
            if fate["status"]["id"] == "COMPLETED":
                continue
            fate |= {"status": {"id": "COMPLETED"}, "operation": self._operation(path, body)}
            self.fake.fates[body["triggerId"]] = fate

    def _operation(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        kind = path.rsplit("/", maxsplit=1)[-1]
        if kind == "checkpoints":
            self.complete_next()
            return {"checkpointId": self.newest}
        if self.refuses_savepoints:
            return {"failure-cause": {"class": "X", "stack-trace": "X: no space"}}
        self.newest += 1
        location = f"{body.get('targetDirectory') or body['target-directory']}/savepoint-{self.newest}"
        if kind == "stop":
            self._finish(location)
        return {"location": location}

    def complete_next(self) -> None:
        """One more checkpoint."""
        self.newest += 1
        self.complete_checkpoint(self.newest)

    def _finish(self, location: str) -> None:
        assert self.fake.job is not None
        self.fake.job |= {"state": "FINISHED", "last-modification": to_epoch_milliseconds(self.now)}
        self.fake.job["tasks"] |= {"running": 0}
        newest = recorded("checkpoints")["latest"]["completed"]
        savepoint = {"is_savepoint": True, "id": self.newest, "external_path": location}
        self.fake.checkpoints["latest"]["savepoint"] = newest | savepoint

    async def run(self) -> None:
        """All tasks run and two checkpoints are complete: the spec is proven."""
        await self.passes(3)
        for _ in range(2):
            self.complete_next()
            await self.reconcile(10)

    @property
    def asked(self) -> list[str]:
        """What this JobManager was asked for."""
        return [path.rsplit("/", maxsplit=1)[-1] for path, _ in self.fake.asked]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[ChangingWorld]:
    async with FakeFlink(JOB_ID) as fake:
        made: list[ChangingWorld] = []
        backend = MemoryBackend(fake.url, lambda: made[0].now if made else T0)
        made.append(ChangingWorld(fake=fake, backend=backend))
        yield made[0]


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


async def settle(world: ChangingWorld, crash_at: Moment | None) -> None:
    """Passes with one crash; a new operator takes over each time one died."""
    world.backend.crash_at = crash_at
    for _ in range(20):
        try:
            await world.reconcile(2)
        except OperatorDiedError:
            world.restart_operator()


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

    await settle(world, crash_at)

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

    await settle(world, crash_at)

    assert world.status["phase"] == "Running"
    assert world.backend.sinks == ["log", "files"]
    assert world.ledger.incarnation == 1


ERRORS = (FieldError("spec.taskManager.slots", "must be at least 1, found 0"),)
METADATA = Metadata(name="demo")


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
