"""The log sink's output, on real files; a disk that fills up is played by a limit on a file's size."""

import errno
import os
from io import FileIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from anomalyjob import standard_output
from anomalyjob.standard_output import StandardOutput


class Disk:
    """Takes `space` more bytes, then refuses as a full disk does: a part first, then an error."""

    def __init__(self, space: int | None = None) -> None:
        self.space = space
        self.opened = 0

    def open(self, path: str, mode: str, **_: object) -> "DiskFile":
        """In place of FileIO."""
        self.opened += 1
        return DiskFile(self, path, mode)


class DiskFile(FileIO):
    """A file on such a disk."""

    def __init__(self, disk: Disk, path: str, mode: str) -> None:
        super().__init__(path, mode)
        self._disk = disk

    def write(self, content: Any) -> int:  # type: ignore[explicit-override]
        """Write as much as there is space for."""
        if self._disk.space == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = len(content) if self._disk.space is None else min(len(content), self._disk.space)
        if self._disk.space is not None:
            self._disk.space -= written
        return super().write(content[:written])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(standard_output, "FileIO", made.open)
    return made


def test_lines_are_appended_to_what_is_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n", encoding="utf-8")
    output = StandardOutput(log, may_miss=False)

    output.write("one\ntwo\n")
    output.write("Zoë\ud800\n")
    output.close()

    assert log.read_text(encoding="utf-8") == "before\none\ntwo\nZoë\\ud800\n"


def test_a_log_that_was_cut_goes_on_at_its_new_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    output = StandardOutput(log, may_miss=False)
    output.write("one\n")
    os.truncate(log, 0)
    output.write("two\n")
    output.close()

    assert log.read_text(encoding="utf-8") == "two\n"


def test_what_may_not_be_missed_fails(tmp_path: Path, disk: Disk) -> None:
    output = StandardOutput(tmp_path / "log", may_miss=False)
    disk.space = 2

    with pytest.raises(OSError, match="No space left"):
        output.write("one\n")


def test_an_output_that_is_gone_fails_or_is_missed(tmp_path: Path) -> None:
    gone = tmp_path / "gone" / "fd"

    with pytest.raises(FileNotFoundError):
        StandardOutput(gone, may_miss=False).write("one\n")
    StandardOutput(gone, may_miss=True).write("one\n")


def test_what_may_be_missed_is_counted_and_told_once_there_is_space_again(tmp_path: Path, disk: Disk) -> None:
    log = tmp_path / "log"
    output = StandardOutput(log, may_miss=True)
    output.write("one\n")
    disk.space = 6
    for text in ("two\nthree\n", "four\n", "five\nsix\n"):
        output.write(text)
    disk.space = None
    output.write("seven\n")
    output.write("eight\n")
    output.close()

    assert log.read_text(encoding="utf-8").splitlines() == [
        "one",
        "two",
        "th",
        "[LOG] 5 lines are missing here: No space left on device",
        "seven",
        "eight",
    ]


def test_half_a_line_never_swallows_the_next_one(tmp_path: Path, disk: Disk) -> None:
    """Even the note about what is missing may be cut off by the next full disk."""
    log = tmp_path / "log"
    output = StandardOutput(log, may_miss=True)
    for space in (1, 3, 0, 2):
        disk.space = space
        output.write("record\n")
    disk.space = None
    output.write("last\n")
    output.close()

    *_, note, last = log.read_text(encoding="utf-8").splitlines()
    assert (note, last) == ("[LOG] 4 lines are missing here: No space left on device", "last")


def test_the_output_is_opened_anew_after_a_failure(tmp_path: Path, disk: Disk) -> None:
    output = StandardOutput(tmp_path / "log", may_miss=True)
    for space in (None, None, 0, 0, None, None):
        disk.space = space
        output.write("line\n")
    output.close()

    assert disk.opened == 3


def test_a_pipe_without_a_reader_is_missed_and_never_waited_for(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    output = StandardOutput(Path(f"/proc/self/fd/{writer}"), may_miss=True)
    output.write("one\n")
    assert os.read(reader, 100) == b"one\n"
    os.close(reader)

    output.write("two\n")
    output.write("three\n")

    output.close()
    os.close(writer)


def test_a_pipe_that_is_full_is_waited_for(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    output = StandardOutput(Path(f"/proc/self/fd/{writer}"), may_miss=True)
    text = "x" * 200_000 + "\n"
    read: list[bytes] = []

    def read_all() -> None:
        with os.fdopen(reader, "rb") as stream:
            read.append(stream.read())

    thread = Thread(target=read_all)
    thread.start()
    output.write(text)
    output.close()
    os.close(writer)
    thread.join(30)

    assert read == [text.encode()]
