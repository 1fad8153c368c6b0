"""Looks at a running job all the time: what lies on its volume, and what Flink says that it restored.

The listing of the volume is the test's own. Flink removes checkpoints that newer ones replace, and a start prunes; so
what was there at a moment is known only to whoever looked then. Nothing newer than what was seen last is ever removed.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.flink.local_job import LocalJob

LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCheckpoint:
    """A completed checkpoint: the start that wrote it, its folder, when its metadata was written (ms since 1970)."""

    start: int
    folder: Path
    written_milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenStart:
    """A start record, and the checkpoints in the folders of the starts before it as they were when it appeared."""

    record: Mapping[str, Any]
    before: Mapping[int, Path]

    @property
    def chosen(self) -> tuple[int, str] | None:
        """What the start went on from: checkpoint id and folder."""
        chosen = self.record["chosen"]
        return (chosen["checkpointId"], chosen["path"]) if chosen else None

    @property
    def newest(self) -> tuple[int, str] | None:
        """What it should have gone on from, by the test's own listing."""
        return (max(self.before), str(self.before[max(self.before)])) if self.before else None


@dataclass
class JobWatch:
    """What was seen so far, by number of start, by checkpoint id, by the time of the restore (ms since 1970)."""

    job: LocalJob
    starts: dict[int, SeenStart] = field(default_factory=dict)
    checkpoints: dict[int, SeenCheckpoint] = field(default_factory=dict)
    restores: dict[int, int] = field(default_factory=dict)
    failure: Exception | None = None

    def newest_before(self, milliseconds: int) -> int | None:
        """The newest checkpoint that was complete at a time."""
        ids = [number for number, seen in list(self.checkpoints.items()) if seen.written_milliseconds <= milliseconds]
        return max(ids, default=None)

    def restored_after(self, milliseconds: int) -> int | None:
        """What the last restore after a time went on from, None when there was no restore."""
        if self.failure is not None:
            raise self.failure
        newest = max((time for time in list(self.restores) if time > milliseconds), default=None)
        return None if newest is None else self.restores[newest]

    def wrong_starts(self) -> list[str]:
        """The starts that did not choose the newest, as sentences."""
        return [
            f"start {number} chose {seen.chosen}, the newest was {seen.newest}"
            for number, seen in sorted(self.starts.items())
            if seen.chosen != seen.newest
        ]

    def wrong_restores(self) -> list[str]:
        """The restores that did not take the newest, as sentences."""
        return [
            f"the restore at {time} took {taken}, the newest was {self.newest_before(time)}"
            for time, taken in sorted(self.restores.items())
            if taken != self.newest_before(time)
        ]

    def look(self) -> None:
        """Take in what is to be seen now."""
        # Before the volume: what a restore could take is then on the volume already.
        self._look_at_flink()
        self._look_at_starts()
        self._look_at_volume()

    def _look_at_flink(self) -> None:
        statistics = self.job.checkpoints()
        restored = statistics and statistics["latest"]["restored"]
        if restored:
            self.restores[restored["restore_timestamp"]] = restored["id"]

    def _look_at_starts(self) -> None:
        for number, record in sorted(self.job.start_records().items()):
            if number not in self.starts:
                before = {key: path for key, path in self._volume() if _start_of(path) < number}
                self.starts[number] = SeenStart(record=record, before=before)

    def _look_at_volume(self) -> None:
        for checkpoint_id, folder in self._volume():
            with contextlib.suppress(FileNotFoundError):
                written = (folder / "_metadata").stat().st_mtime_ns // 1_000_000
                seen = SeenCheckpoint(start=_start_of(folder), folder=folder, written_milliseconds=written)
                self.checkpoints[checkpoint_id] = seen

    def _volume(self) -> list[tuple[int, Path]]:
        return list(self.job.checkpoints_on_volume().items())


@contextlib.contextmanager
def watching(job: LocalJob) -> Iterator[JobWatch]:
    """Watch a job from a thread of its own, as long as the block lasts."""
    watch, over = JobWatch(job), threading.Event()

    def look_on() -> None:
        try:
            while not over.wait(LOOK_SECONDS):
                watch.look()
        except Exception as error:  # noqa: BLE001 - a test that watches nothing must not pass
            watch.failure = error

    thread = threading.Thread(target=look_on, name="watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
    if watch.failure is not None:
        raise watch.failure


def _start_of(checkpoint_folder: Path) -> int:
    """The start that wrote it: checkpoints/<start>/<job id>/chk-<n>."""
    return int(checkpoint_folder.parent.parent.name)
