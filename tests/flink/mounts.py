"""Mounts that a test makes and always takes away again. Tests run as root: permission bits would prove nothing."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

NOT_PERMITTED = "this machine does not let the tests mount file systems"
TIMEOUT_SECONDS = 20


@contextmanager
def file_system(folder: Path, size_mebibytes: int) -> Iterator[None]:
    """Put an empty file system of that size, in memory, in the folder's place."""
    _mount("-t", "tmpfs", "-o", f"size={size_mebibytes}m", "tmpfs", str(folder))
    try:
        yield
    finally:
        _unmount(folder)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let the folder be seen read-only by whoever looks from now on."""
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        _unmount(folder)


def _mount(*arguments: str) -> None:
    result = _run("mount", *arguments)
    if result.returncode == 0:
        return
    if "permission denied" in result.stderr.lower() or "must be superuser" in result.stderr.lower():
        pytest.skip(NOT_PERMITTED)
    raise AssertionError(f"mount {' '.join(arguments)}: {result.stderr}")


def _unmount(folder: Path) -> None:
    # Lazily: whatever a failed test has left open must not keep the mount in the file tree.
    result = _run("umount", "--lazy", str(folder))
    assert result.returncode == 0, result.stderr


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)


@contextmanager
def full(volume: Path) -> Iterator[None]:
    """Let nothing more fit on the volume for a while."""
    filler = volume / "filler"
    try:
        with filler.open("wb", buffering=0) as stream, suppress(OSError):
            while stream.write(bytes(4096)):
                pass
        assert shutil.disk_usage(volume).free == 0
        yield
    finally:
        filler.unlink()
