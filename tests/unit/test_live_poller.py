"""The poller of a job: it outlives whatever Flink does, and believes nobody who is dead."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from tests.unit.live_flink import RecordedFlink
from tests.unit.live_readers import BOUND_SECONDS, read_until
from tests.unit.test_live_job import has_tasks, report, running_feed

from anomalyjob_operator.live import poller as poller_module
from anomalyjob_operator.live.poller import WATCHED_SECONDS, Poller
from anomalyjob_operator.reconcile import utc_now

if TYPE_CHECKING:
    from tests.unit.fake_flink import Fault

pytestmark = pytest.mark.asyncio


async def test_the_poller_outlives_refusals_and_silence_in_any_order() -> None:
    faults: list[Fault] = ["down", "hangs", "garbage", "hangs", "down"]
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        with feed.subscribe() as subscription:
            for fault in faults:
                await flink.set_fault(fault)
                await read_until(subscription, "overview", lambda one: not one["flink"]["answering"])
            for _ in range(3):
                await read_until(subscription, "overview", lambda one: not one["flink"]["answering"])
            await flink.set_fault("none")
            await read_until(subscription, "overview", lambda one: one["flink"]["answering"])


async def test_details_that_come_late_do_not_make_flink_silent_and_keep_their_time() -> None:
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        with feed.subscribe() as subscription:
            before = await read_until(subscription, "overview", has_tasks)
            flink.hanging.add("/metrics")
            after = await read_until(
                subscription, "overview", lambda one: one["flink"]["observedAt"] > one["pipeline"]["observedAt"]
            )
            flink.hanging.clear()
            await read_until(
                subscription, "overview", lambda one: one["pipeline"]["observedAt"] > after["flink"]["observedAt"]
            )

    assert after["flink"]["answering"] is True
    assert after["pipeline"]["observedAt"] >= before["pipeline"]["observedAt"]
    assert len(after["pipeline"]["vertices"]) == 4


async def test_an_answer_that_comes_after_the_jobmanagers_death_is_not_believed() -> None:
    looked = asyncio.Event()
    poller = Poller(lambda: True, looked.set, utc_now)
    async with RecordedFlink() as flink:
        flink.slow_seconds = 0.1
        await flink.set_fault("slow")
        poller.passed(report(flink.url))
        polling = asyncio.create_task(poller.run())
        async with asyncio.timeout(BOUND_SECONDS):
            while not flink.requests:  # noqa: ASYNC110 - polls a fake
                await asyncio.sleep(0)
            poller.passed(report(None))
            await looked.wait()
            await polling

    assert poller.view.answering is False


async def test_whoever_begins_to_watch_does_not_wait_for_the_slower_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller_module, "UNWATCHED_SECONDS", 10 * BOUND_SECONDS)
    async with RecordedFlink() as flink, running_feed(flink) as (_, feed):
        async with asyncio.timeout(BOUND_SECONDS):
            while not feed.known.flink.answering:  # noqa: ASYNC110 - a feed without readers tells nobody
                await asyncio.sleep(WATCHED_SECONDS / 10)
        assert feed.known.flink.details_at is None
        with feed.subscribe() as subscription:
            await read_until(subscription, "overview", has_tasks)


async def test_after_a_look_that_did_not_see_the_job_the_parts_of_its_checkpoint_are_known_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poller_module, "WATCHED_SECONDS", 0.01)
    looked = asyncio.Event()
    poller = Poller(lambda: True, looked.set, utc_now)

    async def until(holds: Callable[[], bool]) -> None:
        while not holds():
            looked.clear()
            await looked.wait()

    async with RecordedFlink() as flink:
        poller.passed(report(flink.url))
        polling = asyncio.create_task(poller.run())
        listed = flink.answers["/jobs/overview"]
        async with asyncio.timeout(BOUND_SECONDS):
            await until(lambda: len(poller.view.subtask_checkpoints) == 12)
            flink.answers["/jobs/overview"] = {"jobs": []}
            await until(lambda: poller.view.job is None)
            flink.answers["/jobs/overview"] = listed
            await until(lambda: len(poller.view.subtask_checkpoints) == 12)
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
