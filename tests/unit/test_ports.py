"""Ports are chosen free once, recorded, and kept."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anomalyjob_operator.local import ports as module
from anomalyjob_operator.local.json_file import DamagedFileError, write_json
from anomalyjob_operator.local.ports import ADDRESS, Ports, PortTakenError, choose_ports, is_free, read_ports
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


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with _listening() as port:
        assert not is_free(port)
    assert is_free(port)


def test_the_first_choice_is_the_preferred_port_and_stays(folder: StateFolder) -> None:
    first = choose_ports(folder)
    assert first.ports.rest == 21081
    assert first.remarks == ()
    assert read_ports(folder) == first.ports
    assert choose_ports(folder) == first


def test_a_taken_preferred_port_is_said_and_avoided(folder: StateFolder) -> None:
    with _listening(21081):
        chosen = choose_ports(folder)
    assert chosen.ports.rest > 21081
    assert chosen.remarks == (
        f"port 21081 is taken by another program; Flink's web page and REST answer at {chosen.ports.rest} from now on",
    )
    assert choose_ports(folder).ports == chosen.ports, "an address once learnt stays good"


def test_a_recorded_port_that_a_stranger_took_is_chosen_anew_and_said(folder: StateFolder) -> None:
    first = choose_ports(folder).ports
    with _listening(first.rpc):
        second = choose_ports(folder)
    assert second.ports.rest == first.rest
    assert second.ports.rpc != first.rpc
    assert len(second.remarks) == 1
    assert str(first.rpc) in second.remarks[0]


def test_two_jobs_never_share_a_port(folder: StateFolder) -> None:
    first = choose_ports(folder).ports
    second = choose_ports(_job(folder.home, "other")).ports
    assert not {first.rest, first.rpc, first.blob} & {second.rest, second.rpc, second.blob}


def test_a_port_the_user_asked_for_is_taken_or_refused(folder: StateFolder) -> None:
    with _listening() as port:
        with pytest.raises(PortTakenError, match=f"port {port} of 127.0.0.1 is taken"):
            choose_ports(folder, wanted_rest=port)
        assert read_ports(folder) is None
    assert choose_ports(folder, wanted_rest=port).ports.rest == port


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
