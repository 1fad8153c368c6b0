"""Many readers of one stream of server-sent events, in a thread beside a test: what many pages are to a server."""

import asyncio
import threading
import time
from types import TracebackType
from typing import Self

import aiohttp

READY_SECONDS = 30.0


class StreamReaders:
    """So many readers of an address, for as long as the block; each reads whatever comes."""

    def __init__(self, address: str, count: int) -> None:
        self._address = address
        self._heard = [0.0] * count
        self._thread = threading.Thread(target=lambda: asyncio.run(self._read_all()), daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        """Begin; the readers open their streams one after the other."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all streams."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(READY_SECONDS)

    def lively(self, seconds: float = 5.0) -> int:
        """How many have been told something within the last seconds."""
        return sum(heard > time.monotonic() - seconds for heard in self._heard)

    async def _read_all(self) -> None:
        self._loop = asyncio.get_running_loop()
        # One connection for each: browsers share none between their streams either.
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
            readers = [asyncio.create_task(self._read(session, number)) for number in range(len(self._heard))]
            await self._end.wait()
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def _read(self, session: aiohttp.ClientSession, number: int) -> None:
        try:
            async with session.get(self._address) as stream:
                stream.raise_for_status()
                async for _ in stream.content.iter_any():
                    self._heard[number] = time.monotonic()
            self.failures.append(f"reader {number}: the stream ended")
        except aiohttp.ClientError as error:
            self.failures.append(f"reader {number}: {error!r}")
