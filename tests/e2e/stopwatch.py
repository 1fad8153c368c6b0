"""Seconds since it was made, by a clock that nobody sets."""

import time


class Stopwatch:
    """Starts at once."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._began
