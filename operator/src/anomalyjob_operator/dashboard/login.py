"""The optional token: who wants to read must have shown it once, or shows it with every request.

| shown as                              | by                                                              |
| ------------------------------------- | --------------------------------------------------------------- |
| `Authorization: Bearer <token>`       | programs                                                        |
| a cookie that `POST /login` hands out | browsers; it does not hold the token, and no script can read it |

Wrong tokens are counted for all together: whoever guesses comes from any address he likes. Nothing here is logged.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from anomalyjob_operator.dashboard.security import host_name, text_answer
from anomalyjob_operator.dashboard.static_files import StaticFile

COOKIE_SECONDS: Final = 12 * 3600
SHORTEST_TOKEN: Final = 16
LONGEST_TOKEN: Final = 1_024
MAXIMUM_FAILURES: Final = 10
FAILURES_SECONDS: Final = 60.0

_PAGE_PATH: Final = re.compile(r"/(?:jobs/[-a-z0-9]{1,63}/[-a-z0-9]{1,63})?")


class TokenError(Exception):
    """The token cannot be used; the message says where it stands and what to do."""


def read_token(file: Path) -> str:
    """Return the token in a file. Raise TokenError."""
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not plain ASCII text"
        raise TokenError(f"the dashboard's token cannot be read from {file}: {reason}") from None
    if not SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN or not token.isprintable() or " " in token:
        raise TokenError(
            f"the dashboard's token in {file} must be {SHORTEST_TOKEN} to {LONGEST_TOKEN} characters without blanks. "
            "Make one with: openssl rand -hex 32"
        )
    return token


class Login:
    """Asks for the token. `page` is the page to ask with."""

    def __init__(
        self,
        token: str,
        page: StaticFile,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._token = token.encode()
        self._page = page
        self._clock = clock
        self._wall_clock = wall_clock
        self._failures: list[float] = []
        # A browser sends the cookies of all ports of a host to each: two dashboards must not overwrite each other's.
        self.cookie = f"anomalyjob-dashboard-{self._code('name')[:8]}"

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let through what shows the token, and what anybody may read: the login page and the files of the pages."""
        if request.path == "/login" or request.path.startswith("/static/") or self._has_cookie(request):
            return await handler(request)
        bearer = request.headers.get("Authorization", "")
        if bearer.startswith("Bearer "):
            refusal = self._refusal(bearer.removeprefix("Bearer ").strip())
            return await handler(request) if refusal is None else refusal
        if _PAGE_PATH.fullmatch(request.path):
            raise web.HTTPSeeOther(f"/login?next={request.path}")
        return _unauthorized("A token is needed: log in at /login, or send it as Authorization: Bearer.")

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the page that asks for the token."""
        return self._page.answer(request)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take the token from the page, and go where the user wanted to."""
        if not _is_own_form(request):
            return text_answer(403, "The token is taken from the dashboard's own page only.")
        shown = (await request.post()).get("token")
        wanted = request.query.get("next", "/")
        wanted = wanted if _PAGE_PATH.fullmatch(wanted) else "/"
        refusal = self._refusal(shown if isinstance(shown, str) else "")
        if refusal is not None:
            # The page says what it means.
            raise web.HTTPSeeOther(f"/login?{'wrong' if refusal.status == 401 else 'wait'}&next={wanted}")
        answer = web.Response(status=303, headers={"Location": wanted})
        answer.set_cookie(
            self.cookie,
            self._session(),
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="Strict",
            secure=request.headers.get("X-Forwarded-Proto", request.scheme) == "https",
        )
        return answer

    def _session(self) -> str:
        """Return when the session ends, and what nobody makes without the token: it outlives a restart."""
        ends = str(int(self._wall_clock()) + COOKIE_SECONDS)
        return f"{ends}.{self._code(ends)}"

    def _has_cookie(self, request: web.Request) -> bool:
        ends, _, code = request.cookies.get(self.cookie, "").partition(".")
        # The time is read only when it is known to be our own.
        is_ours = hmac.compare_digest(_bytes(code), self._code(ends).encode())
        return is_ours and self._wall_clock() < int(ends)

    def _code(self, of: str) -> str:
        return hmac.new(self._token, b"anomalyjob dashboard session " + _bytes(of), hashlib.sha256).hexdigest()

    def _refusal(self, shown: str) -> web.Response | None:
        """Return None for the token. While too many wrong ones came, not even the right one is taken."""
        now = self._clock()
        self._failures = [at for at in self._failures if now - at < FAILURES_SECONDS]
        if len(self._failures) >= MAXIMUM_FAILURES:
            answer = text_answer(429, "Too many wrong tokens. Wait a minute.")
            answer.headers["Retry-After"] = str(int(FAILURES_SECONDS))
            return answer
        if hmac.compare_digest(_bytes(shown), self._token):
            return None
        self._failures.append(now)
        return _unauthorized("That is not the token.")


def _bytes(shown: str) -> bytes:
    """Return bytes to compare: a header may hold what is no text at all."""
    return shown.encode(errors="backslashreplace")


def _unauthorized(sentence: str) -> web.Response:
    answer = text_answer(401, sentence)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="anomalyjob dashboard"'
    return answer


def _is_own_form(request: web.Request) -> bool:
    """Tell whether a browser says that the form came from here; what says nothing is no browser."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    authority = origin.partition("://")[2]
    return (
        origin != "null" and authority.lower() == request.headers.get("Host", "").lower() and bool(host_name(authority))
    )
