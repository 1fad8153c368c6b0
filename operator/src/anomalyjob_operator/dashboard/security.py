"""What every answer and every request of the dashboard must obey, whatever it is about.

| rule                                         | why                                                              |
| -------------------------------------------- | ---------------------------------------------------------------- |
| content security policy, nosniff, …          | text of a log never becomes a script, no other site frames a page |
| the Host header is one of ours, else 421     | a foreign name made to point here (DNS rebinding) reads nothing  |
| `/api` is not for pages of other origins     | they could not read it, but they could take up every stream      |
| an error says what is wrong, without a trace | details are in the log                                           |
"""

import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

logger = logging.getLogger(__name__)

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_HOST: Final = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[-_.a-z0-9]*))(?::\d{1,5})?", re.ASCII)
OWN_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on every answer, streams and errors too; and do not tell which software answers."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.popall("Server", None)


def host_name(header: str) -> str:
    """Return the name in a Host header, in lower case, without its port and brackets; nothing if it is malformed."""
    match = _HOST.fullmatch(header.strip().lower())
    return "" if match is None else match["address"] or match["name"]


def only_hosts(hosts: Iterable[str]) -> Middleware:
    """Return what refuses every request for another host than these and this machine's own."""
    allowed = OWN_HOSTS | {host.strip().lower() for host in hosts if host.strip()}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if host_name(request.headers.get("Host", "")) in allowed:
            return await handler(request)
        return text_answer(
            421,
            "The dashboard does not answer under this host name. Use http://localhost (on Kubernetes by a "
            "port-forward), or let the operator know the name: ANOMALYJOB_DASHBOARD_HOSTS (chart: dashboard.hosts).",
        )

    return check


@web.middleware
async def only_own_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse documents and streams to pages of other origins. Browsers say who asks; other programs need not."""
    asking = request.headers.get("Sec-Fetch-Site", "none")
    if request.path.startswith("/api/") and asking not in {"none", "same-origin"}:
        return text_answer(403, "Documents are only for the dashboard's own pages.")
    return await handler(request)


@web.middleware
async def plain_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer every error in one plain sentence."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return text_answer(404, "Nothing is here. The list of jobs is at /")
    except web.HTTPMethodNotAllowed as error:
        answer = text_answer(405, "The dashboard is for reading only: GET and HEAD.")
        answer.headers["Allow"] = ",".join(sorted(error.allowed_methods))
        return answer
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return text_answer(error.status, error.text or error.reason)
    except ConnectionError:
        raise
    except Exception:
        logger.exception("the dashboard could not answer %r", request.path)
        return text_answer(500, "The dashboard failed to answer; details are in the log of the operator.")


def text_answer(status: int, sentence: str) -> web.Response:
    """Return an answer for people."""
    return web.Response(status=status, text=f"{sentence}\n")
