"""Makes this process die with the supervisor that started it, whatever it becomes by `exec`.

Linux only. The signal follows the *thread* that started this process, so a supervisor has to start it from its main
thread.
"""

import ctypes
import os
import signal
from typing import Final

from anomalyjob.strict_document import ConfigError

_PR_SET_PDEATHSIG: Final = 1


def die_with_parent(parent: str | None) -> None:
    """Ask the kernel for SIGKILL when the parent dies; exit at once when the parent is not that process any more.

    Do nothing when no parent is named. Raise ConfigError when the text is not a process id.
    """
    if parent is None:
        return
    if not parent.isdecimal():
        raise ConfigError("ANOMALYJOB_PARENT_PID", f"must be a process id, not {parent!r}")
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl refused the parent-death signal")
    # The order closes the gap: a parent that died before the call above is seen here.
    if os.getppid() != int(parent):
        raise SystemExit(f"anomalyjob launcher: the parent process {parent} is gone, so nothing is started")
