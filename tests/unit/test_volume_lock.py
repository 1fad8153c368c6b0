"""Locks are tested with real processes: within one process an flock can be granted where another's would wait."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anomalyjob.refusal import Reason, RefusedError
from anomalyjob.volume_lock import take_lock

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)

HOLDER = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from anomalyjob.volume_lock import take_lock
now = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
take_lock(Path(sys.argv[1]), timeout_seconds=0, now=now, log=print)
# What the launcher does: become another program, which then reports and waits to be killed.
os.execv("/bin/sh", ["/bin/sh", "-c", "echo locked; read forever"])
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that took the lock and then became a program that knows nothing of locks."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def lines() -> list[str]:
    return []


def test_a_free_lock_is_taken_at_once_and_says_who_holds_it(tmp_path: Path, lines: list[str]) -> None:
    descriptor = take_lock(tmp_path / "lock", timeout_seconds=0, now=NOW, log=lines.append)

    holder = json.loads((tmp_path / "lock").read_text(encoding="utf-8"))
    assert (holder["pid"], holder["since"]) == (os.getpid(), "2026-01-02T03:04:05.678Z")
    assert os.get_inheritable(descriptor)
    assert lines == []
    os.close(descriptor)


def test_the_lock_outlives_exec_and_the_one_who_waits_in_vain_is_told_the_holder(
    tmp_path: Path, holder: subprocess.Popen[str], lines: list[str]
) -> None:
    with pytest.raises(RefusedError) as caught:
        take_lock(tmp_path / "lock", timeout_seconds=0.3, now=NOW, log=lines.append)

    assert caught.value.refusal.reason is Reason.VOLUME_LOCKED
    assert f"process {holder.pid} on " in caught.value.refusal.message
    assert "since 2026-01-02T03:04:05.678Z" in caught.value.refusal.message
    assert len(lines) == 1
    assert lines[0].startswith("waiting at most 0.3 s for the lock")


def test_a_killed_holder_frees_the_lock_for_the_one_who_waits(
    tmp_path: Path, holder: subprocess.Popen[str], lines: list[str]
) -> None:
    def kill_the_holder(line: str) -> None:
        lines.append(line)
        holder.send_signal(signal.SIGKILL)

    descriptor = take_lock(tmp_path / "lock", timeout_seconds=30, now=NOW, log=kill_the_holder)

    assert len(lines) == 1
    assert json.loads((tmp_path / "lock").read_text(encoding="utf-8"))["pid"] == os.getpid()
    os.close(descriptor)


def test_the_loser_leaves_the_holders_name_alone(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    before = (tmp_path / "lock").read_bytes()
    with pytest.raises(RefusedError):
        take_lock(tmp_path / "lock", timeout_seconds=0, now=NOW, log=print)

    assert (tmp_path / "lock").read_bytes() == before


def test_a_lock_file_that_was_replaced_while_locking_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lock"
    real = fcntl.flock
    replaced: list[Path] = []

    def flock(descriptor: int, operation: int) -> None:
        real(descriptor, operation)
        if not replaced:
            file.unlink()
            replaced.append(file)

    monkeypatch.setattr(fcntl, "flock", flock)
    descriptor = take_lock(file, timeout_seconds=5, now=NOW, log=print)

    assert replaced
    assert os.path.samestat(os.fstat(descriptor), file.stat())
    os.close(descriptor)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_volume_that_refuses_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(RefusedError) as caught:
        take_lock(tmp_path / "lock", timeout_seconds=5, now=NOW, log=print)

    assert caught.value.refusal.reason is Reason.NO_WORKING_LOCKS
    assert os.strerror(number) in caught.value.refusal.message


def test_a_volume_that_grants_a_lock_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda descriptor, operation: None)
    with pytest.raises(RefusedError) as caught:
        take_lock(tmp_path / "lock", timeout_seconds=5, now=NOW, log=print)

    assert caught.value.refusal.reason is Reason.NO_WORKING_LOCKS
    assert "it was given twice at the same time" in caught.value.refusal.message


def test_a_refused_lock_leaves_no_descriptor_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda descriptor, operation: None)
    before = open_descriptors()
    with pytest.raises(RefusedError):
        take_lock(tmp_path / "lock", timeout_seconds=5, now=NOW, log=print)

    assert open_descriptors() == before


def test_a_full_volume_still_gives_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", pwrite)
    descriptor = take_lock(tmp_path / "lock", timeout_seconds=0, now=NOW, log=print)

    os.close(descriptor)


def test_the_holders_name_takes_the_same_room_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = set()
    for host in ("a", "a-much-longer-name"):
        monkeypatch.setattr(socket, "gethostname", lambda name=host: name)
        os.close(take_lock(tmp_path / "lock", timeout_seconds=0, now=NOW, log=print))
        sizes.add((tmp_path / "lock").stat().st_size)

    assert len(sizes) == 1
