"""What was seen on a job's volume, and whether each start and each restore took the newest checkpoint. Pure.

The lines come from volume_watcher. Nothing newer than what was seen last is ever removed, so the newest of a moment is
the newest of all that were written by then.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCheckpoint:
    """A completed checkpoint; `line` is the folder that holds those of one incarnation, times in ms since 1970."""

    number: int
    start: int
    line: str
    path: str
    written: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenStart:
    """A start record, and what lay on the volume when it appeared."""

    record: Mapping[str, Any]
    before: Sequence[SeenCheckpoint]

    @property
    def number(self) -> int:
        """The number of the start."""
        return int(self.record["start"])

    @property
    def chosen(self) -> tuple[int, str] | None:
        """What it went on from: id and folder."""
        chosen = self.record["chosen"]
        return (int(chosen["checkpointId"]), str(chosen["path"])) if chosen else None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRecord:
    """Everything seen so far of the job `namespace`/`name`, in the order in which it appeared."""

    namespace: str
    name: str
    checkpoints: tuple[SeenCheckpoint, ...]
    starts: tuple[SeenStart, ...]

    def newest_by(self, milliseconds: int) -> int | None:
        """Return the newest checkpoint of any incarnation that was complete at a time."""
        return max((seen.number for seen in self.checkpoints if seen.written <= milliseconds), default=None)

    def newest_before(self, start: SeenStart) -> tuple[int, str] | None:
        """Return what a start should have gone on from: id and folder of the newest of its incarnation."""
        incarnation = int(start.record["incarnation"])
        lines = {job_id(self.namespace, self.name, incarnation), str(incarnation)}
        own = [seen for seen in start.before if seen.line in lines]
        newest = max(own, key=lambda seen: (seen.number, seen.start), default=None)
        return None if newest is None else (newest.number, newest.path)

    def wrong_starts(self, *, after: int = 0) -> list[str]:
        """Return the starts of a higher number that did not take the newest, as sentences."""
        return [
            f"start {start.number} chose {start.chosen}, the newest was {self.newest_before(start)}"
            for start in self.starts
            if start.number > after and not _same(start.chosen, self.newest_before(start))
        ]

    @property
    def last_start(self) -> int:
        """The number of the newest start, 0 before the first."""
        return max((start.number for start in self.starts), default=0)


def record_of(namespace: str, name: str, lines: Iterable[str]) -> VolumeRecord:
    """Return the record that these lines of the watcher make."""
    documents = [json.loads(line) for line in lines if line.startswith("{")]
    return VolumeRecord(
        namespace=namespace,
        name=name,
        checkpoints=tuple(_checkpoint(document) for document in documents if "record" not in document),
        starts=tuple(_start(document) for document in documents if "record" in document),
    )


def job_id(namespace: str, name: str, incarnation: int) -> str:
    """Return Flink's job id of an incarnation, computed here once more: it must never change."""
    return hashlib.sha256(f"{namespace}/{name}/{incarnation}".encode()).hexdigest()[:32]


def _same(chosen: tuple[int, str] | None, newest: tuple[int, str] | None) -> bool:
    """Tell whether both mean one checkpoint; the watcher sees the volume under another path than the job."""
    if chosen is None or newest is None:
        return chosen is newest
    return chosen[0] == newest[0] and _within(chosen[1]) == _within(newest[1])


def _within(path: str) -> str:
    """Return the part of a path below the job's folder."""
    for folder in ("checkpoints", "stop"):
        before, found, rest = path.partition(f"/{folder}/")
        if found:
            return f"{before.rpartition('/')[2]}/{folder}/{rest}"
    return path


def _start(document: Mapping[str, Any]) -> SeenStart:
    return SeenStart(record=document["record"], before=tuple(_checkpoint(entry) for entry in document["before"]))


def _checkpoint(entry: Mapping[str, Any]) -> SeenCheckpoint:
    return SeenCheckpoint(
        number=int(entry["id"]),
        start=int(entry["start"]),
        line=str(entry["line"]),
        path=str(entry["path"]),
        written=int(entry["written"]),
    )
