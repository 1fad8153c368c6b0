"""The poller: everything in one pass, each within its bound, and nothing guessed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.unit.fake_flink import FakeFlink
from tests.unit.memory_backend import MemoryBackend
from tests.unit.observations import JOB_ID, T0, jobmanager, resource, start, taskmanager
from typing_extensions import override

from anomalyjob_operator import observe as observe_module
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observe import observe
from anomalyjob_operator.observed import StartObservation, WorkloadObservation

pytestmark = pytest.mark.asyncio


class Refusing(MemoryBackend):
    """A back end whose workloads cannot be seen."""

    @override
    async def observe_workloads(self) -> tuple[WorkloadObservation, ...]:
        """Fail as a broken API server does."""
        raise ConnectionError("the API server is gone")


class Hanging(MemoryBackend):
    """A back end that never answers."""

    @override
    async def observe_workloads(self) -> tuple[WorkloadObservation, ...]:
        """Hang until cancelled."""
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeFlink]:
    async with FakeFlink(JOB_ID) as running:
        yield running


def backend_of(fake: FakeFlink) -> MemoryBackend:
    backend = MemoryBackend(fake.url, lambda: T0)
    backend.workloads = {workload.name: workload for workload in (taskmanager(2), jobmanager(), taskmanager(1))}
    backend.start = start(4)
    return backend


async def test_all_that_can_be_seen_is_seen(fake: FakeFlink) -> None:
    observed = await observe(resource(), Ledger(), backend_of(fake))

    assert observed.jobmanager == jobmanager()
    assert observed.taskmanagers == (taskmanager(2), taskmanager(1))
    assert observed.flink is not None
    assert observed.flink.tasks_running == 12
    assert observed.start == start(4)
    assert observed.volume_free_ratio == 0.5


async def test_where_the_volume_cannot_be_seen_flink_tells_the_start(fake: FakeFlink) -> None:
    backend = backend_of(fake)
    backend.start = None

    observed = await observe(resource(), Ledger(), backend)

    assert observed.start is not None
    assert (observed.start.start, observed.start.chosen_checkpoint_id) == (2, 3)


async def test_where_the_volume_cannot_be_seen_flink_tells_how_full_it_is(fake: FakeFlink) -> None:
    backend = backend_of(fake)
    backend.free = None

    assert (await observe(resource(), Ledger(), backend)).volume_free_ratio == pytest.approx(0.235)

    await fake.set_fault("down")
    assert (await observe(resource(), Ledger(), backend)).volume_free_ratio is None


async def test_a_full_volume_is_no_unseen_one(fake: FakeFlink) -> None:
    backend = backend_of(fake)
    backend.free = 0.0

    assert (await observe(resource(), Ledger(), backend)).volume_free_ratio == 0.0
    assert not [path for path in fake.requests if "metrics" in path]


async def test_before_the_workloads_are_known_flink_is_not_asked(fake: FakeFlink) -> None:
    backend = backend_of(fake)
    backend._rest_url = None  # type: ignore[assignment]

    assert (await observe(resource(), Ledger(), backend)).flink is None
    assert fake.requests == []


async def test_the_job_of_the_ledgers_incarnation_is_asked_for(fake: FakeFlink) -> None:
    observed = await observe(resource(), Ledger(incarnation=2), backend_of(fake))

    assert observed.flink is not None
    assert observed.flink.job_state is None


@pytest.mark.parametrize("fault", ["down", "error", "garbage"])
async def test_without_flink_the_rest_is_seen_all_the_same(fake: FakeFlink, fault: str) -> None:
    await fake.set_fault(fault)  # type: ignore[arg-type]

    observed = await observe(resource(), Ledger(), backend_of(fake))

    assert observed.flink is None
    assert observed.jobmanager == jobmanager()


async def test_what_the_back_end_raises_is_raised_as_it_is(fake: FakeFlink) -> None:
    with pytest.raises(ConnectionError, match="the API server is gone"):
        await observe(resource(), Ledger(), Refusing(fake.url, lambda: T0))


async def test_a_back_end_that_hangs_is_given_up(fake: FakeFlink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe_module, "BACKEND_TIMEOUT_SECONDS", 0.1)

    with pytest.raises(TimeoutError):
        await observe(resource(), Ledger(), Hanging(fake.url, lambda: T0))


async def test_a_part_that_fails_late_leaves_the_task_as_it_was(fake: FakeFlink) -> None:
    class Late(MemoryBackend):
        @override
        async def observe_start(self) -> StartObservation | None:
            """Fail while everything else is waited for."""
            await asyncio.sleep(0.05)
            raise ConnectionError("the API server is gone")

    await fake.set_fault("hangs")
    backend = Late(fake.url, lambda: T0)
    backend.workloads = {"demo-jobmanager": jobmanager()}
    with pytest.raises(ConnectionError):
        await observe(resource(), Ledger(), backend)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
