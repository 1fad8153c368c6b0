"""Which process is meant by a recorded pid: pids are reused, a pid with its start time on one boot is not.

Linux only: it reads /proc. Only processes that this program started may be signalled through it. Standard library
only, since the watchdog must start fast.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PROC: Final = Path("/proc")
_BOOT_ID_FILE: Final = _PROC / "sys/kernel/random/boot_id"
# Every workload, and whatever it starts, carries this variable; its value is a folder inside the job's state folder.
_MARK: Final = "ANOMALYJOB_CONFIG_DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """A process, for ever: `start_ticks` are clock ticks between boot and its start, from /proc/<pid>/stat."""

    pid: int
    start_ticks: int
    boot_id: str

    def document(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"pid": self.pid, "startTicks": self.start_ticks, "bootId": self.boot_id}

    @classmethod
    def parse(cls, document: dict[str, Any]) -> "ProcessIdentity":
        """Read the JSON form; raise KeyError, TypeError or ValueError when it is not one."""
        return cls(pid=int(document["pid"]), start_ticks=int(document["startTicks"]), boot_id=str(document["bootId"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stat:
    state: str
    group: int
    session: int
    start_ticks: int


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of a process that is there now (a zombie is), None when there is none."""
    stat = _read_stat(pid)
    return None if stat is None else ProcessIdentity(pid=pid, start_ticks=stat.start_ticks, boot_id=_boot_id())


def is_alive(process: ProcessIdentity) -> bool:
    """Tell whether that very process still runs; a zombie does not."""
    stat = _read_stat(process.pid)
    if stat is None or stat.state in {"Z", "X"}:
        return False
    return stat.start_ticks == process.start_ticks and process.boot_id == _boot_id()


def kill_process(process: ProcessIdentity, number: signal.Signals) -> bool:
    """Send a signal to that very process; tell whether it was there."""
    if not is_alive(process):
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def kill_group(leader: ProcessIdentity, state_folder: Path) -> int:
    """SIGKILL a workload's whole process group, also when its leader is dead already; return how many were hit.

    With the leader gone the group's number may belong to strangers by now, so only members that carry the job's mark
    in their environment are hit.
    """
    if leader.boot_id != _boot_id():
        return 0
    members = [pid for pid, stat in _processes() if stat.group == leader.pid and stat.state not in {"Z", "X"}]
    if not is_alive(leader):
        members = [pid for pid in members if _is_marked(pid, state_folder)]
    return sum(_kill(pid) for pid in members)


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def program_of(pid: int) -> str | None:
    """Return the first word of a process's command line, None when it cannot be seen. It changes at exec."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return os.fsdecode(words[0]) or None


def _is_marked(pid: int, state_folder: Path) -> bool:
    mark = os.fsencode(f"{_MARK}={state_folder}/")
    try:
        variables = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(variable.startswith(mark) for variable in variables)


def _processes() -> Iterator[tuple[int, _Stat]]:
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and (stat := _read_stat(int(entry.name))) is not None:
            yield int(entry.name), stat


def _read_stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses and may hold blanks and parentheses itself.
    fields = text.rpartition(")")[2].split()
    return _Stat(state=fields[0], group=int(fields[2]), session=int(fields[3]), start_ticks=int(fields[19]))


def _boot_id() -> str:
    return _BOOT_ID_FILE.read_text(encoding="ascii").strip()
