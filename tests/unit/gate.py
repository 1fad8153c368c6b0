"""Every write of the operator passes here: it is recorded, and one of them may go wrong or be the operator's last deed.

Shared by all servers that the operator writes to, so that writes have one order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from aiohttp import web
from typing_extensions import override

Moment = Literal["killed before", "killed after", "killed with the answer lost"]
Fault = Literal["refused", "answer lost", "hangs", "hangs after it", "conflict", "error", "garbage"]

MOMENTS: Final[tuple[Moment, ...]] = ("killed before", "killed after", "killed with the answer lost")
FAULTS: Final[tuple[Fault, ...]] = (
    "refused",
    "answer lost",
    "hangs",
    "hangs after it",
    "conflict",
    "error",
    "garbage",
)

Act = Callable[[], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Write:
    """One write: the verb, the kind of what was written, and its name."""

    verb: str
    kind: str
    name: str

    @override
    def __str__(self) -> str:
        """As a test's name shows it."""
        return f"{self.verb} {self.kind} {self.name}"


@dataclass
class Gate:
    """`writes` lists what was asked for, whatever became of it. `trouble` comes at the write of that number, once.

    While `closed`, as after a kill, every connection of the operator that has died is cut.
    """

    writes: list[Write] = field(default_factory=list)
    trouble: tuple[int, Moment | Fault] | None = None
    closed: bool = False
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    def reopen(self) -> None:
        """Let the next operator in."""
        self.closed = False
        self.killed = asyncio.Event()

    def forget(self) -> None:
        """Begin to record anew."""
        self.writes.clear()

    async def write(self, request: web.Request, write: Write, act: Act) -> web.Response:
        """Carry a write out, unless this is the one that goes wrong."""
        number = len(self.writes)
        self.writes.append(write)
        if self.trouble is None or self.trouble[0] != number:
            return await act()
        trouble, self.trouble = self.trouble[1], None
        if trouble in MOMENTS:
            return await self._kill(request, trouble, act)
        return await self._spoil(request, write, trouble, act)

    async def _kill(self, request: web.Request, moment: str, act: Act) -> web.Response:
        answer = web.Response() if moment == "killed before" else await act()
        self.closed = True
        self.killed.set()
        return answer if moment == "killed after" else cut(request)

    async def _spoil(self, request: web.Request, write: Write, fault: str, act: Act) -> web.Response:
        if fault in {"answer lost", "hangs after it", "garbage"}:
            await act()
        if fault in {"hangs", "hangs after it"} and write.kind != "Flink":
            # Flink's client has a bound of its own, which is longer than a test can wait.
            await self.release.wait()
        answers = {
            "conflict": web.json_response({"message": "the object has been modified"}, status=409),
            "error": web.json_response({"message": "etcdserver: request timed out"}, status=500),
            "garbage": web.Response(text="<html>", content_type="text/html"),
        }
        return answers[fault] if fault in answers else cut(request)


def cut(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
