"""Tells how full the volume is, by a metric of Flink: where the operator cannot see the volume, its tasks can.

A counter that is moved up and down, not a gauge: in thread mode Flink would call a gauge's Python code from a thread of
its own, beside the one that runs the task. It must not fail or hold up a task for the sake of a number.
"""

import shutil
import time
from typing import Final, Protocol

VOLUME_USED_METRIC: Final = "volumeUsedPermille"
"""How much of the volume is used, of a thousand; 0 as long as nobody has looked. A metric of the operator `sink`."""

LOOK_SECONDS: Final = 10.0


class Counter(Protocol):
    """The part of PyFlink's Counter that is used here; the operator side imports this module without PyFlink."""

    def inc(self, n: int = 1) -> None:
        """Add a number, which may be negative."""


class VolumeUsage:
    """Keeps a counter at what is used of the file system that a folder lies on."""

    def __init__(self, folder: str, counter: Counter) -> None:
        self._folder = folder
        self._counter = counter
        self._told = 0
        self._due = 0.0

    def look(self) -> None:
        """Look, unless that was done just now. To be called as often as one likes, by the task's own thread."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + LOOK_SECONDS
        used = _used_permille(self._folder)
        if used is not None and used != self._told:
            self._counter.inc(used - self._told)
            self._told = used


def _used_permille(folder: str) -> int | None:
    """Return 1 to 1000, rounded up; None when it cannot be seen."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    # A file system of no size, such as one on the network may have, tells nothing.
    return max(1, 1000 - 1000 * usage.free // usage.total) if usage.total else None
