"""The state folder: places, whole files, one supervisor."""

import fcntl
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anomalyjob_operator.local.json_file import DamagedFileError, read_json, write_json
from anomalyjob_operator.local.state_folder import StateFolder, known_jobs
from anomalyjob_operator.local.supervisor_lock import (
    AlreadySupervisedError,
    is_supervised,
    supervisor_lock,
    write_supervisor_record,
)

HOLD_THE_LOCK = """
import pathlib, sys
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.supervisor_lock import supervisor_lock
with supervisor_lock(StateFolder(home=pathlib.Path(sys.argv[1]), namespace="default", name="demo")):
    print("held", flush=True)
    sys.stdin.read()
"""
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(home=tmp_path, namespace="default", name="demo")


def test_a_document_comes_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "new" / "document.json"
    write_json(file, {"name": "größe", "values": [1, 2]})
    assert read_json(file) == {"name": "größe", "values": [1, 2]}
    assert [path.name for path in file.parent.iterdir()] == ["document.json"]


def test_a_missing_document_is_none(tmp_path: Path) -> None:
    assert read_json(tmp_path / "missing.json") is None


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "\x00"])
def test_a_damaged_document_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "damaged.json"
    file.write_text(text)
    with pytest.raises(DamagedFileError, match=r"damaged\.json"):
        read_json(file)


def test_jobs_are_the_folders_with_a_stored_resource(folder: StateFolder) -> None:
    other = StateFolder(home=folder.home, namespace="prod", name="second")
    for job in (other, folder):
        write_json(job.resource_file, {})
    StateFolder(home=folder.home, namespace="default", name="only-a-volume").prepare()
    (folder.home / "cache").mkdir()
    assert known_jobs(folder.home) == (folder, other)


def test_no_home_means_no_jobs(tmp_path: Path) -> None:
    assert known_jobs(tmp_path / "missing") == ()


def test_removal_can_keep_the_volume(folder: StateFolder) -> None:
    folder.prepare()
    write_json(folder.resource_file, {})
    (folder.volume / "checkpoint").write_text("state")
    folder.lock_file.touch()
    folder.remove(keep_volume=True)
    assert sorted(path.name for path in folder.path.iterdir()) == ["supervisor.lock", "volume"]
    assert (folder.volume / "checkpoint").read_text() == "state"


def test_removal_can_take_everything(folder: StateFolder) -> None:
    folder.prepare()
    folder.remove(keep_volume=False)
    assert not folder.path.exists()


def test_a_second_supervisor_is_refused_naming_the_first(folder: StateFolder) -> None:
    with supervisor_lock(folder):
        write_supervisor_record(folder, NOW, "http://127.0.0.1:8081")
        assert is_supervised(folder)
        with pytest.raises(AlreadySupervisedError) as refusal, supervisor_lock(folder):
            pytest.fail("the lock was given twice")
    assert f"process {os.getpid()}" in str(refusal.value)
    assert "anomalyjob down demo" in str(refusal.value)


def test_the_lock_is_free_after_its_holder(folder: StateFolder) -> None:
    with supervisor_lock(folder):
        pass
    assert not is_supervised(folder)
    with supervisor_lock(folder):
        assert is_supervised(folder)


def test_a_killed_holder_frees_the_lock(folder: StateFolder) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(folder.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_supervised(folder)
        holder.kill()
    assert not is_supervised(folder)


def test_the_lock_of_a_deleted_folder_is_not_the_lock_of_its_successor(folder: StateFolder) -> None:
    with supervisor_lock(folder):
        folder.remove(keep_volume=False)
        with supervisor_lock(folder):
            assert is_supervised(folder)


def test_a_lock_whose_file_was_deleted_meanwhile_is_taken_anew(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_lock = fcntl.flock
    deletions = [folder.lock_file.unlink]

    def lock_after_a_deletion(descriptor: int, operation: int) -> None:
        if deletions:
            deletions.pop()()
        really_lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_after_a_deletion)
    with supervisor_lock(folder):
        assert folder.lock_file.exists()
        assert is_supervised(folder)


def test_asking_who_supervises_creates_nothing(folder: StateFolder) -> None:
    assert not is_supervised(folder)
    assert not folder.path.exists()
