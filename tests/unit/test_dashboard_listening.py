"""Servers that listen by themselves: a port that cannot be had holds up nobody; and /metrics on a port of its own."""

import asyncio
from collections.abc import Callable

import aiohttp
import pytest
from aiohttp.test_utils import unused_port
from tests.unit.dashboard_client import BOUND_SECONDS

from anomalyjob_operator.dashboard import listening
from anomalyjob_operator.dashboard.listening import KeptOpen
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
    kept = KeptOpen(second, "metrics", ADDRESS, port, told.append)
    kept.begin()
    await asyncio.sleep(0.2)
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


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while not condition():  # noqa: ASYNC110 - polls what another task does, within a bound
            await asyncio.sleep(0.01)
