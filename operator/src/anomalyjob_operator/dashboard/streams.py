"""Server-sent events: one stream a page, at most 100 in all, and none for who does not read.

A stream holds nothing of its own: what its reader has not taken yet lies, bounded, in the subscription.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from aiohttp import web

from anomalyjob.timestamps import format_time
from anomalyjob_operator.dashboard.security import text_answer
from anomalyjob_operator.dashboard.sources import Message, Subscription
from anomalyjob_operator.live.subscription import FeedEnded

logger = logging.getLogger(__name__)

MAXIMUM_STREAMS: Final = 100
WRITE_TIMEOUT_SECONDS: Final = 10.0
"""How long a reader may take none of what it was sent before its stream is closed."""

_HEADERS: Final = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Streams:
    """All open streams of one server."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._open: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._open)

    async def answer(self, request: web.Request, subscribe: Callable[[], Subscription]) -> web.StreamResponse:
        """Send what the subscription brings until the reader goes, the feed ends or the server stops."""
        if request.method == "HEAD":
            return web.Response(headers=_HEADERS)
        if len(self._open) >= MAXIMUM_STREAMS:
            answer = text_answer(
                503, f"{MAXIMUM_STREAMS} pages are open already. Close one, then load this page again."
            )
            answer.headers["Retry-After"] = "10"
            return answer
        response = web.StreamResponse(headers=_HEADERS)
        # Whoever cannot be subscribed gets an answer of its own: afterwards there is no other than to break off.
        with self._counted(), subscribe() as subscription, contextlib.suppress(ConnectionError, FeedEnded):
            await response.prepare(request)
            try:
                await self._send(request, response, subscription)
            except (ConnectionError, FeedEnded):
                raise
            except Exception:
                logger.exception("the stream %r broke off", request.path)
                _abort(request)
        return response

    def close(self) -> None:
        """End all streams at once."""
        for task in tuple(self._open):
            task.cancel()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a handler always runs in a task
        self._open.add(task)
        try:
            yield
        finally:
            self._open.discard(task)

    async def _send(self, request: web.Request, response: web.StreamResponse, subscription: Subscription) -> None:
        while True:
            messages = await subscription.next()
            for frame in map(_frame, messages) if messages else (self._alive(),):
                await _write(request, response, frame)

    def _alive(self) -> bytes:
        document = json.dumps({"serverTime": format_time(self._clock())})
        return b"event: alive\ndata: %b\n\n" % document.encode()


def _frame(message: Message) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (message.event.encode(), message.data)


async def _write(request: web.Request, response: web.StreamResponse, frame: bytes) -> None:
    try:
        async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
            await response.write(frame)
    except TimeoutError:
        _abort(request)
        raise ConnectionResetError("the reader takes nothing") from None


def _abort(request: web.Request) -> None:
    """Close the connection at once, whatever still waits to be sent."""
    if request.transport is not None:
        request.transport.abort()
