"""Servers that listen by themselves: a port that cannot be had holds up nobody; and /metrics on a port of its own."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from tests.unit.dashboard_client import BOUND_SECONDS

from anomalyjob_operator.dashboard import listening
from anomalyjob_operator.dashboard.listening import KeptOpen, Listener
from anomalyjob_operator.dashboard.metrics_server import MetricsServer

pytestmark = pytest.mark.asyncio

ADDRESS = "127.0.0.1"


def metrics_server() -> MetricsServer:
    return MetricsServer(lambda: (b"up 1\n", "text/plain; version=0.0.4; charset=utf-8"))


async def test_a_server_that_listens_says_where() -> None:
    told: list[str] = []
    port = unused_port()
    kept = KeptOpen(metrics_server(), "metrics", ADDRESS, port, told.append)
    kept.begin()
    await _until(lambda: told == [f"metrics: http://127.0.0.1:{port}/"])
    await kept.end()


async def test_a_port_that_is_taken_is_told_once_and_tried_until_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "TRY_AGAIN_SECONDS", 0.02)
    told: list[str] = []
    first, second, port = metrics_server(), metrics_server(), unused_port()
    await first.start(ADDRESS, port)
    start, tries = second.start, list[int]()

    async def counted(address: str, port: int) -> int:
        tries.append(port)
        return await start(address, port)

    monkeypatch.setattr(second, "start", counted)
    kept = KeptOpen(second, "metrics", ADDRESS, port, told.append)
    kept.begin()
    await _until(lambda: len(tries) >= 3)
    assert told == [f"metrics is not there: 127.0.0.1:{port}: Address already in use (trying again)"]
    await first.stop()
    await _until(lambda: told[1:] == [f"metrics: http://127.0.0.1:{port}/"])
    await kept.end()


async def test_what_was_never_begun_and_what_never_came_up_can_be_ended() -> None:
    server, port = metrics_server(), unused_port()
    await KeptOpen(server, "metrics", ADDRESS, port, print).end()
    await server.start(ADDRESS, port)
    kept = KeptOpen(metrics_server(), "metrics", ADDRESS, port, lambda _: None)
    kept.begin()
    await asyncio.sleep(0)
    await kept.end()
    await server.stop()


class Broken:
    """A server that fails in every way."""

    async def start(self, address: str, port: int) -> int:
        """Fail."""
        raise ValueError(f"{address}:{port}")

    async def stop(self) -> None:
        """Fail."""
        raise ValueError("it does not end")


async def test_a_defect_of_a_server_reaches_nobody_but_the_log() -> None:
    told: list[str] = []
    kept = KeptOpen(Broken(), "dashboard", ADDRESS, 1, told.append)
    kept.begin()
    await _until(lambda: len(told) == 1)
    await kept.end()
    assert told == [
        "dashboard is not there: 127.0.0.1:1: ValueError('127.0.0.1:1') (trying again)",
        "dashboard did not end well: ValueError('it does not end')",
    ]


@pytest.mark.parametrize(
    "method, path, status", [("GET", "/metrics", 200), ("HEAD", "/metrics", 200), ("POST", "/metrics", 405)]
)
async def test_metrics_are_read_under_any_host_name(method: str, path: str, status: int) -> None:
    server = metrics_server()
    port = await server.start(ADDRESS, 0)
    async with aiohttp.ClientSession() as client:
        headers = {"Host": "10.1.2.3:8091"}
        async with client.request(method, f"http://{ADDRESS}:{port}{path}", headers=headers) as answer:
            assert answer.status == status
            if method == "GET":
                assert await answer.read() == b"up 1\n"
                assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    await server.stop()


@pytest.mark.parametrize("path", ["/", "/api/jobs", "/api/stream/jobs", "/static/app.js", "/login"])
async def test_the_port_of_the_metrics_shows_nothing_else(path: str) -> None:
    server = metrics_server()
    port = await server.start(ADDRESS, 0)
    async with aiohttp.ClientSession() as client, client.get(f"http://{ADDRESS}:{port}{path}") as answer:
        assert answer.status == 404
    await server.stop()


async def large(_: web.Request) -> web.Response:
    return web.Response(body=b"x" * 1_000_000)


async def posted(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def slow(_: web.Request) -> web.Response:
    await asyncio.sleep(0.5)
    return web.Response(text="at last")


def listener(**bounds: Any) -> Listener:
    def make() -> web.Application:
        application = web.Application()
        application.router.add_get("/large", large)
        application.router.add_post("/posted", posted)
        application.router.add_get("/streams/slow", slow)
        application.router.add_get("/slow", slow)
        return application

    return Listener(make, streams="/streams/", **bounds)


def connections(of: Listener) -> int:
    assert of._runner is not None
    assert of._runner.server is not None
    return len(of._runner.server.connections)


UNFINISHED = {
    "nothing": b"",
    "half a head": b"GET /large HTTP/1.1\r\nHost:",
    "a body that does not come": b"POST /posted HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx",
    "answers that nobody reads": b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50,
    "an answer that takes too long": b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED)
async def test_who_does_not_finish_is_let_go(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    here = listener(answer_seconds=0.1)
    port = await here.start(ADDRESS, 0)
    _, writer = await asyncio.open_connection(ADDRESS, port, limit=1)
    writer.write(sent)
    await _until(lambda: connections(here) == 1)
    await _until(lambda: connections(here) == 0)
    writer.close()
    await here.stop()
    assert caplog.text == ""


async def test_the_kernel_gives_up_what_was_written_and_is_never_taken() -> None:
    here = listener()
    port = await here.start(ADDRESS, 0)
    _, writer = await asyncio.open_connection(ADDRESS, port)
    await _until(lambda: connections(here) == 1)
    assert here._runner is not None
    assert here._runner.server is not None
    transport = here._runner.server.connections[0].transport
    assert transport is not None
    option = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert option == 10_000
    writer.close()
    await here.stop()


async def test_a_stream_takes_as_long_as_it_takes() -> None:
    here = listener(answer_seconds=0.1)
    port = await here.start(ADDRESS, 0)
    async with aiohttp.ClientSession() as client, client.get(f"http://{ADDRESS}:{port}/streams/slow") as answer:
        assert await answer.text() == "at last"
    await here.stop()


async def test_more_connections_than_there_may_be_are_closed_at_once(caplog: pytest.LogCaptureFixture) -> None:
    here = listener(maximum_connections=3)
    port = await here.start(ADDRESS, 0)
    opened = []
    for count in (1, 2, 3):
        opened.append(await asyncio.open_connection(ADDRESS, port))
        await _until(lambda count=count: connections(here) == count)  # type: ignore[misc]
    for _ in range(2):
        reader, refused = await asyncio.open_connection(ADDRESS, port)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), BOUND_SECONDS) == b""
        refused.close()
    assert caplog.text.count("3 connections are open") == 1
    opened.pop()[1].close()
    await _until(lambda: connections(here) == 2)
    async with aiohttp.ClientSession() as client, client.get(f"http://{ADDRESS}:{port}/large") as answer:
        assert answer.status == 200
    for _, writer in opened:
        writer.close()
    await here.stop()


async def test_a_start_that_fails_leaves_nothing_behind() -> None:
    ended = []

    async def end(_: web.Application) -> None:
        ended.append(True)

    def make() -> web.Application:
        application = web.Application()
        application.on_cleanup.append(end)
        return application

    first, second = metrics_server(), Listener(make)
    port = await first.start(ADDRESS, 0)
    with pytest.raises(OSError, match="address already in use"):
        await second.start(ADDRESS, port)
    await first.stop()
    assert ended == [True]


async def test_a_start_that_fails_late_frees_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no such option")

    first = metrics_server()
    port = await first.start(ADDRESS, 0)
    await first.stop()
    with monkeypatch.context() as failing:
        failing.setattr(listening, "_give_up_what_is_not_taken", fail)
        with pytest.raises(OSError, match="no such option"):
            await first.start(ADDRESS, port)
    assert await first.start(ADDRESS, port) == port
    await first.stop()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while not condition():  # noqa: ASYNC110 - polls what another task does, within a bound
            await asyncio.sleep(0.01)
