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
from anomalyjob.start_records import UNCOMMITTED_FILES
from anomalyjob.volume_layout import JobFolder

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
    """Remove the uncommitted part files that were there before the start that wrote the chosen one; return them.

    A savepoint does not tell its start, so nothing goes then: the next start that goes on from a checkpoint cleans up.
    """
    listed = next((record.get(UNCOMMITTED_FILES) for record in records if record.get("start") == chosen.start), None)
    if chosen.start is None or not isinstance(listed, list):
        return []
    return remove_leftovers(folder.output(incarnation), {name for name in listed if isinstance(name, str)})


def _finish_pruning(folder: JobFolder) -> None:
    for path in folder.checkpoints.glob(f"*{_PRUNED_SUFFIX}"):
        # What cannot be removed now is tried again by the next start; it must not keep this one from running.
        shutil.rmtree(path, ignore_errors=True)
