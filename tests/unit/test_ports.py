"""Ports are chosen free once, recorded, and kept."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anomalyjob_operator.local import ports as module
from anomalyjob_operator.local.json_file import DamagedFileError, write_json
from anomalyjob_operator.local.ports import (
    ADDRESS,
    ChosenPorts,
    Ports,
    PortTakenError,
    choose_ports,
    hold_dashboard_port,
    is_free,
    read_ports,
)
from anomalyjob_operator.local.state_folder import StateFolder

PREFERRED = dict(module.FIRST)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return _job(tmp_path, "demo")


@pytest.fixture(autouse=True)
def _other_ports_than_a_running_job_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", {"rest": 21081, "rpc": 21223, "blob": 21423})


def _job(home: Path, name: str) -> StateFolder:
    folder = StateFolder(home=home, namespace="default", name=name)
    write_json(folder.resource_file, {})
    return folder


@contextmanager
def _listening(port: int = 0) -> Iterator[int]:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind((ADDRESS, port))
        stranger.listen()
        yield stranger.getsockname()[1]


def _chosen(folder: StateFolder, wanted_rest: int | None = None) -> ChosenPorts:
    """The ports that a job chooses which ends at once."""
    with choose_ports(folder, wanted_rest) as chosen:
        return chosen


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with _listening() as port:
        assert not is_free(port)
    assert is_free(port)


def test_the_first_choice_is_the_preferred_port_and_stays(folder: StateFolder) -> None:
    first = _chosen(folder)
    assert first.ports.rest == 21081
    assert first.remarks == ()
    assert read_ports(folder) == first.ports
    assert _chosen(folder) == first


def test_a_taken_preferred_port_is_said_and_avoided(folder: StateFolder) -> None:
    with _listening(21081):
        chosen = _chosen(folder)
    assert chosen.ports.rest > 21081
    assert chosen.remarks == (
        f"port 21081 is taken by another program; Flink's web page and REST answer at {chosen.ports.rest} from now on",
    )
    assert _chosen(folder).ports == chosen.ports, "an address once learnt stays good"


def test_a_recorded_port_that_a_stranger_took_is_chosen_anew_and_said(folder: StateFolder) -> None:
    first = _chosen(folder).ports
    with _listening(first.rpc):
        second = _chosen(folder)
    assert second.ports.rest == first.rest
    assert second.ports.rpc != first.rpc
    assert len(second.remarks) == 1
    assert str(first.rpc) in second.remarks[0]


def test_jobs_of_other_homes_pass_a_held_port_by_until_its_holder_ends(folder: StateFolder, tmp_path: Path) -> None:
    other = _job(tmp_path / "other home", "demo")
    with choose_ports(folder) as first:
        with choose_ports(other) as second:
            assert not set(first.ports.document().values()) & set(second.ports.document().values())
        with pytest.raises(PortTakenError, match=f"port {first.ports.rpc} of 127.0.0.1 is taken"):
            _chosen(other, wanted_rest=first.ports.rpc)
    assert _chosen(other, wanted_rest=first.ports.rpc).ports.rest == first.ports.rpc


def test_a_port_is_held_no_longer_than_the_process_that_holds_it(folder: StateFolder) -> None:
    code = (
        "import sys; from pathlib import Path; from anomalyjob_operator.local import ports\n"
        "from anomalyjob_operator.local.state_folder import StateFolder\n"
        f"ports.FIRST = {module.FIRST}\n"
        f"folder = StateFolder(home=Path({str(folder.home)!r}), namespace='default', name='demo')\n"
        "with ports.choose_ports(folder) as chosen:\n"
        "    print(chosen.ports.rest, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        with pytest.raises(PortTakenError):
            _chosen(folder, wanted_rest=port)
        holder.kill()
    assert _chosen(folder, wanted_rest=port).ports.rest == port


def test_two_jobs_never_share_a_port(folder: StateFolder) -> None:
    first = _chosen(folder).ports
    second = _chosen(_job(folder.home, "other")).ports
    assert not {first.rest, first.rpc, first.blob} & {second.rest, second.rpc, second.blob}


def test_a_port_the_user_asked_for_is_taken_or_refused(folder: StateFolder) -> None:
    with _listening() as port:
        with pytest.raises(PortTakenError, match=f"port {port} of 127.0.0.1 is taken"):
            _chosen(folder, wanted_rest=port)
        assert read_ports(folder) is None
    assert _chosen(folder, wanted_rest=port).ports.rest == port


def test_all_ports_are_below_those_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(first + 200 < lowest for first in PREFERRED.values())


@pytest.mark.parametrize(
    "document", [{}, {"rest": 1, "rpc": 2}, {"rest": "1", "rpc": 2, "blob": 3}, {"rest": 0, "rpc": 1, "blob": 1}]
)
def test_a_damaged_record_is_an_error_that_says_what_to_do(folder: StateFolder, document: dict[str, object]) -> None:
    write_json(folder.ports_file, document)
    with pytest.raises(DamagedFileError, match="Remove it"):
        read_ports(folder)


def test_the_rest_address_is_on_this_machine_only() -> None:
    assert Ports(rest=8081, rpc=1, blob=2).rest_url == "http://127.0.0.1:8081"


def _dashboard(folder: StateFolder, wanted: int | None = None) -> int:
    with hold_dashboard_port(folder, wanted) as port:
        return port


@pytest.fixture
def first_dashboard(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(module, "FIRST_DASHBOARD", 21090)
    return 21090


def test_the_dashboard_takes_the_first_port_that_is_free(folder: StateFolder, first_dashboard: int) -> None:
    assert _dashboard(folder) == first_dashboard
    with _listening(first_dashboard):
        assert _dashboard(folder) == first_dashboard + 1


def test_two_dashboards_that_do_not_listen_yet_do_not_meet(
    folder: StateFolder, tmp_path: Path, first_dashboard: int
) -> None:
    with hold_dashboard_port(folder):
        assert _dashboard(_job(tmp_path, "other")) == first_dashboard + 1


def test_the_dashboard_takes_no_port_of_any_job(folder: StateFolder, tmp_path: Path, first_dashboard: int) -> None:
    other = _job(tmp_path, "other")
    write_json(other.ports_file, {"rest": first_dashboard + 1, "rpc": 21900, "blob": 21901})
    with choose_ports(folder, first_dashboard):
        assert _dashboard(folder) == first_dashboard + 2


def test_a_port_that_the_user_wants_for_the_dashboard_is_taken_or_refused(folder: StateFolder) -> None:
    with _listening() as port, pytest.raises(PortTakenError, match=f"port {port} .* --dashboard-port"):
        _dashboard(folder, port)
    assert _dashboard(folder, port) == port
