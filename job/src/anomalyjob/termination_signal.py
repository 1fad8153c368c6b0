"""Lets a launcher end at once when it is asked to, also as process 1 of a container.

The kernel delivers to process 1 only signals that it has a handler for, so without one a launcher that waits for the
lock would be killed after the whole grace time. A handler does not survive `exec`, an ignored signal does: Flink gets
every signal as the launcher found it.
"""

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_EXIT_STATUS_OF_SIGNALS: Final = 128
_STANDARD_ERROR: Final = 2


def end_when_asked() -> None:
    """Install the handlers. A signal that whoever started this process wanted ignored stays so."""
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    name = signal.Signals(number).name
    line = f"anomalyjob launcher: asked to end by {name} before Flink was started: nothing was started\n"
    with contextlib.suppress(OSError):
        # Not by sys.stderr: it may be just in the middle of a line of its own, and refuses a second one.
        os.write(_STANDARD_ERROR, line.encode())
    sys.exit(_EXIT_STATUS_OF_SIGNALS + number)
