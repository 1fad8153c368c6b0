"""Follows a job's log while somebody wants it, and hands on what is new, a few times a second.

However much is written, it takes a bounded share of this process: of a flood it reads a part and counts the rest, but
no alert is passed over. A source that ends or fails is opened anew.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from anomalyjob.events import Alert, is_alert_line
from anomalyjob_operator.joined_tasks import end
from anomalyjob_operator.live import loops
from anomalyjob_operator.live.log_book import LogBook
from anomalyjob_operator.live.log_records import RECORD_MARK, RecordReader, Written
from anomalyjob_operator.live.log_source import LogBatch, LogSource

logger = logging.getLogger(__name__)

HISTORY_LINES: Final = 300
GATHERING_SECONDS: Final = 0.2
REOPEN_SECONDS: Final = 5.0
WANTED_CHECK_SECONDS: Final = 1.0
MAXIMUM_LINES: Final = 2_000
"""In each of those whiles: more than that is a flood."""
MAXIMUM_GATHERED: Final = 2_000
AT_A_TIME: Final = 200
UNWATCHED_ENTRIES: Final = 100
UNWATCHED_LINES: Final = 600
"""So many are known again when a log that is followed for its alerts alone broke off: about what is read of it then."""
CLOCKS_DIFFER: Final = timedelta(seconds=2)
"""By so much an alert may seem older than the moment at which the following began. Older ones are history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """For what a log is followed: `wanted` says whether at all, `watched` whether for a reader's eyes.

    `new` gets new entries and how many were passed over before them, `alert` each new alert.
    """

    wanted: Callable[[], bool]
    watched: Callable[[], bool]
    new: Callable[[tuple[bytes, ...], int], None]
    alert: Callable[[Alert], None]


class LogFollower:
    """Follows the log of one job; `source` is called each time that it is opened."""

    def __init__(
        self, source: Callable[[], LogSource], book: LogBook, interest: Interest, clock: Callable[[], datetime]
    ) -> None:
        self._source = source
        self._book = book
        self._interest = interest
        self._clock = clock
        self._reader = RecordReader()
        self._gathered: deque[Written] = deque(maxlen=MAXIMUM_GATHERED)
        self._dropped = 0
        self._begun: set[str] = set()
        self._lines_left = MAXIMUM_LINES
        self._while_ends = 0.0
        self._something = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Follow the log for as long as it is wanted; then return."""
        while not self._interest.wanted():
            await loops.took(self._hurry, WANTED_CHECK_SECONDS)
        began = self._clock() - CLOCKS_DIFFER
        reading = asyncio.create_task(self._read_again_and_again(began))
        try:
            while self._interest.wanted():
                await self._hand_on()
        finally:
            # First: whoever comes back while the reading ends must not be handed what will be read again.
            self._begin_anew()
            await end((reading,))

    def hurry(self) -> None:
        """Look at once whether it is wanted."""
        self._hurry.set()

    async def _read_again_and_again(self, began: datetime) -> None:
        while True:
            try:
                await self._read(began)
            except Exception as error:  # noqa: BLE001 - whatever it is, the log is opened anew
                logger.warning("the log cannot be followed: %r (trying again)", error)
            await asyncio.sleep(REOPEN_SECONDS)

    def _begin_anew(self) -> None:
        """Forget all: what is read when the log is wanted again begins before what was read last."""
        self._reader = RecordReader()
        self._book.forget(0)
        self._gathered.clear()
        self._something.clear()
        self._dropped = 0

    async def _read(self, began: datetime) -> None:
        self._begun.clear()
        batches = self._source().follow(HISTORY_LINES)
        try:
            async for batch in batches:
                await self._take(batch, began)
        finally:
            if isinstance(batches, AsyncGenerator):
                await batches.aclose()

    async def _take(self, batch: LogBatch, began: datetime) -> None:
        older, newest = self._shared(batch.lines)
        lines = (*filter(is_alert_line, older), *newest)
        is_history = batch.workload not in self._begun
        self._begun.add(batch.workload)
        if not is_history:
            self._dropped += sum(line.startswith(RECORD_MARK) and not is_alert_line(line) for line in older)
        for begin in range(0, len(lines), AT_A_TIME):
            for written in self._reader.read(batch.workload, lines[begin : begin + AT_A_TIME]):
                self._gather(written, began, is_history=is_history)
            # Others have their turn: a flood must not hold up this process.
            await asyncio.sleep(0)

    def _shared(self, lines: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the older lines, and the newest: as many as may still be read in this while."""
        now = asyncio.get_running_loop().time()
        if now >= self._while_ends:
            self._while_ends, self._lines_left = now + GATHERING_SECONDS, MAXIMUM_LINES
        older = max(0, len(lines) - self._lines_left)
        self._lines_left -= len(lines) - older
        return lines[:older], lines[older:]

    def _gather(self, written: Written, began: datetime, *, is_history: bool) -> None:
        self._dropped += not is_history and len(self._gathered) == MAXIMUM_GATHERED
        self._gathered.append(written)
        self._something.set()
        if isinstance(written.record, Alert) and written.record.emitted_time >= began:
            self._interest.alert(written.record)

    async def _hand_on(self) -> None:
        if not await loops.took(self._something, WANTED_CHECK_SECONDS):
            return
        await asyncio.sleep(GATHERING_SECONDS)
        gathered, dropped = tuple(self._gathered), self._dropped
        self._gathered.clear()
        self._dropped = 0
        self._interest.new(self._book.add(gathered), dropped)
        self._tidy()

    def _tidy(self) -> None:
        """Keep little of a log that nobody looks at: one process may follow hundreds for their alerts."""
        if not self._interest.watched():
            self._book.forget(UNWATCHED_ENTRIES)
            self._reader.forget(UNWATCHED_LINES)
