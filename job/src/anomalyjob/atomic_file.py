"""Writes small files so that a reader, or a crash, never meets half of one.

It must be used for everything that a later start relies on: a plain write could leave a torn file behind.
"""

import contextlib
import errno
import os
from pathlib import Path


def write_atomically(file: Path, text: str) -> None:
    """Write UTF-8 text beside the file, sync it, rename it into place; raise OSError naming the file if that fails."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        # A failed write does not know its file: say it, or the user reads "no space left" without a place.
        raise OSError(error.errno, error.strerror, str(file)) from None
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the file system knows how: some refuse to sync a folder at all."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise OSError(error.errno, error.strerror, str(folder)) from None
    finally:
        os.close(descriptor)
