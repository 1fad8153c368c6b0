"""Removes from the volume what no start needs any more: old start folders, uncommitted part files left behind.

Only under the lock, and only after the choice. What goes is decided by `pruning` and `part_files`; this does it.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from anomalyjob.checkpoint_catalogue import start_folders
from anomalyjob.checkpoint_choice import Candidate
from anomalyjob.part_files import remove_leftovers
from anomalyjob.pruning import removable_starts
from anomalyjob.volume_layout import METADATA_NAME, JobFolder

_PRUNED_SUFFIX: Final = ".pruned"


def prune_start_folders(
    folder: JobFolder, incarnation: int, candidates: Sequence[Candidate], chosen: Candidate | None, *, retained: int
) -> tuple[int, ...]:
    """Remove the start folders that `removable_starts` names and return their numbers."""
    _finish_pruning(folder)
    folders = start_folders(folder)
    own_id = folder.job_id(incarnation)
    own = {number for number, path in folders.items() if (path / own_id).exists() or not any(path.iterdir())}
    removable = removable_starts(
        candidates, chosen, own_starts=own, other_starts=folders.keys() - own, retained=retained
    )
    for number in removable:
        # Renamed first: a removal that is cut off must not leave half a start folder that looks like a whole one.
        folders[number].rename(folders[number].with_suffix(_PRUNED_SUFFIX))
    _finish_pruning(folder)
    return removable


def remove_stale_part_files(
    folder: JobFolder, incarnation: int, chosen: Candidate, records: Sequence[Mapping[str, object]]
) -> list[Path]:
    """Remove uncommitted part files from before the start that wrote the chosen checkpoint, and return them."""
    producer = _producer(folder, chosen, records)
    if producer is None or not producer.exists():
        return []
    # The record's own file time is on the clock of the volume, as the times of the part files are.
    return remove_leftovers(folder.output(incarnation), before_nanoseconds=producer.stat().st_mtime_ns)


def _finish_pruning(folder: JobFolder) -> None:
    for path in folder.checkpoints.glob(f"*{_PRUNED_SUFFIX}"):
        # What cannot be removed now is tried again by the next start; it must not keep this one from running.
        shutil.rmtree(path, ignore_errors=True)


def _producer(folder: JobFolder, chosen: Candidate, records: Sequence[Mapping[str, object]]) -> Path | None:
    """Return the record of the start that wrote the chosen one: for a savepoint, the last one before its metadata."""
    if chosen.start is not None:
        return folder.start_record(chosen.start)
    written = (Path(chosen.path) / METADATA_NAME).stat().st_mtime_ns
    files = [folder.start_record(start) for record in records if isinstance(start := record.get("start"), int)]
    earlier = [file for file in files if file.exists() and file.stat().st_mtime_ns < written]
    return earlier[-1] if earlier else None
