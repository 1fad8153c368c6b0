"""A log for tests of what is shown live: lines as the log sink writes them, played in by the test."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from tests.unit.observations import at

from anomalyjob.events import Alert, ProcessRecord, UserEvent
from anomalyjob_operator.live.log_source import LogBatch

WORKLOAD: Final = "demo-taskmanager-1"


def lines_of(
    index: int, *, user: str = "user1", count: int = 0, subtask: int = 0, second: float | None = None
) -> tuple[str, ...]:
    """What the log sink writes for one event, an alert too when the count has reached three."""
    moment = at(index if second is None else second)
    event = UserEvent(user_id=user, index=index, event_time=moment, abnormal=count > 0)
    process = ProcessRecord.of(event, count=count, subtask=subtask, processed_time=moment)
    lines = (event.encode(), process.encode())
    if count < 3:
        return lines
    alert = Alert.of(event, count=count, emitted_time=moment)
    return (*lines, alert.encode(), alert.message)


class PlayedLog:
    """A log whose batches a test puts in; None ends it, an exception breaks it."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[LogBatch | Exception | None] = asyncio.Queue()
        self.opened = 0

    def write(self, *lines: str, workload: str = WORKLOAD) -> None:
        """Let these lines be in the log."""
        self.batches.put_nowait(LogBatch(workload=workload, lines=lines))

    async def follow(self, history: int) -> AsyncIterator[LogBatch]:
        """Hand out what was put in."""
        assert history > 0
        self.opened += 1
        while (batch := await self.batches.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            yield batch
