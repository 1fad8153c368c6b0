"""Reads what the log sink wrote into the TaskManagers' logs: lines of JSON and [ALERT] lines.

Logs are cut in place when they grow too long, so a position behind the end means: read what was moved aside to its end,
then begin at the start again. Flink's own log lines stand in the same files and are passed over.
"""

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from anomalyjob_operator.local.log_files import numbered_log, older_logs

ALERT_MARK: Final = "[ALERT]"
RECORD_MARK: Final = '{"kind": '
_CHUNK_BYTES: Final = 1_000_000
_TIMES: Final = ("emittedTime", "processedTime", "eventTime")


def is_alert(line: str) -> bool:
    """Tell whether a line is one for people to be alarmed by."""
    return line.startswith(ALERT_MARK)


def is_record(line: str) -> bool:
    """Tell whether a line is of the log sink rather than of Flink."""
    return line.startswith((RECORD_MARK, ALERT_MARK))


@dataclass(slots=True)
class LogTail:
    """Follows one log file from `position` (bytes); a file that is not there yet is empty."""

    file: Path
    position: int = 0
    _rest: bytes = field(default=b"")

    @classmethod
    def from_end(cls, file: Path) -> "LogTail":
        """Follow a file from where it ends now."""
        return cls(file=file, position=file.stat().st_size if file.exists() else 0)

    def new_lines(self) -> list[str]:
        """Return the whole lines written since the last call, at most about 1 MB of them."""
        try:
            content = self._next_bytes()
        except OSError:
            return []
        *lines, self._rest = (self._rest + content).split(b"\n")
        # A line without an end must not fill the memory.
        self._rest = self._rest[-_CHUNK_BYTES:]
        return [line.decode("utf-8", errors="replace") for line in lines]

    def _next_bytes(self) -> bytes:
        if self.file.stat().st_size < self.position:
            try:
                before_the_cut = self._read(numbered_log(self.file, 1))
            except OSError:
                before_the_cut, self._rest = b"", b""
            if before_the_cut:
                return before_the_cut
            self.position = 0
        return self._read(self.file)

    def _read(self, file: Path) -> bytes:
        with file.open("rb") as stream:
            stream.seek(self.position)
            content = stream.read(_CHUNK_BYTES)
        self.position += len(content)
        return content


def taskmanager_logs(logs: Path, job: str) -> list[Path]:
    """Return the logs of a job's TaskManagers."""
    return sorted(logs.glob(f"{job}-taskmanager-*.log"))


def all_records(logs: Iterable[Path]) -> Iterator[str]:
    """Yield the log sink's lines of all logs and their older parts, in the order of their times as far as possible."""
    timed = [_timed(_lines(older_logs(log))) for log in logs]
    return (line for _, line in heapq.merge(*timed, key=lambda item: item[0]))


def _lines(files: Iterable[Path]) -> Iterator[str]:
    for file in files:
        try:
            with file.open(encoding="utf-8", errors="replace") as stream:
                yield from (line.rstrip("\n") for line in stream if is_record(line))
        except FileNotFoundError:
            continue


def _timed(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    time = ""
    for line in lines:
        time = _time_of(line) or time
        yield time, line


def _time_of(line: str) -> str | None:
    if not line.startswith(RECORD_MARK):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return next((str(record[key]) for key in _TIMES if key in record), None)
