"""The live log: each record once, in order, bounded, whatever is written; and which subtask has which users."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from tests.unit.observations import at
from tests.unit.played_log import WORKLOAD, lines_of

from anomalyjob.events import ProcessRecord, UserEvent
from anomalyjob_operator.live.log_book import MAXIMUM_ENTRIES, MAXIMUM_USERS, MAXIMUM_USERS_OF_SUBTASK, LogBook
from anomalyjob_operator.live.log_records import RecordReader


def entries(lines: Sequence[str], book: LogBook | None = None, reader: RecordReader | None = None) -> list[Any]:
    written = (reader or RecordReader()).read(WORKLOAD, lines)
    return [json.loads(entry) for entry in (book or LogBook("demo")).add(written)]


def test_each_record_is_one_entry_and_the_line_for_people_belongs_to_its_alert() -> None:
    told = entries(lines_of(17, count=3, subtask=1))

    assert told == [
        {
            "seq": 1,
            "kind": "source",
            "at": "2026-01-02T03:00:17.000Z",
            "userId": "user1",
            "index": 17,
            "abnormal": True,
            "count": None,
            "subtask": None,
            "workload": "taskmanager-1",
            "text": "userId=user1 event 17 abnormal",
        },
        {
            "seq": 2,
            "kind": "process",
            "at": "2026-01-02T03:00:17.000Z",
            "userId": "user1",
            "index": 17,
            "abnormal": True,
            "count": 3,
            "subtask": 1,
            "workload": "taskmanager-1",
            "text": "userId=user1 event 17 abnormal, count 3",
        },
        {
            "seq": 3,
            "kind": "alert",
            "at": "2026-01-02T03:00:17.000Z",
            "userId": "user1",
            "index": 17,
            "abnormal": True,
            "count": 3,
            "subtask": None,
            "workload": "taskmanager-1",
            "text": "[ALERT] userId=user1 abnormal 3 times",
        },
    ]


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-24 13:45:50 INFO  org.apache.flink.runtime.taskmanager.Task - RUNNING",
        "[ALERT] userId=user1 abnormal 3 times",
        '{"kind": "process", "userId": "user1"}',
        '{"kind": "event"',
        '{"kind": ' + "[" * 5_000,
        lines_of(1, user="x" * 20_000)[1],
        "",
        "\x00",
    ],
)
def test_whatever_is_no_record_is_no_entry(line: str) -> None:
    assert entries([line]) == []


def test_a_script_in_a_users_name_is_just_a_name() -> None:
    told = entries(lines_of(1, user="<script>alert(1)</script>"))

    assert told[0]["userId"] == "<script>alert(1)</script>"


def test_nothing_in_a_name_can_end_a_line() -> None:
    written = RecordReader().read(WORKLOAD, lines_of(1, user="a\nb\u2028c"))
    encoded = LogBook("demo").add(written)

    assert b"\n" not in b"".join(encoded)
    assert json.loads(encoded[0])["text"] == "userId=a\\u000ab\\u2028c event 1 normal"


def test_lines_that_are_read_again_are_not_told_again() -> None:
    reader, book = RecordReader(), LogBook("demo")
    first = [*lines_of(1), *lines_of(2, count=3)]
    entries(first, book, reader)
    again = entries([*first, *lines_of(3)], book, reader)

    assert [(one["kind"], one["index"]) for one in again] == [("source", 3), ("process", 3)]


def test_a_log_that_is_opened_anew_in_the_midst_of_a_record_tells_nothing_twice() -> None:
    reader, book = RecordReader(), LogBook("demo")
    lines = [*lines_of(1, count=3), *lines_of(2)]
    entries(lines, book, reader)

    for begin in range(1, len(lines)):
        assert entries(lines[begin:], book, reader) == []


def test_what_is_processed_again_after_a_restore_is_told_again() -> None:
    reader, book = RecordReader(), LogBook("demo")
    entries(lines_of(1), book, reader)
    event = UserEvent(user_id="user1", index=1, event_time=at(1), abnormal=False)
    process = ProcessRecord.of(event, count=0, subtask=0, processed_time=at(20))
    again = entries([event.encode(), process.encode()], book, reader)

    assert [one["kind"] for one in again] == ["source", "process"]


def test_entries_of_several_workloads_stand_in_the_order_of_their_times() -> None:
    reader, book = RecordReader(), LogBook("demo")
    written = [
        *reader.read("demo-taskmanager-1", lines_of(5) + lines_of(7)),
        *reader.read("demo-taskmanager-2", lines_of(6, user="user2")),
    ]

    assert [json.loads(entry)["index"] for entry in book.add(written)] == [5, 5, 6, 6, 7, 7]


def test_the_book_is_bounded() -> None:
    book = LogBook("demo")
    for index in range(2_000):
        entries(lines_of(index), book)

    assert len(book.entries) == MAXIMUM_ENTRIES
    assert json.loads(book.entries[-1])["seq"] == 4_000


def test_huge_entries_are_bounded_by_their_bytes() -> None:
    book = LogBook("demo")
    for index in range(1_000):
        entries(lines_of(index, user="x" * 9_000), book)

    assert sum(map(len, book.entries)) < 2_100_000


def test_which_subtask_has_which_users_is_learnt_from_what_was_processed() -> None:
    book = LogBook("demo")
    entries([*lines_of(1, user="user2", subtask=1), *lines_of(1), *lines_of(2, user="user4", subtask=1)], book)

    assert book.users == {0: ["user1"], 1: ["user2", "user4"]}


def test_of_a_subtask_as_many_users_are_told_as_are_shown() -> None:
    book = LogBook("demo")
    for number in range(100, 100 + MAXIMUM_USERS_OF_SUBTASK + 10):
        entries(lines_of(number, user=f"user{number}"), book)

    assert book.users == {0: [f"user{number}" for number in range(100, 100 + MAXIMUM_USERS_OF_SUBTASK)]}


def test_a_user_who_is_seen_again_is_not_the_oldest() -> None:
    book = LogBook("demo")
    for number in (0, *range(1, MAXIMUM_USERS), 0, MAXIMUM_USERS):
        entries(lines_of(number, user=f"user{number}", subtask=number), book)

    assert book.users[0] == ["user0"]
    assert 1 not in book.users


def test_users_are_bounded_and_the_newest_are_known() -> None:
    book = LogBook("demo")
    for index in range(MAXIMUM_USERS + 10):
        entries(lines_of(index, user=f"user{index}", subtask=index), book)

    assert sum(map(len, book.users.values())) == MAXIMUM_USERS
    assert 0 not in book.users
