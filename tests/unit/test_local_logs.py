"""Logs stay bounded, can be followed over a cut, and give back what the log sink wrote."""

import os
from pathlib import Path

import pytest

from anomalyjob_operator.local import log_tail
from anomalyjob_operator.local.log_files import KEPT, bound_log, older_logs, open_log
from anomalyjob_operator.local.log_tail import LogTail, all_records, is_alert, is_record, taskmanager_logs


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "demo-taskmanager-1.log"


def _process(second: int, user: str = "user1") -> str:
    return f'{{"kind": "process", "userId": "{user}", "processedTime": "2026-01-02T03:04:{second:02}.000Z"}}'


def test_a_short_log_is_left_alone(log: Path) -> None:
    log.write_text("short")
    assert not bound_log(log, maximum_bytes=5)
    assert log.read_text() == "short"


def test_a_log_that_is_too_long_is_cut_under_the_hands_of_its_writer(log: Path) -> None:
    descriptor = open_log(log)
    os.write(descriptor, b"before\n")
    assert bound_log(log, maximum_bytes=3)
    os.write(descriptor, b"after\n")
    os.close(descriptor)
    assert log.read_bytes() == b"after\n"
    assert [file.read_text() for file in older_logs(log)] == ["before\n", "after\n"]


def test_only_the_newest_older_logs_are_kept(log: Path) -> None:
    for number in range(KEPT + 3):
        log.write_text(f"{number} is long")
        assert bound_log(log, maximum_bytes=3)
    assert [file.read_text() for file in older_logs(log)] == [f"{number} is long" for number in range(3, KEPT + 3)] + [
        ""
    ]


def test_a_tail_gives_whole_lines_only_and_each_once(log: Path) -> None:
    tail = LogTail(file=log)
    assert tail.new_lines() == []
    log.write_text("one\ntw")
    assert tail.new_lines() == ["one"]
    with log.open("a") as stream:
        stream.write("o\n")
    assert tail.new_lines() == ["two"]
    assert tail.new_lines() == []


def test_a_tail_from_the_end_gives_only_what_comes(log: Path) -> None:
    log.write_text("old\n")
    tail = LogTail.from_end(log)
    with log.open("a") as stream:
        stream.write("new\n")
    assert tail.new_lines() == ["new"]


def test_a_tail_goes_on_after_its_log_was_cut(log: Path) -> None:
    tail = LogTail(file=log)
    log.write_text("a long line before the cut\n")
    tail.new_lines()
    bound_log(log, maximum_bytes=1)
    with log.open("a") as stream:
        stream.write("new\n")
    assert tail.new_lines() == ["new"]


def test_what_was_written_between_the_last_look_and_the_cut_is_given(log: Path) -> None:
    log.write_text("a line that was seen\n")
    tail = LogTail(file=log)
    assert tail.new_lines() == ["a line that was seen"]
    with log.open("a") as stream:
        stream.write("[ALERT] userId=user1 abnormal 3 times\nwhat is cut")
    bound_log(log, maximum_bytes=1)
    with log.open("a") as stream:
        stream.write(" through\nafter\n")
    assert tail.new_lines() + tail.new_lines() == [
        "[ALERT] userId=user1 abnormal 3 times",
        "what is cut through",
        "after",
    ]
    assert tail.new_lines() == []


def test_much_that_was_written_before_the_cut_is_given_in_parts(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "_CHUNK_BYTES", 10)
    tail = LogTail(file=log)
    log.write_text("".join(f"line {number}\n" for number in range(10)))
    looks = [tail.new_lines()]
    bound_log(log, maximum_bytes=1)
    looks += [tail.new_lines() for _ in range(10)]
    assert [line for look in looks for line in look] == [f"line {number}" for number in range(10)]
    assert max(map(len, looks)) <= 2


def test_a_tail_goes_on_when_nothing_could_be_moved_aside(log: Path) -> None:
    log.write_text("a long line before the cut\n")
    tail = LogTail.from_end(log)
    log.write_text("new\n")
    assert tail.new_lines() == ["new"]


@pytest.mark.parametrize(
    "line,record,alert",
    [
        (_process(1), True, False),
        ("[ALERT] userId=user2 abnormal 3 times", True, True),
        ("2026-01-02T03:04:05.678Z INFO  TaskExecutor [ALERT] is mentioned", False, False),
        ('{"other": 1}', False, False),
        ("", False, False),
    ],
)
def test_the_lines_of_the_log_sink_are_told_from_those_of_flink(line: str, record: bool, alert: bool) -> None:
    assert (is_record(line), is_alert(line)) == (record, alert)


def test_records_of_all_taskmanagers_come_in_the_order_of_their_times(log: Path) -> None:
    other = log.with_name("demo-taskmanager-2.log")
    log.with_name("demo-jobmanager.log").write_text(_process(0))
    log.with_name("demo-taskmanager-1.log.1").write_text(f"{_process(1)}\nINFO Flink says something\n")
    log.write_text(f"{_process(4)}\n[ALERT] userId=user1 abnormal 3 times\n")
    other.write_text(f"{_process(2, 'user2')}\n{_process(5, 'user2')}\n")
    assert taskmanager_logs(log.parent, "demo") == [log, other]
    assert list(all_records(taskmanager_logs(log.parent, "demo"))) == [
        _process(1),
        _process(2, "user2"),
        _process(4),
        "[ALERT] userId=user1 abnormal 3 times",
        _process(5, "user2"),
    ]
