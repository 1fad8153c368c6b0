"""Writes the files that a process is started with into a folder named after their content.

A folder is never changed once written, so a process that is started again gets what it got before. Folders that
nothing runs from are removed, but for the newest few.
"""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

KEPT: Final = 12


def write_folder(configurations: Path, content_hash: str, files: Mapping[str, str]) -> Path:
    """Return the folder with exactly these files; write it if it is not there. Raise OSError when the disk refuses.

    It appears as a whole or not at all; a folder that somebody changed by hand is made anew.
    """
    folder = configurations / content_hash
    if _holds(folder, files):
        return folder
    draft = configurations / f".{content_hash}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        for name, text in files.items():
            (draft / name).write_text(text, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def remove_old_folders(configurations: Path, used: Collection[str]) -> None:
    """Remove what nothing in `used` (content hashes) names, except for the newest ones."""
    unused = [folder for folder in configurations.iterdir() if folder.name not in used]
    unused.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in unused[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def _holds(folder: Path, files: Mapping[str, str]) -> bool:
    try:
        if {path.name for path in folder.iterdir()} != set(files):
            return False
        return all((folder / name).read_text(encoding="utf-8") == text for name, text in files.items())
    except (OSError, UnicodeDecodeError):
        return False
