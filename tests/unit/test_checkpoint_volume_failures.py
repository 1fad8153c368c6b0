"""A start that is killed or finds the disk full, at any change of the volume, and the one after it."""

import errno
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.played_volume import JOB, Volume, at, new_volume


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return new_volume(tmp_path)


def test_a_start_that_cannot_write_its_record_is_no_start(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    volume.start()
    real = Path.replace

    def replace_file(path: Path, target: Path) -> Path:
        if target.parent.name == "starts":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace_file)
    with pytest.raises(OSError, match="No space left"):
        volume.start()
    monkeypatch.undo()
    assert volume.start().start == 3


class Crash(BaseException):
    """What kill -9 would be: nothing of the launcher runs after it."""


@dataclass
class Failing:
    """Counts the calls that change the volume, and lets the one of that number fail; `failure` is raised before it."""

    at_call: int
    failure: BaseException
    calls: int = 0

    def call(self, real: Any, *arguments: Any, **options: Any) -> Any:
        """Fail, or do what was asked."""
        self.calls += 1
        if self.calls == self.at_call:
            raise self.failure
        return real(*arguments, **options)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand before everything that changes a file system."""
        owners = ((Path, "mkdir rename replace unlink open"), (os, "fsync pwrite"), (shutil, "rmtree"))
        for owner, names in owners:
            for name in names.split():
                real = getattr(owner, name)

                def changed(*arguments: Any, _real: Any = real, **options: Any) -> Any:
                    return self.call(_real, *arguments, **options)

                monkeypatch.setattr(owner, name, changed)


def eventful(volume: Volume) -> Path:
    """Leave a volume on which the next start has everything to do; return the checkpoint that it must choose."""
    for start in range(1, 5):
        volume.start()
        volume.checkpoint(start, 10 * start)
        volume.part_file(f".part-{start}.jsonl.inprogress.xyz", 50 * start, 10 * start)
        at(volume.folder.start_record(start), 50 * start)
    chosen = volume.checkpoint(4, 41)
    at(chosen / "_metadata", 300)
    volume.checkpoint(4, 42, content=b"")
    volume.part_file("part-a.jsonl", 301, 5, 6)
    volume.job = replace(JOB, source=replace(JOB.source, users=("user1", "user3")))
    volume.ledger(41)
    return chosen


@pytest.mark.parametrize("full", [False, True], ids=["killed", "a full disk"])
def test_a_start_that_fails_at_any_change_of_the_volume_leaves_it_right_for_the_next_one(
    tmp_path: Path, volume: Volume, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    chosen = eventful(volume)
    pristine = tmp_path / "pristine"
    shutil.copytree(volume.root / "volume", pristine)
    for number in range(1, 100):
        failure = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else Crash()
        failing = Failing(at_call=number, failure=failure)
        with monkeypatch.context() as patched:
            failing.install(patched)
            with suppress(Crash, OSError):
                volume.start()
        if failing.calls < number:
            break
        prepared = volume.start()
        record = volume.record(prepared.start)
        assert prepared.restore_path == str(chosen), number
        assert record["possibleRepeats"] == {"user1": {"first": 5, "last": 6}}, number
        assert record["uncommittedFiles"] == ["hour/.part-4.jsonl.inprogress.xyz"], number
        assert len(record["skipped"]) == 1, number
        assert volume.lineage()["newestCheckpointId"] == 41, number
        assert len(list(volume.folder.users.glob("*.txt"))) == 2, number
        assert volume.start_folders()[0] == "4", number
        shutil.rmtree(volume.root / "volume")
        shutil.copytree(pristine, volume.root / "volume")
    else:
        raise AssertionError("it never got through")
    assert number > 20, "what changes the volume is not seen"
