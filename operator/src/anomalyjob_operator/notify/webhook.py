"""Posts one message to one target. What is posted, the address and the headers never get into a log or an error."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import aiohttp

from anomalyjob_operator.notify.message import Message
from anomalyjob_operator.notify.policy import Outcome, outcome_of
from anomalyjob_operator.notify.target_file import read_headers
from anomalyjob_operator.notify.targets import Target, TargetsError

OWN_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "anomalyjob-operator"}


class Webhook:
    """One target. The time of a try is bounded by whoever calls; `close` belongs to the end."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._session: aiohttp.ClientSession | None = None

    async def post(self, message: Message, lost: int) -> Outcome:
        """Return what came of one try."""
        try:
            # Read each time: a mounted Secret is replaced while this process lives.
            headers = await asyncio.to_thread(read_headers, self._target)
            return await self._posted(message.body(lost), {**OWN_HEADERS, **headers})
        except TargetsError as error:
            return Outcome(verdict="again", words=str(error))
        except (aiohttp.ClientError, OSError) as error:
            return Outcome(verdict="again", words=f"it cannot be reached ({_kind(error)})")

    async def _posted(self, body: bytes, headers: dict[str, str]) -> Outcome:
        post = self._open().post(self._target.url, data=body, headers=headers, allow_redirects=False)
        async with post as response:
            outcome = outcome_of(response.status, response.headers.get("Retry-After"), datetime.now(UTC))
            # The status says it all: a body, however long, is left unread.
            response.close()
            return outcome

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        """Return the session: no cookies, no proxy of the environment, and a new connection for each message."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


def _kind(error: Exception) -> str:
    """Return the kind of an error: its words may hold the address."""
    cause = getattr(error, "os_error", None) or error
    return type(cause).__name__
