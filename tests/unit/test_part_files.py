import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anomalyjob.events import Alert, ProcessRecord, UserEvent
from anomalyjob.part_files import (
    committed_later,
    has_committed,
    possible_repeats,
    remove_leftovers,
    uncommitted_files,
)

SECOND = 10**9
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def process(user: str, index: int) -> str:
    event = UserEvent(user_id=user, index=index, event_time=TIME, abnormal=True)
    return ProcessRecord.of(event, count=1, subtask=0, processed_time=TIME).encode()


def alert(user: str, index: int) -> str:
    event = UserEvent(user_id=user, index=index, event_time=TIME, abnormal=True)
    return Alert.of(event, count=3, emitted_time=TIME).encode()


def write(output: Path, name: str, seconds: int, *lines: str) -> Path:
    file = output / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.utime(file, ns=(seconds * SECOND, seconds * SECOND))
    return file


def repeats(output: Path, seconds: int) -> dict[str, tuple[int, int]]:
    return possible_repeats(output, since_nanoseconds=seconds * SECOND)


def test_what_was_written_since_a_time_and_committed_may_repeat(tmp_path: Path) -> None:
    write(tmp_path, "2026-01-02--03/part-a-0", 100, process("user1", 0), process("user1", 1))
    write(tmp_path, "2026-01-02--03/part-a-1", 200, process("user2", 7), process("user1", 2), process("user1", 3))
    write(tmp_path, "2026-01-02--04/part-a-2", 300, process("user1", 4))

    assert repeats(tmp_path, 101) == {"user1": (2, 4), "user2": (7, 7)}
    assert repeats(tmp_path, 100) == {"user1": (0, 4), "user2": (7, 7)}
    assert repeats(tmp_path, 301) == {}


def test_only_process_records_of_committed_files_count(tmp_path: Path) -> None:
    write(tmp_path, "hour/.part-a-1.inprogress.xyz", 200, process("user1", 9))
    write(tmp_path, "hour/_temporary", 200, process("user1", 9))
    write(tmp_path, "hour/part-a-0", 200, alert("user1", 8), "damaged {", process("user1", 5))

    assert repeats(tmp_path, 100) == {"user1": (5, 5)}


def test_without_output_nothing_repeats_and_nothing_is_left_over(tmp_path: Path) -> None:
    absent = tmp_path / "absent"

    assert repeats(absent, 0) == {}
    assert uncommitted_files(absent) == []
    assert remove_leftovers(absent, {"hour/.part-a-0.inprogress.xyz"}) == []
    assert not has_committed(absent)


def test_uncommitted_files_that_are_named_go_and_all_others_stay(tmp_path: Path) -> None:
    named = write(tmp_path, "hour/.part-a-0.jsonl.inprogress.xyz", 100, process("user1", 0))
    staying = {
        write(tmp_path, "hour/.part-a-1.jsonl.inprogress.xyz", 100, "written since"),
        write(tmp_path, "hour/part-a-0", 100, "committed"),
        write(tmp_path, "hour/part-a-0.inprogress.xyz", 100, "committed under a strange name"),
        write(tmp_path, "hour/.hidden", 100, "of somebody else"),
        write(tmp_path, "hour/_success", 100, "of somebody else"),
    }
    names = {str(file.relative_to(tmp_path)) for file in {named, *staying}} - {"hour/.part-a-1.jsonl.inprogress.xyz"}

    assert uncommitted_files(tmp_path) == [
        "hour/.part-a-0.jsonl.inprogress.xyz",
        "hour/.part-a-1.jsonl.inprogress.xyz",
    ]
    assert remove_leftovers(tmp_path, names) == [named]
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == staying


def test_only_a_committed_file_written_after_a_time_is_later(tmp_path: Path) -> None:
    write(tmp_path, "hour/.part-a-1.jsonl.inprogress.xyz", 300, process("user1", 9))
    write(tmp_path, "hour/part-a-0.jsonl", 200)

    assert committed_later(tmp_path, than_nanoseconds=200 * SECOND - 1)
    assert not committed_later(tmp_path, than_nanoseconds=200 * SECOND)


def test_a_folder_in_which_nothing_was_committed_since_is_not_searched(tmp_path: Path) -> None:
    """Its time says so, whatever its files say; with a file a checkpoint there are tens of thousands a day."""
    file = write(tmp_path, "hour/part-a-0.jsonl", 200, process("user1", 9))
    os.utime(file.parent, ns=(100 * SECOND, 100 * SECOND))

    assert repeats(tmp_path, 101) == {}
    assert not committed_later(tmp_path, than_nanoseconds=101 * SECOND)
    assert repeats(tmp_path, 100) == {"user1": (9, 9)}


@pytest.mark.parametrize("name", [".part-a-0.jsonl.inprogress.xyz", "_success", ".hidden"])
def test_only_a_committed_file_is_evidence_of_a_commit(tmp_path: Path, name: str) -> None:
    write(tmp_path, f"hour/{name}", 100, process("user1", 0))
    assert not has_committed(tmp_path)

    write(tmp_path, "hour/part-a-0.jsonl", 100)
    assert has_committed(tmp_path)


@pytest.mark.parametrize("name", ["part-a-0", "_part", "x/.y", ".part-a-0.jsonl.inprogress.xyz"])
def test_a_folder_is_no_part_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "hour" / name).mkdir(parents=True)

    assert repeats(tmp_path, 0) == {}
    assert remove_leftovers(tmp_path, {f"hour/{name}"}) == []
    assert not has_committed(tmp_path)
