"""Messages get to a real HTTP server, whatever it does first; or are given up, counted and told."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.unit.notify_moments import QUICK, counts, event, report, telling
from tests.unit.webhook_receiver import Receiver, hang, status, until

from anomalyjob_operator.notify.notifier import Notifier
from anomalyjob_operator.notify.out_queue import QueueCounts
from anomalyjob_operator.notify.targets import Target

pytestmark = pytest.mark.asyncio

PATIENT = replace(QUICK, longest_wished_seconds=60.0, total_seconds=600.0)


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
async def test_a_target_that_fails_for_a_while_gets_the_message_later(answer: Any) -> None:
    receiver = Receiver(answer, answer)
    async with receiver.serving(), telling(receiver) as notifier:
        notifier.passed(report(event("a"), event("b")))
        await until(lambda: counts(notifier).delivered == 2)

    assert receiver.messages == ["a", "a", "a", "b"]
    assert len({body["id"] for body in receiver.bodies}) == 2
    assert counts(notifier) == QueueCounts(delivered=2, retries=2)


@pytest.mark.parametrize("code", [301, 307, 400, 401, 403, 404, 410, 413])
async def test_a_refusal_is_not_tried_again_and_the_next_message_says_that_one_is_missing(code: int) -> None:
    receiver = Receiver(status(code, Location="http://127.0.0.1:1/elsewhere"))
    async with receiver.serving(), telling(receiver) as notifier:
        notifier.passed(report(event("a"), event("b"), event("c")))
        await until(lambda: counts(notifier).delivered == 2)

    assert receiver.messages == ["a", "b", "c"]
    assert [body.get("lost") for body in receiver.bodies] == [None, 1, None]
    assert counts(notifier) == QueueCounts(delivered=2, failed=1)


async def test_a_redirection_is_not_followed() -> None:
    elsewhere = Receiver()
    async with elsewhere.serving():
        receiver = Receiver(status(307, Location=elsewhere.url))
        async with receiver.serving(), telling(receiver) as notifier:
            notifier.passed(report(event("a")))
            await until(lambda: counts(notifier).failed)

    assert elsewhere.bodies == []


async def test_a_target_that_is_gone_gets_everything_in_order_when_it_is_back() -> None:
    receiver = Receiver()
    async with receiver.serving():
        pass
    async with telling(receiver) as notifier:
        notifier.passed(report(event("a"), event("b")))
        await until(lambda: counts(notifier).retries >= 3)
        notifier.passed(report(event("c")))
        async with receiver.serving():
            await until(lambda: counts(notifier).delivered == 3)

    assert receiver.messages == ["a", "b", "c"]
    assert counts(notifier).failed == 0


async def test_a_wish_for_a_pause_is_granted_up_to_a_bound() -> None:
    receiver = Receiver(status(429, Retry_After="3600"))
    async with receiver.serving(), telling(receiver, replace(QUICK, longest_wished_seconds=0.4)) as notifier:
        began_at = time.monotonic()
        notifier.passed(report(event("a")))
        await until(lambda: counts(notifier).delivered)

    assert time.monotonic() - began_at >= 0.4


async def test_what_nobody_takes_for_long_is_given_up() -> None:
    receiver = Receiver(*[status(500)] * 1_000)
    async with receiver.serving(), telling(receiver, replace(QUICK, total_seconds=0.3)) as notifier:
        notifier.passed(report(event("a")))
        await until(lambda: counts(notifier).failed)

    assert counts(notifier).retries > 2


async def test_a_hanging_target_keeps_neither_a_pass_nor_another_target_waiting() -> None:
    slow, quick = Receiver(*[hang] * 10), Receiver()
    async with slow.serving(), quick.serving():
        targets = [Target(name="slow", url=slow.url), Target(name="quick", url=quick.url)]
        notifier = Notifier(targets, policy=replace(QUICK, attempt_seconds=30.0))
        await notifier.start()
        began_at = time.monotonic()
        notifier.passed(report(event("a"), webhook="slow"))
        notifier.passed(report(event("b"), webhook="quick"))
        assert time.monotonic() - began_at < 0.2
        await until(lambda: quick.bodies)
        await notifier.stop()

    assert quick.messages == ["b"]


async def test_a_full_queue_loses_the_oldest_counts_them_and_tells_the_target() -> None:
    receiver = Receiver(hang)
    async with receiver.serving(), telling(receiver, replace(QUICK, queue_length=3)) as notifier:
        notifier.passed(report(event("first")))
        await until(lambda: receiver.bodies)
        notifier.passed(report(*(event(str(number)) for number in range(10))))
        await until(lambda: counts(notifier).delivered == 4)

    assert receiver.messages == ["first", "first", "7", "8", "9"]
    assert [body.get("lost") for body in receiver.bodies] == [None, 7, None, None, None]
    assert counts(notifier) == QueueCounts(delivered=4, dropped=7, retries=1)


async def test_what_is_lost_while_a_message_is_under_way_is_told_by_the_next_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = asyncio.Event()

    async def answer_at_the_gate(_request: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    receiver, patient = Receiver(answer_at_the_gate), replace(QUICK, queue_length=3, attempt_seconds=10.0)
    caplog.set_level("INFO")
    async with receiver.serving(), telling(receiver, patient) as notifier:
        notifier.passed(report(event("first")))
        await until(lambda: receiver.bodies)
        notifier.passed(report(*(event(str(number)) for number in range(10))))
        gate.set()
        await until(lambda: counts(notifier).delivered == 4)

    assert receiver.messages == ["first", "7", "8", "9"]
    assert [body.get("lost") for body in receiver.bodies] == [None, 7, None, None]
    assert "messages get there again; 7 were lost" in caplog.text


async def test_the_end_of_the_process_waits_for_what_can_still_get_there() -> None:
    receiver = Receiver()
    async with receiver.serving(), telling(receiver) as notifier:
        notifier.passed(report(*(event(str(number)) for number in range(50))))
        await notifier.stop()

    assert len(receiver.bodies) == 50
    assert counts(notifier) == QueueCounts(delivered=50)


async def test_the_end_of_the_process_cuts_a_pause_short() -> None:
    receiver = Receiver(status(503, Retry_After="60"))
    async with receiver.serving(), telling(receiver, PATIENT) as notifier:
        notifier.passed(report(event("a")))
        await until(lambda: counts(notifier).retries)
        await notifier.stop()

    assert counts(notifier).delivered == 1


async def test_the_end_of_the_process_is_not_held_up_by_a_target_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(*[hang] * 10)
    async with receiver.serving(), telling(receiver, replace(QUICK, attempt_seconds=30.0)) as notifier:
        notifier.passed(report(event("a"), event("b")))
        await until(lambda: receiver.bodies)
        began_at = time.monotonic()
        await notifier.stop()

    assert time.monotonic() - began_at < 5
    assert counts(notifier) == QueueCounts(dropped=2)
    assert 'target "on-call": 2 did not get there before the end of this process' in caplog.text


async def endless_body(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100_000):
        await response.write(b"x" * 65_536)
    return response


async def test_an_answer_without_an_end_is_as_good_as_any() -> None:
    receiver = Receiver(endless_body)
    async with receiver.serving(), telling(receiver) as notifier:
        notifier.passed(report(event("a"), event("b")))
        await until(lambda: counts(notifier).delivered == 2)

    assert receiver.messages == ["a", "b"]


@pytest.mark.parametrize(
    "answer",
    [b"", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"],
    ids=["nothing", "another protocol", "a header too long"],
)
async def test_what_is_no_http_server_harms_nothing(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver = Receiver()
    receiver.port = server.sockets[0].getsockname()[1]
    async with server, telling(receiver) as notifier:
        notifier.passed(report(event("a")))
        await until(lambda: counts(notifier).retries >= 2)

    assert counts(notifier).delivered == 0


async def test_headers_are_read_anew_for_each_message(tmp_path: Path) -> None:
    file, receiver = tmp_path / "headers", Receiver()
    async with receiver.serving(), telling(receiver, headers_file=str(file)) as notifier:
        for number, token in enumerate(("old", "new"), start=1):
            file.write_text(f"Authorization: Bearer {token}\n", encoding="utf-8")
            notifier.passed(report(event("a")))
            await until(lambda: counts(notifier).delivered == number)  # noqa: B023 - waited for in the loop

    assert [headers["Authorization"] for headers in receiver.headers] == ["Bearer old", "Bearer new"]


async def test_nothing_is_sent_without_its_headers_and_the_message_waits_for_them(tmp_path: Path) -> None:
    file, receiver = tmp_path / "headers", Receiver()
    async with receiver.serving(), telling(receiver, headers_file=str(file)) as notifier:
        notifier.passed(report(event("a")))
        await until(lambda: counts(notifier).retries >= 2)
        assert receiver.bodies == []
        file.write_text("Authorization: Bearer new\n", encoding="utf-8")
        await until(lambda: counts(notifier).delivered)

    assert receiver.headers[0]["Authorization"] == "Bearer new"
