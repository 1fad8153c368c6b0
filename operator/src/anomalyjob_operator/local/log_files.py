"""Keeps the workloads' logs bounded: at most 20 MB each, and three older ones.

Processes hold their log open, so a full one is copied and cut rather than renamed. They append (O_APPEND), so they go
on at the new end. What is written between copy and cut is lost: the exact record of a run is its part files.
"""

import os
import shutil
from pathlib import Path
from typing import Final

MAXIMUM_BYTES: Final = 20_000_000
KEPT: Final = 3


def open_log(file: Path) -> int:
    """Return a descriptor for appending to a workload's log, after bounding it. Raise OSError when the disk refuses."""
    file.parent.mkdir(parents=True, exist_ok=True)
    bound_log(file)
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)


def bound_log(file: Path, *, maximum_bytes: int = MAXIMUM_BYTES) -> bool:
    """Move the content aside to `<file>.1` (which becomes `.2`, …) if it is too long; tell whether it was.

    On a full disk nothing can be moved aside: then the old content is given up, since growing further is worse.
    """
    if not file.exists() or file.stat().st_size <= maximum_bytes:
        return False
    for number in range(KEPT - 1, 0, -1):
        older = numbered_log(file, number)
        if older.exists():
            older.replace(numbered_log(file, number + 1))
    try:
        shutil.copyfile(file, numbered_log(file, 1))
    except OSError:
        numbered_log(file, 1).unlink(missing_ok=True)
    os.truncate(file, 0)
    return True


def older_logs(file: Path) -> tuple[Path, ...]:
    """Return the log and the older ones that exist, oldest first."""
    numbered = (numbered_log(file, number) for number in range(KEPT, 0, -1))
    return tuple(path for path in (*numbered, file) if path.exists())


def numbered_log(file: Path, number: int) -> Path:
    """Return where the older part of that number lies: 1 is the newest."""
    return file.with_name(f"{file.name}.{number}")
