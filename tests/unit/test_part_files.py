import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anomalyjob.events import Alert, ProcessRecord, UserEvent
from anomalyjob.part_files import possible_repeats, remove_leftovers

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
    return possible_repeats(output, after_nanoseconds=seconds * SECOND)


def test_what_was_committed_after_the_checkpoint_may_repeat(tmp_path: Path) -> None:
    write(tmp_path, "2026-01-02--03/part-a-0", 100, process("user1", 0), process("user1", 1))
    write(tmp_path, "2026-01-02--03/part-a-1", 200, process("user2", 7), process("user1", 2), process("user1", 3))
    write(tmp_path, "2026-01-02--04/part-a-2", 300, process("user1", 4))

    assert repeats(tmp_path, 100) == {"user1": (2, 4), "user2": (7, 7)}
    assert repeats(tmp_path, 99) == {"user1": (0, 4), "user2": (7, 7)}
    assert repeats(tmp_path, 300) == {}


def test_only_process_records_of_committed_files_count(tmp_path: Path) -> None:
    write(tmp_path, "hour/.part-a-1.inprogress.xyz", 200, process("user1", 9))
    write(tmp_path, "hour/_temporary", 200, process("user1", 9))
    write(tmp_path, "hour/part-a-0", 200, alert("user1", 8), "damaged {", process("user1", 5))

    assert repeats(tmp_path, 100) == {"user1": (5, 5)}


def test_without_output_nothing_repeats_and_nothing_is_left_over(tmp_path: Path) -> None:
    assert repeats(tmp_path / "absent", 0) == {}
    assert remove_leftovers(tmp_path / "absent", before_nanoseconds=SECOND) == []


def test_old_uncommitted_files_go_and_all_others_stay(tmp_path: Path) -> None:
    old = write(tmp_path, "hour/.part-a-0.inprogress.xyz", 100, process("user1", 0))
    staying = {
        write(tmp_path, "hour/.part-a-1.inprogress.xyz", 200, "written since"),
        write(tmp_path, "hour/part-a-0", 100, "committed"),
        write(tmp_path, "hour/part-a-0.inprogress.xyz", 100, "committed under a strange name"),
        write(tmp_path, "hour/.hidden", 100, "of somebody else"),
        write(tmp_path, "hour/_success", 100, "of somebody else"),
    }

    assert remove_leftovers(tmp_path, before_nanoseconds=200 * SECOND) == [old]
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == staying


@pytest.mark.parametrize("name", ["part-a-0", "_part", "x/.y"])
def test_a_file_that_vanishes_or_is_a_folder_does_no_harm(tmp_path: Path, name: str) -> None:
    (tmp_path / "hour" / name).mkdir(parents=True)

    assert repeats(tmp_path, 0) == {}
    assert remove_leftovers(tmp_path, before_nanoseconds=10**19) == []
