import errno
import os
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
