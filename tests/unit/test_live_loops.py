"""Loops that outlive their own failures, and end when they are told to."""

import asyncio

import pytest

from anomalyjob_operator.live import loops

pytestmark = pytest.mark.asyncio


async def ended(task: asyncio.Task[None]) -> bool:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return task.cancelled()


async def test_a_step_that_fails_is_followed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "AFTER_FAILURE_SECONDS", 0.0)
    reached, failures = asyncio.Event(), [ValueError("one"), asyncio.CancelledError(), OSError("three")]

    async def step() -> None:
        if failures:
            raise failures.pop(0)
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(loops.repeat(step, "a test"))
    async with asyncio.timeout(10):
        await reached.wait()

    assert await ended(task)


async def test_a_step_that_waits_for_nothing_lets_others_have_their_turn_and_can_be_ended() -> None:
    async def step() -> None:
        return

    task = asyncio.create_task(loops.repeat(step, "a test"))
    await asyncio.sleep(0.01)

    assert await ended(task)


async def test_an_event_wakes_once() -> None:
    event = asyncio.Event()
    event.set()

    assert await loops.took(event, 0.01) is True
    assert await loops.took(event, 0.01) is False
