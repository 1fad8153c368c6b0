"""A real HTTP server on loopback that receives messages, and can fail, hang, refuse, redirect, or be gone."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def status(code: int, **headers: str) -> Answer:
    """An answer of this status; names of headers with _ for -."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers={name.replace("_", "-"): text for name, text in headers.items()})

    return answer


async def hang(_request: web.Request) -> web.StreamResponse:
    """An answer that does not come."""
    await asyncio.sleep(3_600)
    return web.Response()


class Receiver:
    """Answers with `answers` in turn, then with 204 for ever; everything received is kept."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Where messages go."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def messages(self) -> list[str]:
        """The sentences received."""
        return [body["message"] for body in self.bodies]

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Keep what came, and answer."""
        self.bodies.append(json.loads(await request.read()))
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        answer = self.answers.pop(0) if self.answers else status(204)
        return await answer(request)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Receiver"]:
        """Listen on the port it had, or on any free one."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.receive)
        runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for the condition, within a bound."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is anything that a test can see
            await asyncio.sleep(0.005)
