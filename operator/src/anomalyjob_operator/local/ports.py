"""The ports of a job on this machine: chosen free once, recorded in ports.json, all on 127.0.0.1.

| port | first tried | used for                                         |
| ---- | ----------- | ------------------------------------------------ |
| rest | 8081        | Flink's web page and REST, the address to browse |
| rpc  | 6123        | TaskManagers find their JobManager               |
| blob | 6323        | TaskManagers fetch what the JobManager hands out |

The dashboard takes 8090 or the next free one, TaskManagers any free port (0). The recorded ports stay, so that an
address once learnt stays good, also over restarts. If another program took one while this job was down, a new one is
chosen and said, unless the user asked for that very port (`--rest-port`): then the start is refused. Ports that other
jobs of the same home have recorded are left to them. A job holds its ports from the choice to its end, also while
nothing listens on them yet or for a moment: jobs of other homes pass them by, or two that start at the same time would
each take the other's JobManager for its own. All lie below the range from which the kernel picks ports of outgoing
connections: TaskManagers that keep knocking at a dead JobManager's port would otherwise, now and then, connect to
themselves and hold it.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anomalyjob_operator.local.json_file import DamagedFileError, read_json, write_json
from anomalyjob_operator.local.state_folder import StateFolder, known_jobs

ADDRESS: Final = "127.0.0.1"
FIRST: Final = {"rest": 8081, "rpc": 6123, "blob": 6323}
FIRST_DASHBOARD: Final = 8090
_TRIED: Final = 200


class PortTakenError(Exception):
    """No port to listen on; the message names it and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports of one job, each between 1 and 65535."""

    rest: int
    rpc: int
    blob: int

    @property
    def rest_url(self) -> str:
        """Where the JobManager's REST endpoint answers."""
        return f"http://{ADDRESS}:{self.rest}"

    def document(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"rest": self.rest, "rpc": self.rpc, "blob": self.blob}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenPorts:
    """The ports, and one sentence for each that could not stay what it was or is not the preferred one."""

    ports: Ports
    remarks: tuple[str, ...]


@contextmanager
def choose_ports(folder: StateFolder, wanted_rest: int | None = None) -> Iterator[ChosenPorts]:
    """Hold the job's ports, recorded and free now; enter it only while none of the job's processes runs.

    Raise PortTakenError when `wanted_rest` is taken or nothing is free.
    """
    with ExitStack() as held:
        with _choosing(folder.home):
            recorded = read_ports(folder)
            foreign = _recorded_elsewhere(folder)
            chosen = {name: _choose(name, recorded, wanted_rest, foreign, held) for name in FIRST}
            ports = Ports(**chosen)
            if ports != recorded:
                write_json(folder.ports_file, ports.document())
        yield ChosenPorts(ports=ports, remarks=_remarks(ports, recorded))


@contextmanager
def hold_dashboard_port(folder: StateFolder, wanted: int | None = None) -> Iterator[int]:
    """Hold a port for the dashboard that is free now and no job's; enter it while the job's own ports are held.

    It is not recorded: the first job that runs has the first one. Raise PortTakenError like `choose_ports`.
    """
    with ExitStack() as held:
        with _choosing(folder.home):
            port = _dashboard_port(folder, wanted, held)
        yield port


def read_ports(folder: StateFolder) -> Ports | None:
    """Return the recorded ports, None when there are none; raise DamagedFileError when they cannot be read."""
    document = read_json(folder.ports_file)
    if document is None:
        return None
    try:
        return Ports(**{name: _port(document[name]) for name in FIRST})
    except (KeyError, TypeError, ValueError) as error:
        message = f"{folder.ports_file} does not hold ports ({error!r}). Remove it: new ones are chosen then."
        raise DamagedFileError(message) from None


def is_free(port: int) -> bool:
    """Tell whether a process could listen on 127.0.0.1 at this port now; as Java does, over connections that linger."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def _take(port: int, held: ExitStack) -> bool:
    """Hold the port for this process if it is free; tell whether it is held now.

    What holds it is an abstract socket of that number: unlike a listener it does not stand in the JobManager's way, and
    the kernel frees it with this process. Such names belong to the machine's network, as ports do.
    """
    with ExitStack() as attempt:
        holder = attempt.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        try:
            holder.bind(f"\0anomalyjob/port/{port}")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        if not is_free(port):
            return False
        held.push(attempt.pop_all())
        return True


def _choose(
    name: str, recorded: Ports | None, wanted_rest: int | None, foreign: frozenset[int], held: ExitStack
) -> int:
    if name == "rest" and wanted_rest is not None:
        if not _take(wanted_rest, held):
            raise PortTakenError(
                f"port {wanted_rest} of {ADDRESS} is taken by another program. Nothing was started. "
                "Stop that program, or name another port with --rest-port."
            )
        return wanted_rest
    if recorded is not None:
        port: int = getattr(recorded, name)
        if _take(port, held):
            return port
    candidates = range(FIRST[name], FIRST[name] + _TRIED)
    for port in candidates:
        if port not in foreign and _take(port, held):
            return port
    raise PortTakenError(
        f"no port is free on {ADDRESS} between {candidates[0]} and {candidates[-1]}. Nothing was started. "
        "Stop some of the programs that listen there."
    )


def _dashboard_port(folder: StateFolder, wanted: int | None, held: ExitStack) -> int:
    if wanted is not None:
        if not _take(wanted, held):
            raise PortTakenError(
                f"port {wanted} of {ADDRESS} is taken by another program. Nothing was started. "
                "Stop that program, name another port with --dashboard-port, or go without: --no-dashboard."
            )
        return wanted
    foreign, candidates = _recorded_elsewhere(folder), range(FIRST_DASHBOARD, FIRST_DASHBOARD + _TRIED)
    for port in candidates:
        if port not in foreign and _take(port, held):
            return port
    raise PortTakenError(
        f"no port is free on {ADDRESS} between {candidates[0]} and {candidates[-1]}. Nothing was started. "
        "Stop some of the programs that listen there, or go without a dashboard: --no-dashboard."
    )


def _recorded_elsewhere(folder: StateFolder) -> frozenset[int]:
    taken: set[int] = set()
    for other in known_jobs(folder.home):
        if other == folder:
            continue
        try:
            ports = read_ports(other)
        except DamagedFileError:
            continue
        if ports is not None:
            taken |= {ports.rest, ports.rpc, ports.blob}
    return frozenset(taken)


def _remarks(ports: Ports, recorded: Ports | None) -> tuple[str, ...]:
    before = FIRST if recorded is None else recorded.document()
    return tuple(
        f"port {before[name]} is taken by another program; {use} at {port} from now on"
        for name, port, use in (
            ("rest", ports.rest, "Flink's web page and REST answer"),
            ("rpc", ports.rpc, "the JobManager listens for TaskManagers"),
            ("blob", ports.blob, "the JobManager hands out files"),
        )
        if before[name] != port and (recorded is not None or name == "rest")
    )


def _port(value: object) -> int:
    if not isinstance(value, int) or not 0 < value <= 65_535:
        raise ValueError(f"{value!r} is not a port")
    return value


@contextmanager
def _choosing(home: Path) -> Iterator[None]:
    """Let one job of a home choose at a time. It takes milliseconds, so the wait for it needs no bound of its own."""
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / ".ports.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
