"""Gives a Flink process an empty folder for its temporary files: a container that is started again keeps its volumes.

It must remove nothing outside that folder, so it goes through no symbolic link.
"""

import errno
import os
import shutil
from pathlib import Path


def make_empty(folder: Path) -> None:
    """Make the folder if there is none, and remove whatever lies in it; raise OSError when that cannot be done."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "it is a symbolic link", str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    with os.scandir(folder) as entries:
        for entry in entries:
            _remove(entry)


def _remove(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        # It removes the links that it meets further down, never what they lead to.
        shutil.rmtree(entry.path)
    else:
        Path(entry.path).unlink()
