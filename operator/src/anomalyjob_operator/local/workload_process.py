"""One workload as a process of this machine: started, watched, started again, stopped.

It follows orders of the supervisor and never decides whether its workload should exist. Only processes that it
started are signalled.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from anomalyjob.timestamps import format_time
from anomalyjob_operator.local.log_files import open_log
from anomalyjob_operator.local.process_identity import (
    ProcessIdentity,
    identify,
    kill_group,
    program_of,
)
from anomalyjob_operator.local.process_table import RecordedProcess
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.observed import Refusal, Role, WorkloadObservation

SHORT_LIFE_SECONDS: Final = 10.0
MAXIMUM_DELAY_SECONDS: Final = 10.0
_TERMINATION_LOG_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a workload. `environment` is added to this process's own; a new hash means a new process."""

    name: str
    role: Role
    content_hash: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    grace_seconds: float


def restart_delay_seconds(short_lives: int) -> float:
    """Return how long to wait before the next start after so many lives in a row of less than 10 s.

    The first is followed at once, like any other death; then 1, 2, 4, 8 and at most 10 seconds.
    """
    return 0.0 if short_lives <= 1 else min(2.0 ** min(short_lives - 2, 10), MAXIMUM_DELAY_SECONDS)


@dataclass(slots=True)
class WorkloadProcess:
    """The process of one workload, over all its starts. Times: monotonic seconds inside, wall clock for people."""

    launch: Launch
    folder: StateFolder
    starts: int = 0
    alive_since: datetime | None = None
    died_at: datetime | None = None
    last_end: str = ""
    refusal: Refusal | None = None
    start_due: float = 0.0
    _short_lives: int = 0
    _started: float = 0.0
    _child: "subprocess.Popen[bytes] | None" = None
    _identity: ProcessIdentity | None = field(default=None)

    @property
    def alive(self) -> bool:
        """Whether the process has been started and has not been seen to end."""
        return self._child is not None

    @property
    def pid(self) -> int | None:
        """The pid of the living process."""
        return None if self._child is None else self._child.pid

    def start(self, now: datetime, monotonic: float) -> None:
        """Start the process. Raise OSError when the program or the log cannot be opened."""
        if threading.current_thread() is not threading.main_thread():
            # The parent-death signal that the launcher asks for follows the thread that spawned it, not the process.
            raise RuntimeError("workloads must be started from the main thread")
        self._tidy()
        log = open_log(self.folder.log_file(self.launch.name))
        try:
            self._child = subprocess.Popen(
                self.launch.command,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder.path,
                start_new_session=True,
            )
        finally:
            os.close(log)
        self._identity = identify(self._child.pid)
        self.starts += 1
        self.alive_since, self._started = now, monotonic

    def reap(self, now: datetime, monotonic: float) -> bool:
        """Notice the process's end, end all that it started, plan the next start; tell whether it had ended."""
        if self._child is None or os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        # Not yet waited for, the dead leader still keeps the number of its group: this hits nobody else's processes.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self.last_end = _how_it_ended(self._child.wait())
        self._child = None
        self.refusal = read_refusal(self.folder.termination_log(self.launch.name))
        self.died_at, self.alive_since = now, None
        self._short_lives = self._short_lives + 1 if monotonic - self._started < SHORT_LIFE_SECONDS else 0
        self.start_due = monotonic + restart_delay_seconds(self._short_lives)
        return True

    def ask_to_end(self) -> None:
        """Send SIGTERM, if the process lives."""
        if self._child is not None:
            # Popen.send_signal would take the exit status first, if there is one: `reap` does, in its own order.
            os.kill(self._child.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process and to all that it started, if it lives."""
        if self._child is not None and self._identity is not None:
            kill_group(self._identity, self.folder.path)

    def observe(self) -> WorkloadObservation:
        """Return what is known of it now. A refusal holds until a later start got past the launcher."""
        if self.refusal is not None and self._child is not None and self._runs_another_program(self._child.pid):
            self.refusal = None
        return WorkloadObservation(
            name=self.launch.name,
            role=self.launch.role,
            alive=self.alive,
            content_hash=self.launch.content_hash,
            alive_since=self.alive_since,
            died_at=self.died_at,
            restarts=max(self.starts - 1, 0),
            refusal=self.refusal,
        )

    def record(self) -> RecordedProcess | None:
        """Return the entry of the process table, None while it does not run."""
        if self._child is None or self._identity is None or self.alive_since is None:
            return None
        return RecordedProcess(
            name=self.launch.name,
            role=self.launch.role,
            identity=self._identity,
            content_hash=self.launch.content_hash,
            started_at=format_time(self.alive_since),
        )

    def _tidy(self) -> None:
        """Give the process an empty folder for temporary files, and no refusal of an earlier start."""
        temporary = self.folder.temporary / self.launch.name
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True, exist_ok=True)
        self.folder.terminations.mkdir(parents=True, exist_ok=True)
        self.folder.termination_log(self.launch.name).unlink(missing_ok=True)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.launch.environment, "ANOMALYJOB_PARENT_PID": str(os.getpid())}

    def _runs_another_program(self, pid: int) -> bool:
        """Tell whether the launcher has become Flink."""
        return program_of(pid) not in {None, self.launch.command[0]}


def read_refusal(file: Path) -> Refusal | None:
    """Return what a launcher wrote to its termination log, None when it wrote nothing."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_TERMINATION_LOG_BYTES).decode("utf-8", errors="replace").strip()
    except OSError:
        return None
    if not text:
        return None
    try:
        document = json.loads(text)
        return Refusal(reason=str(document["reason"]), message=str(document["message"]))
    except (ValueError, KeyError, TypeError):
        return Refusal(reason="Unknown", message=text)


def _how_it_ended(return_code: int) -> str:
    """Return words for people; nothing is ever decided by them."""
    if return_code >= 0:
        return f"exit status {return_code}"
    try:
        return f"signal {signal.Signals(-return_code).name}"
    except ValueError:
        return f"signal {-return_code}"
