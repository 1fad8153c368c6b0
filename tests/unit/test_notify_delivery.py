"""Messages get to a real HTTP server, whatever it does first; or are given up, counted and told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.unit.notify_moments import QUICK, event, report
from tests.unit.observations import T0
from tests.unit.webhook_receiver import Receiver, hang, status, until

from anomalyjob_operator.notify.notifier import Notifier
from anomalyjob_operator.notify.out_queue import QueueCounts
from anomalyjob_operator.notify.policy import Policy
from anomalyjob_operator.notify.targets import Target


@asynccontextmanager
async def telling(receiver: Receiver, policy: Policy = QUICK, **target: Any) -> AsyncIterator[Notifier]:
    """A notifier at work whose one target is the receiver."""
    targets = [Target(name="on-call", url=receiver.url, **target)]
    notifier = Notifier(targets, policy=policy, clock=lambda: T0, chance=lambda: 0.0)
    await notifier.start()
    try:
        yield notifier
    finally:
        await notifier.stop()


def counts(notifier: Notifier) -> QueueCounts:
    return notifier.counts().targets["on-call"]


@pytest.mark.asyncio
async def test_an_event_is_posted_as_one_json_object() -> None:
    receiver = Receiver()
    async with receiver.serving(), telling(receiver) as notifier:
        notifier.passed(report(event("1 checkpoint failed"), phase="Degraded"))
        await until(lambda: counts(notifier).delivered)

    (body,), (headers,) = receiver.bodies, receiver.headers
    assert len(body.pop("id")) == 16
    assert body == {
        "kind": "event",
        "type": "Warning",
        "reason": "CheckpointError",
        "message": "1 checkpoint failed",
        "namespace": "default",
        "name": "demo",
        "phase": "Degraded",
        "at": "2026-01-02T03:00:01.000Z",
    }
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "answer", [status(500), status(503), status(408), status(429), hang], ids=["500", "503", "408", "429", "hangs"]
)
@pytest.mark.asyncio
async def test_a_target_that_fails_for_a_while_gets_the_message_later(answer: Any) -> None:
    receiver = Receiver(answer, answer)
    async with receiver.serving(), telling(receiver) as notifier:
        notifier.passed(report(event("a"), event("b")))
        await until(lambda: counts(notifier).delivered == 2)

    assert receiver.messages == ["a", "a", "a", "b"]
    assert len({body["id"] for body in receiver.bodies}) == 2
    assert counts(notifier) == QueueCounts(delivered=2, retries=2)
