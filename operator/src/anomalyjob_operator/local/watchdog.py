"""Ends every process of a job when its supervisor dies without having been able to: `kill -9`, out of memory.

The launcher asks the kernel to end each Flink process with its parent. That does not reach what Flink itself starts:
the Python client of the JobManager, Python workers in process mode. This process waits on a pipe whose other end only
the supervisor holds; the kernel closes it however the supervisor dies. After an orderly stop the table is empty, and
nothing is left to do.

    python -m anomalyjob_operator.local.watchdog <state folder> <processes.json>     (standard input: the pipe)
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from anomalyjob_operator.local.process_table import end_recorded_processes

Watchdog = subprocess.Popen[bytes]
_ARGUMENTS: Final = 3


def start_watchdog(state_folder: Path, processes_file: Path) -> Watchdog:
    """Start the watchdog of this process. Closing its `stdin`, or the death of this process, lets it act and end."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(state_folder), str(processes_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def main() -> int:
    """Wait for the supervisor's end, then end what it left."""
    if len(sys.argv) != _ARGUMENTS:
        sys.stderr.write("usage: python -m anomalyjob_operator.local.watchdog STATE_FOLDER PROCESSES_FILE\n")
        return 2
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # Whoever ends a whole session means the supervisor, which stops its processes itself.
        signal.signal(number, signal.SIG_IGN)
    while os.read(sys.stdin.fileno(), 1024):
        pass
    end_recorded_processes(Path(sys.argv[2]), Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
