"""The figures of a run: a JSON line each in a file, and a table to read at the end."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FILE_NAME = "recoveries.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One recovery: seconds from the blow as this test saw them, and as the status tells them (from its detection).

    None stands for what does not apply, such as the status of a recovery without an operator.
    """

    case: str
    what: str
    seconds_to_running: float
    seconds_to_safe: float | None = None
    from_checkpoint: int | None = None
    told_cause: str | None = None
    told_seconds_to_running: float | None = None
    told_seconds_to_safe: float | None = None
    load: float = 0.0


class Results:
    """All rows of this run; the file keeps those of earlier runs apart by the run's name."""

    def __init__(self, folder: Path, run: str) -> None:
        self._file = folder / FILE_NAME
        self._run = run
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Keep a row, on disk too."""
        self.rows.append(row)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"run": self._run, "machine": machine(), **asdict(row)}, ensure_ascii=False) + "\n")


def load() -> float:
    """Return the load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def table(rows: Sequence[Row]) -> list[str]:
    """Return the rows as lines of a Markdown table."""
    head = ("case", "what", "to RUNNING", "to safe", "from", "status: cause", "to RUNNING", "to safe", "load")
    body = [
        (
            row.case,
            row.what,
            _seconds(row.seconds_to_running),
            _seconds(row.seconds_to_safe),
            "-" if row.from_checkpoint is None else str(row.from_checkpoint),
            row.told_cause or "-",
            _seconds(row.told_seconds_to_running),
            _seconds(row.told_seconds_to_safe),
            f"{row.load:.1f}",
        )
        for row in rows
    ]
    return [_line(head), _line(["---"] * len(head)), *map(_line, body)]


def machine() -> str:
    """Return what the figures were measured on."""
    memory_gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory_gibibytes:.0f} GiB, {platform.freedesktop_os_release()['PRETTY_NAME']}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
