"""A dashboard on a real loopback port over played feeds, and a client for it: no cookies unless asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from tests.unit.played_feeds import PlayedFeeds

from anomalyjob_operator.dashboard import Dashboard

BOUND_SECONDS = 30.0
KEY = ("default", "demo")


@dataclass
class Served:
    """What a test needs of a dashboard that runs."""

    dashboard: Dashboard
    feeds: PlayedFeeds
    client: aiohttp.ClientSession
    port: int

    @property
    def open_streams(self) -> int:
        """How many streams the server has."""
        return len(self.dashboard._streams)

    async def until_streams(self, count: int) -> None:
        """Wait until the server has that many streams."""
        async with asyncio.timeout(BOUND_SECONDS):
            while self.open_streams != count:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)

    async def until_connections(self, count: int) -> None:
        """Wait until the server has that many connections."""
        runner = self.dashboard._listener._runner
        assert runner is not None
        assert runner.server is not None
        async with asyncio.timeout(BOUND_SECONDS):
            while len(runner.server.connections) != count:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)


@asynccontextmanager
async def served(*, cookies: bool = False, wait_seconds: float = 2.0, **options: Any) -> AsyncIterator[Served]:
    """Serve, and stop at the end."""
    feeds = PlayedFeeds(wait_seconds)
    feeds.add(KEY)
    dashboard = Dashboard(feeds, **options)
    port = await dashboard.start("127.0.0.1", 0)
    jar = aiohttp.CookieJar(unsafe=True) if cookies else aiohttp.DummyCookieJar()
    timeout = aiohttp.ClientTimeout(total=BOUND_SECONDS)
    try:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", cookie_jar=jar, timeout=timeout, connector=connector
        ) as client:
            yield Served(dashboard, feeds, client, port)
    finally:
        await dashboard.stop()


async def next_event(answer: aiohttp.ClientResponse) -> tuple[str, str]:
    """Read one event of a stream: its name and its data."""
    fields: dict[str, str] = {}
    async for line in answer.content:
        text = line.decode().rstrip("\n")
        if not text:
            return fields["event"], fields["data"]
        field, _, value = text.partition(": ")
        fields[field] = value
    raise EOFError("the stream ended")
