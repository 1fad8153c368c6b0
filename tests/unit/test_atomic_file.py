import errno
import os
import stat
from pathlib import Path

import pytest

from anomalyjob.atomic_file import write_atomically


def test_a_file_is_replaced_whole_and_nothing_else_stays_behind(tmp_path: Path) -> None:
    file = tmp_path / "lineage.json"
    file.write_text("old", encoding="utf-8")

    write_atomically(file, "new: ä")

    assert file.read_text(encoding="utf-8") == "new: ä"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_full_disk_leaves_the_old_content_and_no_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    file = tmp_path / "lineage.json"
    file.write_text("old", encoding="utf-8")

    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", refuse)
    else:
        monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(file, "new")

    assert caught.value.filename == str(file)

    assert file.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_volume_that_turns_read_only_is_told_by_the_name_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leftover cannot be removed then: that must not be what is told."""

    def refuse(path: Path, *arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OSError, match="Read-only") as caught:
        write_atomically(tmp_path / "lineage.json", "new")

    assert caught.value.filename == str(tmp_path / "lineage.json")


@pytest.mark.parametrize("number,is_error", [(errno.EINVAL, False), (errno.EOPNOTSUPP, False), (errno.EIO, True)])
def test_a_file_system_that_cannot_sync_a_folder_is_good_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_error: bool
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    if is_error:
        with pytest.raises(OSError, match="error") as caught:
            write_atomically(tmp_path / "lineage.json", "new")
        assert caught.value.filename == str(tmp_path)
    else:
        write_atomically(tmp_path / "lineage.json", "new")
    assert (tmp_path / "lineage.json").read_text(encoding="utf-8") == "new"
