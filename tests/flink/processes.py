"""What the kernel says of processes: who lives, who started whom, who listens where. Read from /proc, on Linux only.

It uses nothing of the project, so that a test does not believe the code it tests.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process for ever: a pid is used again, a pid with its start (clock ticks after boot) is not."""

    pid: int
    start_ticks: int
    parent: int
    command: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        found = look_at(self.pid)
        return found is not None and found.start_ticks == self.start_ticks

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this very process, if it is there."""
        if self.alive:
            os.kill(self.pid, number)

    def ignores(self, number: signal.Signals) -> bool:
        """Whether the process ignores a signal, as the kernel has it."""
        lines = (PROC / str(self.pid) / "status").read_text(encoding="utf-8").splitlines()
        mask = next(line.split()[1] for line in lines if line.startswith("SigIgn:"))
        return bool(int(mask, 16) >> (number - 1) & 1)


def look_at(pid: int) -> Process | None:
    """Return the process of that pid; None when there is none that runs."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        command = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return None
    # The second field is the program's name in parentheses and may hold anything.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:
        return None
    text = command.replace(b"\0", b" ").decode("utf-8", errors="replace").strip()
    return Process(pid=pid, start_ticks=int(fields[19]), parent=int(fields[1]), command=text)


def all_processes() -> list[Process]:
    """Return every process that runs now."""
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())
    return [process for pid in pids if (process := look_at(pid)) is not None]


def descendants(pid: int) -> list[Process]:
    """Return all that the process started, and what those started, as far as they still run."""
    processes, found, parents = all_processes(), [], {pid}
    while more := [process for process in processes if process.parent in parents and process not in found]:
        found += more
        parents = {process.pid for process in more}
    return found


def processes_of(folder: Path) -> list[Process]:
    """Return every process whose command line or environment names the folder, or something in it."""
    return [process for process in all_processes() if process.pid != os.getpid() and _names(process, str(folder))]


def wait_for_end(left: Callable[[], list[Process]], seconds: float) -> list[Process]:
    """Wait until `left` returns nothing, at most so long; return what it returned last."""
    deadline = time.monotonic() + seconds
    while (found := left()) and time.monotonic() < deadline:
        time.sleep(0.05)  # noqa: TID251 - the pause between two looks at processes that are no children, under a bound
    return found


def listening_addresses(process: Process) -> set[tuple[IPv4Address | IPv6Address, int]]:
    """Return where the process listens for TCP connections: address and port; IPv4 in the guise of IPv6 is IPv4."""
    inodes = _socket_inodes(process.pid)
    found = set()
    for table in ("tcp", "tcp6"):
        for line in (PROC / str(process.pid) / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and fields[9] in inodes:
                found.add(_address(fields[1]))
    return found


def _names(process: Process, text: str) -> bool:
    try:
        environment = (PROC / str(process.pid) / "environ").read_bytes()
    except OSError:
        environment = b""
    return text in process.command or os.fsencode(text) in environment


def _socket_inodes(pid: int) -> set[str]:
    found = set()
    for descriptor in (PROC / str(pid) / "fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[len("socket:[") : -1])
    return found


def _address(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    """Read an address as the kernel prints it: words of 32 bits in the machine's (little-endian) order, in hex."""
    address, _, port = text.partition(":")
    words = [bytes.fromhex(address[start : start + 8])[::-1] for start in range(0, len(address), 8)]
    found = ip_address(b"".join(words))
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found, int(port, 16)
