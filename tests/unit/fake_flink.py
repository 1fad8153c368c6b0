"""A JobManager's REST endpoint that answers from memory, with switches for everything that can go wrong.

The answers have the shapes that Flink 2.3.0 was recorded to give (data/rest/); a test sets what differs.
"""

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

RECORDED: Final = Path(__file__).parent / "data" / "rest"
RECORDED_JOB_ID: Final = "0000000000000000000000000000aaaa"

Fault = Literal["none", "down", "hangs", "error", "garbage", "truncated", "wrong shape", "endless", "redirects", "slow"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def recorded(name: str) -> Any:
    """One recorded answer."""
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


class FakeFlink:
    """One JobManager with one job. To be used as an async context manager; `url` is where it answers.

    `fault` says what is wrong with every answer, `slow_seconds` how long each takes with the fault "slow". With "down"
    connections are refused, as those to a dead process are. `statuses` maps the end of a path to another HTTP status.
    `asked` lists what was asked for by POST; `fates` maps a trigger id to what became of it, as Flink says it.
    """

    def __init__(self, job_id: str = RECORDED_JOB_ID) -> None:
        self.job_id = job_id
        self.fault: Fault = "none"
        self.slow_seconds = 0.0
        self.statuses: dict[str, int] = {}
        self.requests: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.fates: dict[str, dict[str, Any]] = {}
        self.overview: dict[str, Any] = recorded("overview")
        self.job: dict[str, Any] | None = recorded("jobs_overview")["jobs"][0] | {"jid": job_id}
        self.checkpoints: dict[str, Any] = recorded("checkpoints")
        self.exceptions: dict[str, Any] = recorded("exceptions")
        self.config: dict[str, Any] = recorded("config")
        self.volume_used: Any = recorded("volume_used")
        self._server: TestServer | None = None
        self._release = asyncio.Event()
        self._port = 0

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of every request that hangs, and stop."""
        self._release.set()
        await self._close()

    @property
    def url(self) -> str:
        """Where it answers, or would."""
        return f"http://127.0.0.1:{self._port}"

    async def set_fault(self, fault: Fault) -> None:
        """Switch; from and to "down" the port closes and opens."""
        if fault == "down":
            await self._close()
        elif self._server is None:
            await self._listen()
        self.fault = fault

    async def _listen(self) -> None:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        application.router.add_post("/{path:.*}", self._answer)
        self._server = TestServer(application, port=self._port or None)
        await self._server.start_server()
        assert self._server.port is not None
        self._port = self._server.port

    async def _close(self) -> None:
        if self._server is not None:
            await self._server.close()
            self._server = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path_qs)
        handler: Handler = getattr(self, "_answer_" + self.fault.replace(" ", "_"), self._answer_none)
        return await handler(request)

    async def _answer_none(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return await self._accept(request)
        document = self._document(request.path)
        status = next((status for end, status in self.statuses.items() if request.path.endswith(end)), 200)
        if status != 200:
            return web.json_response({"errors": ["Not available."]}, status=status)
        if document is None:
            return web.json_response({"errors": ["Not found."]}, status=404)
        return web.json_response(copy.deepcopy(document))

    async def _accept(self, request: web.Request) -> web.Response:
        """Take a request: what has a known trigger id is not begun again."""
        body = await request.json()
        self.asked.append((request.path, body))
        self.fates.setdefault(body["triggerId"], {"status": {"id": "IN_PROGRESS"}})
        return web.json_response({"request-id": body["triggerId"]}, status=202)

    def _document(self, path: str) -> dict[str, Any] | None:
        jobs = [] if self.job is None else [self.job]
        answers = {"/overview": self.overview, "/jobs/overview": {"jobs": jobs}}
        if self.job is not None:
            answers[f"/jobs/{self.job['jid']}/checkpoints"] = self.checkpoints
            answers[f"/jobs/{self.job['jid']}/exceptions"] = self.exceptions
            answers[f"/jobs/{self.job['jid']}/config"] = self.config
            answers[f"/jobs/{self.job['jid']}/vertices/2e588ce1c86a9d46e2e85186773ce4fd/subtasks/metrics"] = (
                self.volume_used
            )
        return answers.get(path, self.fates.get(path.rsplit("/", maxsplit=1)[-1]))

    async def _answer_slow(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(self.slow_seconds)
        return await self._answer_none(request)

    async def _answer_hangs(self, request: web.Request) -> web.StreamResponse:
        await self._release.wait()
        return await self._answer_none(request)

    async def _answer_error(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"errors": [f"Internal server error. {request.path}"]}, status=500)

    async def _answer_garbage(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=f"<html>{request.path}</html>", content_type="text/html")

    async def _answer_truncated(self, request: web.Request) -> web.StreamResponse:
        text = json.dumps(self._document(request.path))
        return web.Response(text=text[: len(text) // 2], content_type="application/json")

    async def _answer_wrong_shape(self, request: web.Request) -> web.StreamResponse:
        return web.json_response([request.path])

    async def _answer_redirects(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"{self.url}/elsewhere{request.path}"})

    async def _answer_endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not self._release.is_set():
            await response.write(b" " * 1_000_000)
        return response
