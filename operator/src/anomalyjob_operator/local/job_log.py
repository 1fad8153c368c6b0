"""The lines of a job's TaskManagers for the live log: the ends of their log files, then what is written to them.

A log file tells nobody that it has grown, so it is looked at a few times a second, for as long as somebody wants it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final

from anomalyjob_operator.live.log_source import LogBatch
from anomalyjob_operator.local.log_tail import LogTail, taskmanager_logs
from anomalyjob_operator.local.state_folder import StateFolder

POLL_SECONDS: Final = 0.3
HISTORY_BYTES: Final = 262_144
"""How far from its end a log is searched for its last lines."""
MAXIMUM_LINE_CHARACTERS: Final = 16_384
MAXIMUM_BATCH_LINES: Final = 1_000


class JobLog:
    """A LogSource over the files in a job's folder."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder

    async def follow(self, history: int) -> AsyncIterator[LogBatch]:
        """Begin with the last `history` lines of each log, then go on for ever; a log that appears is read whole."""
        tails = {log: _near_the_end(log) for log in self._logs()}
        for log, tail in tails.items():
            for batch in _batches(log.stem, _last(tail.new_lines(), history)):
                yield batch
        while True:
            await asyncio.sleep(POLL_SECONDS)
            for log in self._logs():
                for batch in _batches(log.stem, tails.setdefault(log, LogTail(file=log)).new_lines()):
                    yield batch

    def _logs(self) -> list[Path]:
        return taskmanager_logs(self._folder.logs, self._folder.name)


def _near_the_end(log: Path) -> LogTail:
    """Return a tail that begins at most so far from the end; its first line may be the rest of one."""
    tail = LogTail.from_end(log)
    tail.position = max(0, tail.position - HISTORY_BYTES)
    return tail


def _last(lines: Sequence[str], count: int) -> Sequence[str]:
    return lines[max(0, len(lines) - count) :]


def _batches(workload: str, lines: Sequence[str]) -> Iterator[LogBatch]:
    for begin in range(0, len(lines), MAXIMUM_BATCH_LINES):
        some = lines[begin : begin + MAXIMUM_BATCH_LINES]
        yield LogBatch(workload=workload, lines=tuple(line[:MAXIMUM_LINE_CHARACTERS] for line in some))
