"""One job, the real loop, a fake Flink and a back end in memory: the world in which passes are tested."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tests.unit.fake_flink import FakeFlink, recorded
from tests.unit.memory_backend import MemoryBackend, Moment, OperatorDiedError
from tests.unit.observations import JOB_ID, T0, resource

from anomalyjob.timestamps import to_epoch_milliseconds
from anomalyjob_operator.decide import Plan
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.reconcile import Reconciler

W = TypeVar("W", bound="World")


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


@asynccontextmanager
async def open_world(kind: type[W]) -> AsyncIterator[W]:
    """Open a world with a fake Flink of its own."""
    async with FakeFlink(JOB_ID) as fake:
        made: list[W] = []
        backend = MemoryBackend(fake.url, lambda: made[0].now if made else T0)
        made.append(kind(fake=fake, backend=backend))
        yield made[0]


async def settle(world: World, crash_at: Moment | None, *, passes: int, seconds: float) -> None:
    """Passes with one crash; a new operator takes over each time one died."""
    world.backend.crash_at = crash_at
    for _ in range(passes):
        try:
            await world.reconcile(seconds)
        except OperatorDiedError:
            world.restart_operator()
