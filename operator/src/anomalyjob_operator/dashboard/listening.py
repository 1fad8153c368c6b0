"""One HTTP server: a web application that listens, and ends within a moment.

`KeptOpen` is for whoever must not be disturbed by it: a port that cannot be had is told and tried again, by itself.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web

STOP_SECONDS: Final = 0.5
KEEP_ALIVE_SECONDS: Final = 15.0
TRY_AGAIN_SECONDS: Final = 10.0


class Server(Protocol):
    """What can listen."""

    async def start(self, address: str, port: int) -> int:
        """Begin to listen; return the port, which is a free one for 0. Raise OSError, also when the port is taken."""

    async def stop(self) -> None:
        """Stop to listen, within a second; without having listened, too."""


class Listener:
    """A Server for the application that `make` makes."""

    def __init__(self, make: Callable[[], web.Application]) -> None:
        self._make = make
        self._runner: web.AppRunner | None = None

    async def start(self, address: str, port: int) -> int:
        """Begin to listen."""
        runner = web.AppRunner(
            self._make(),
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            shutdown_timeout=STOP_SECONDS,
        )
        try:
            await runner.setup()
            await web.TCPSite(runner, address, port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop to listen; requests under way are given a moment."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * STOP_SECONDS):
                await runner.cleanup()


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
