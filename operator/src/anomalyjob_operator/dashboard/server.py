"""The dashboard's server: which address gives what. All state is in memory, and every answer is for reading only.

| address                            | answer                                                          |
| ---------------------------------- | --------------------------------------------------------------- |
| `/`, `/jobs/<namespace>/<name>`    | the pages                                                       |
| `/static/<file>`                   | their scripts and styles                                        |
| `/api/jobs`                        | the list of jobs as JSON                                        |
| `/api/jobs/<namespace>/<name>`     | a job's documents, `{"overview", "checkpoints", "log"}`          |
| `/api/stream/jobs[/<namespace>/…]` | the same as server-sent events, for as long as the reader stays |
| `/metrics`                         | Prometheus metrics, where the back end has no other port for it |
| `/login`                           | only with a token                                               |

It must never stand in the way of reconciling: it only reads what is there, and a reader that is slow is let go.
"""

import errno
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from aiohttp import web

from anomalyjob_operator.dashboard.listening import Listener
from anomalyjob_operator.dashboard.login import Login
from anomalyjob_operator.dashboard.security import add_headers, only_hosts, only_own_pages, plain_errors, text_answer
from anomalyjob_operator.dashboard.sources import Feeds
from anomalyjob_operator.dashboard.static_files import StaticFile, read_static_files
from anomalyjob_operator.dashboard.streams import Streams
from anomalyjob_operator.pass_report import Key
from anomalyjob_operator.reconcile import utc_now

Metrics = Callable[[], tuple[bytes, str]]
"""Returns the metrics and their content type."""

MAXIMUM_BODY_BYTES: Final = 8_192
JOB_EVENTS: Final = ("overview", "checkpoints", "log")

_JOB: Final = "{namespace:[-a-z0-9]{1,63}}/{name:[-a-z0-9]{1,63}}"


class Dashboard:
    """One server. `hosts` are names it has besides localhost; without a `token` whoever reaches it may read."""

    def __init__(
        self,
        feeds: Feeds,
        *,
        hosts: Iterable[str] = (),
        token: str | None = None,
        metrics: Metrics | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._feeds = feeds
        self._files = read_static_files()
        self._streams = Streams(clock)
        self._metrics = metrics
        self._hosts = tuple(hosts)
        self._login = None if token is None else Login(token, self._page("login.html"))
        self._listener = Listener(self.application, streams="/api/stream/")

    async def start(self, address: str, port: int) -> int:
        """Begin to listen; return the port, which is a free one for 0. Raise OSError, also when the port is taken."""
        return await self._listener.start(address, port)

    async def stop(self) -> None:
        """End all streams and stop to listen, within a second."""
        self._streams.close()
        await self._listener.stop()

    def application(self) -> web.Application:
        """Return the application that answers."""
        middlewares = [plain_errors, only_hosts(self._hosts), only_own_pages]
        if self._login is not None:
            middlewares.append(self._login.check)
        application = web.Application(middlewares=middlewares, client_max_size=MAXIMUM_BODY_BYTES)
        application.on_response_prepare.append(add_headers)
        router = application.router
        router.add_get("/", self._list_page)
        router.add_get(f"/jobs/{_JOB}", self._job_page)
        router.add_get("/static/{file:.+}", self._static)
        router.add_get("/api/jobs", self._jobs)
        router.add_get(f"/api/jobs/{_JOB}", self._job)
        router.add_get("/api/stream/jobs", self._jobs_stream)
        router.add_get(f"/api/stream/jobs/{_JOB}", self._job_stream)
        if self._metrics is not None:
            router.add_get("/metrics", self._show_metrics)
        if self._login is not None:
            router.add_get("/login", self._login.show)
            router.add_post("/login", self._login.take)
        return application

    def _page(self, name: str) -> StaticFile:
        if name not in self._files:
            raise FileNotFoundError(errno.ENOENT, "the page is missing in this installation", name)
        return self._files[name]

    async def _list_page(self, request: web.Request) -> web.StreamResponse:
        return self._page("index.html").answer(request)

    async def _job_page(self, request: web.Request) -> web.StreamResponse:
        # Also for a job that is not known: the operator may just have started, and the page asks again.
        return self._page("job.html").answer(request)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        file = self._files.get(request.match_info["file"])
        if file is None:
            raise web.HTTPNotFound
        return file.answer(request)

    async def _jobs(self, request: web.Request) -> web.StreamResponse:
        del request
        return _json(self._feeds.jobs_document())

    async def _job(self, request: web.Request) -> web.StreamResponse:
        feed = self._feeds.job(_key(request))
        if feed is None:
            return _no_job(request)
        news = {message.event: message.data for message in feed.documents()}
        documents = dict.fromkeys(JOB_EVENTS, b"null") | news
        parts = (b'"%b": %b' % (event.encode(), data) for event, data in documents.items())
        return _json(b"{%b}" % b", ".join(parts))

    async def _jobs_stream(self, request: web.Request) -> web.StreamResponse:
        return await self._streams.answer(request, self._feeds.subscribe_jobs)

    async def _job_stream(self, request: web.Request) -> web.StreamResponse:
        feed = self._feeds.job(_key(request))
        return _no_job(request) if feed is None else await self._streams.answer(request, feed.subscribe)

    async def _show_metrics(self, request: web.Request) -> web.StreamResponse:
        del request
        assert self._metrics is not None  # noqa: S101 - there is no such route otherwise
        content, content_type = self._metrics()
        return web.Response(body=content, headers={"Content-Type": content_type})


def _key(request: web.Request) -> Key:
    return request.match_info["namespace"], request.match_info["name"]


def _json(document: bytes) -> web.Response:
    return web.Response(body=document, content_type="application/json", charset="utf-8")


def _no_job(request: web.Request) -> web.Response:
    namespace, name = _key(request)
    return text_answer(404, f"There is no AnomalyJob {namespace}/{name}, or the operator has not seen it yet.")
