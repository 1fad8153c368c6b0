"""Debian's prometheus and promtool: run, or the reason why a test is skipped."""

import shutil
import subprocess
from pathlib import Path

import pytest

REASON = "prometheus and promtool are not installed (Debian package prometheus)"
SYSTEM_PATH = "/usr/bin:/bin"


def path_of(program: str) -> str:
    """Where Debian puts the program; skip the test where it did not."""
    found = shutil.which(program, path=SYSTEM_PATH)
    if found is None:
        pytest.skip(REASON)
    return found


def promtool(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    command = [path_of("promtool"), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
