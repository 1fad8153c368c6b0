"""One HTTP server: a web application that listens, and ends within a moment.

Whoever connects may do nothing, and what he holds is this process's: descriptors that reconciling needs. So connections
are counted, and each has a bounded while to bring its request and to take the answer.

`KeptOpen` is for whoever must not be disturbed by it: a port that cannot be had is told and tried again, by itself.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

logger = logging.getLogger(__name__)

STOP_SECONDS: Final = 0.5
TRY_AGAIN_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 10.0
"""For the next request to come, and for each answer to be made and taken; a stream sees to itself."""
MAXIMUM_CONNECTIONS: Final = 250


class Server(Protocol):
    """What can listen."""

    async def start(self, address: str, port: int) -> int:
        """Begin to listen; return the port, which is a free one for 0. Raise OSError, also when the port is taken."""

    async def stop(self) -> None:
        """Stop to listen, within a second; without having listened, too."""


class Listener:
    """A Server for the application that `make` makes. Paths that begin with `streams` may be answered for ever."""

    def __init__(
        self,
        make: Callable[[], web.Application],
        *,
        streams: str | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        maximum_connections: int = MAXIMUM_CONNECTIONS,
    ) -> None:
        self._make = make
        self._streams = streams
        self._answer_seconds = answer_seconds
        self._maximum_connections = maximum_connections
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._told_full = False

    async def start(self, address: str, port: int) -> int:
        """Begin to listen."""
        application = self._make()
        application.middlewares.insert(0, self._in_time)
        runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,
            keepalive_timeout=self._answer_seconds,
            shutdown_timeout=STOP_SECONDS,
        )
        server: asyncio.Server | None = None
        try:
            await runner.setup()
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: self._connection(runner.server), address, port)
            _give_up_what_is_not_taken(server, self._answer_seconds)
        except BaseException:
            if server is not None:
                server.close()
            await runner.cleanup()
            raise
        self._runner, self._server = runner, server
        return int(server.sockets[0].getsockname()[1])

    def _connection(self, server: web.Server | None) -> asyncio.Protocol:
        if server is None or len(server.connections) >= self._maximum_connections:
            self._tell_full()
            return asyncio.StreamReaderProtocol(asyncio.StreamReader(), _refuse)
        return server()

    def _tell_full(self) -> None:
        """Say it once: whoever connects could fill the log."""
        if not self._told_full:
            self._told_full = True
            logger.warning(
                "%d connections are open, as many as there may be: more are closed at once", self._maximum_connections
            )

    @web.middleware
    async def _in_time(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Have a request answered, and its answer taken, in time: aiohttp itself waits for ever."""
        if self._streams is not None and request.path.startswith(self._streams):
            return await handler(request)
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await _written(request, handler)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=408)

    async def stop(self) -> None:
        """Stop to listen; requests under way are given a moment."""
        runner, self._runner = self._runner, None
        server, self._server = self._server, None
        if runner is None or server is None:
            return
        server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * STOP_SECONDS):
                await runner.cleanup()


def _give_up_what_is_not_taken(server: asyncio.Server, seconds: float) -> None:
    """For what was written, also after the connection was closed here. Connections inherit it. Raise OSError."""
    for listening in server.sockets:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * seconds))


def _refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _written(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return the answer when it has been written; whoever writes it again, as aiohttp does, does nothing."""
    try:
        response = await handler(request)
    except web.HTTPException as error:
        await _write(request, error)
        raise
    await _write(request, response)
    return response


async def _write(request: web.Request, response: web.StreamResponse) -> None:
    await response.prepare(request)
    await response.write_eof()


class KeptOpen:
    """Keeps trying to let a server listen. `tell` gets a line for people, the same failure only once."""

    def __init__(self, server: Server, what: str, address: str, port: int, tell: Callable[[str], None]) -> None:
        self._server = server
        self._what = what
        self._address = address
        self._port = port
        self._tell = tell
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin, without waiting for anything."""
        self._task = asyncio.create_task(self._open(), name=self._what)

    async def end(self) -> None:
        """End, within a second. It never raises."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._server.stop()
        except Exception as error:  # noqa: BLE001 - whoever ends has more to end
            self._tell(f"{self._what} did not end well: {error!r}")

    async def _open(self) -> None:
        told = ""
        while True:
            try:
                port = await self._server.start(self._address, self._port)
            except Exception as error:  # noqa: BLE001 - nobody else may be disturbed by it
                reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else repr(error)
                problem = f"{self._what} is not there: {self._address}:{self._port}: {reason} (trying again)"
                if problem != told:
                    self._tell(problem)
                told = problem
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            else:
                self._tell(f"{self._what}: http://{self._address}:{port}/")
                return
