"""Server-sent events of the dashboard: what comes, to how many, and how it ends."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import aiohttp
import pytest
from tests.unit.dashboard_client import BOUND_SECONDS, KEY, next_event, served
from tests.unit.played_feeds import PlayedMessage, PlayedSubscription

from anomalyjob_operator.dashboard import streams
from anomalyjob_operator.dashboard.streams import MAXIMUM_STREAMS

pytestmark = pytest.mark.asyncio

STREAM = "/api/stream/jobs/default/demo"


async def test_a_stream_begins_with_what_is_there_and_goes_on_with_what_changes() -> None:
    async with served() as here:
        feed = here.feeds.add(KEY)
        feed.play("overview", {"number": 1})
        async with here.client.get(STREAM) as answer:
            assert answer.content_type == "text/event-stream"
            assert await next_event(answer) == ("overview", '{"number": 1}')
            feed.play("overview", {"number": 2})
            assert await next_event(answer) == ("overview", '{"number": 2}')


async def test_the_list_of_jobs_is_a_stream_too() -> None:
    async with served() as here, here.client.get("/api/stream/jobs") as answer:
        assert (await next_event(answer))[0] == "jobs"
        here.feeds.play_list([{"name": "demo"}])
        event, data = await next_event(answer)
        assert (event, json.loads(data)["jobs"]) == ("jobs", [{"name": "demo"}])


async def test_a_heart_beats_while_there_is_nothing_new() -> None:
    async with served(wait_seconds=0.05) as here, here.client.get(STREAM) as answer:
        event, data = await next_event(answer)
        assert event == "alive"
        assert list(json.loads(data)) == ["serverTime"]
        assert (await next_event(answer))[0] == "alive"


async def test_text_of_a_document_cannot_end_its_event() -> None:
    async with served() as here:
        here.feeds.add(KEY).play("log", {"text": "a\n\nevent: overview\ndata: {}\n\n"})
        async with here.client.get(STREAM) as answer:
            event, data = await next_event(answer)
    assert event == "log"
    assert json.loads(data)["text"] == "a\n\nevent: overview\ndata: {}\n\n"


async def test_who_goes_is_forgotten_at_once() -> None:
    async with served(wait_seconds=BOUND_SECONDS) as here:
        here.feeds.add(KEY).play("overview", {})
        async with here.client.get(STREAM) as answer:
            await next_event(answer)
            assert here.open_streams == 1
        await here.until_streams(0)
        assert here.feeds.add(KEY).subscriptions == []


async def test_more_streams_than_there_may_be_are_refused_with_a_sentence_until_one_ends() -> None:
    async with served() as here, AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(here.client.get(STREAM)) for _ in range(MAXIMUM_STREAMS)]
        async with here.client.get(STREAM) as answer:
            assert answer.status == 503
            assert "100 pages are open already" in await answer.text()
        async with here.client.get("/api/jobs") as answer:
            assert answer.status == 200, "what is no stream goes on"
        opened[0].close()
        await here.until_streams(MAXIMUM_STREAMS - 1)
        async with here.client.get(STREAM) as answer:
            assert answer.status == 200


async def test_a_reader_that_does_not_read_is_let_go_and_no_one_else_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "WRITE_TIMEOUT_SECONDS", 0.3)
    async with served() as here, here.client.get(STREAM) as reader:
        _, sleeper = await asyncio.open_connection("127.0.0.1", here.port, limit=1)
        sleeper.write(f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await here.until_streams(2)
        feed, number = here.feeds.add(KEY), 0
        async with asyncio.timeout(BOUND_SECONDS):
            while here.open_streams == 2:
                number += 1
                feed.play("overview", {"number": number, "filler": "x" * 200_000})
                assert f'"number": {number},' in (await _large_event(reader))
        assert len(feed.subscriptions) == 1
        await here.until_connections(1)
        sleeper.close()


async def _large_event(answer: aiohttp.ClientResponse) -> str:
    text = b""
    while not text.endswith(b"\n\n"):
        text += await answer.content.readany()
    return text.decode()


async def raw_answer(port: int) -> bytes:
    """All that comes over a connection of its own until the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n".encode())
    async with asyncio.timeout(BOUND_SECONDS):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


async def test_a_stream_that_cannot_begin_is_answered_with_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> PlayedSubscription:
        raise ValueError("the details")

    async with served() as here:
        here.feeds.add(KEY).subscribe = broken  # type: ignore[method-assign]
        async with here.client.get(STREAM) as answer:
            assert (answer.status, answer.content_type) == (500, "text/plain")
        assert here.open_streams == 0
    assert "the details" in caplog.text


async def test_a_stream_that_breaks_is_cut_off_and_nothing_else_is_written_into_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: PlayedSubscription) -> Sequence[PlayedMessage]:
        raise ValueError("the details")

    async with served() as here:
        monkeypatch.setattr(PlayedSubscription, "next", broken)
        assert (await raw_answer(here.port)).count(b"HTTP/1.1") <= 1
        assert here.open_streams == 0
        assert here.feeds.add(KEY).subscriptions == []
    assert "the details" in caplog.text


async def test_stopping_ends_all_streams_at_once() -> None:
    async with served(wait_seconds=BOUND_SECONDS) as here, AsyncExitStack() as stack:
        here.feeds.add(KEY).play("overview", {})
        answers = [await stack.enter_async_context(here.client.get(STREAM)) for _ in range(20)]
        for answer in answers:
            await next_event(answer)
        begin = time.monotonic()
        await here.dashboard.stop()
        assert time.monotonic() - begin < 5.0, "less than the 30 s that a stream would wait"
        for answer in answers:
            with pytest.raises((aiohttp.ClientError, EOFError)):
                await next_event(answer)
        assert here.open_streams == 0


async def test_stopping_does_not_wait_for_a_reader_that_does_not_read() -> None:
    async with served() as here:
        _, sleeper = await asyncio.open_connection("127.0.0.1", here.port, limit=1)
        sleeper.write(f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await here.until_streams(1)
        feed = here.feeds.add(KEY)
        for _ in range(100):
            feed.play("overview", {"filler": "x" * 1_000_000})
            await asyncio.sleep(0)
        begin = time.monotonic()
        await here.dashboard.stop()
        assert time.monotonic() - begin < 6.0
        sleeper.close()


async def test_a_server_that_was_never_started_can_be_stopped() -> None:
    async with served() as here:
        await here.dashboard.stop()
        await here.dashboard.stop()
