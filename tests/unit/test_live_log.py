"""The live log: each record once, in order, bounded, whatever is written; and which subtask has which users."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.unit.observations import at

from anomalyjob.events import Alert, ProcessRecord, UserEvent
from anomalyjob_operator.live import log_follower
from anomalyjob_operator.live.log_book import MAXIMUM_ENTRIES, MAXIMUM_USERS, MAXIMUM_USERS_OF_SUBTASK, LogBook
from anomalyjob_operator.live.log_follower import Interest, LogFollower
from anomalyjob_operator.live.log_records import RecordReader
from anomalyjob_operator.live.log_source import LogBatch

if TYPE_CHECKING:
    from datetime import datetime

WORKLOAD: Final = "demo-taskmanager-1"
BOUND_SECONDS: Final = 30.0


def lines_of(
    index: int, *, user: str = "user1", count: int = 0, subtask: int = 0, second: float | None = None
) -> tuple[str, ...]:
    """What the log sink writes for one event, an alert too when the count has reached three."""
    moment = at(index if second is None else second)
    event = UserEvent(user_id=user, index=index, event_time=moment, abnormal=count > 0)
    process = ProcessRecord.of(event, count=count, subtask=subtask, processed_time=moment)
    lines = (event.encode(), process.encode())
    if count < 3:
        return lines
    alert = Alert.of(event, count=count, emitted_time=moment)
    return (*lines, alert.encode(), alert.message)


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


class PlayedLog:
    """A log whose batches a test puts in; None ends it, an exception breaks it."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[LogBatch | Exception | None] = asyncio.Queue()
        self.opened = 0

    def write(self, *lines: str, workload: str = WORKLOAD) -> None:
        """Let these lines be in the log."""
        self.batches.put_nowait(LogBatch(workload=workload, lines=lines))

    async def follow(self, history: int) -> AsyncIterator[LogBatch]:
        """Hand out what was put in."""
        assert history > 0
        self.opened += 1
        while (batch := await self.batches.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            yield batch


class Following:
    """A follower that is followed itself."""

    def __init__(self) -> None:
        self.log = PlayedLog()
        self.entries: list[Any] = []
        self.alerts: list[Alert] = []
        self.dropped = 0
        self.wanted = True
        self.watched = True
        self.told = asyncio.Event()
        self.now: datetime = at(100)
        self.book = LogBook("demo")
        interest = Interest(
            wanted=lambda: self.wanted, watched=lambda: self.watched, new=self._new, alert=self.alerts.append
        )
        self.follower = LogFollower(lambda: self.log, self.book, interest, lambda: self.now)

    def _new(self, new: tuple[bytes, ...], dropped: int) -> None:
        self.entries += [json.loads(one) for one in new]
        self.dropped += dropped
        self.told.set()

    async def until(self, count: int) -> None:
        """Run until there are so many entries."""
        await self.until_holds(lambda: len(self.entries) >= count)

    async def until_holds(self, holds: Callable[[], bool]) -> None:
        """Run until that holds; it is looked at after news."""
        running = asyncio.create_task(self.follower.run())
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                while not holds():
                    await self.told.wait()
                    self.told.clear()
                    # What was told is tidied up right afterwards.
                    await asyncio.sleep(0)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def leave_after(self, count: int) -> None:
        """Run until there are so many entries, then want no more."""
        running = asyncio.create_task(self.follower.run())
        async with asyncio.timeout(BOUND_SECONDS):
            while len(self.entries) < count:
                await self.told.wait()
                self.told.clear()
            self.wanted = False
            await running
        self.wanted = True


@pytest.mark.asyncio
async def test_what_is_written_is_handed_on() -> None:
    following = Following()
    following.log.write(*lines_of(1))
    await following.until(2)

    assert [one["kind"] for one in following.entries] == ["source", "process"]


@pytest.mark.asyncio
async def test_every_new_alert_is_told_and_none_of_the_history() -> None:
    following = Following()
    following.log.write(*lines_of(1, count=3, second=90), *lines_of(2, count=4, second=101))
    await following.until(6)

    assert [alert.index for alert in following.alerts] == [2]


@pytest.mark.asyncio
@pytest.mark.parametrize("batch_lines", [1_000, 10_000])
async def test_of_a_flood_a_part_is_told_with_every_alert_and_the_rest_is_counted(batch_lines: int) -> None:
    following = Following()
    flood = [line for index in range(2, 4_002) for line in lines_of(index, second=101)]
    lines = [*lines_of(0, count=3, second=101), *flood, *lines_of(1, count=3, second=101)]
    following.log.write("The history, of which none is counted")
    for begin in range(0, len(lines), batch_lines):
        following.log.write(*lines[begin : begin + batch_lines])
    await following.until(log_follower.MAXIMUM_LINES // 2)

    assert [alert.index for alert in following.alerts] == [0, 1]
    assert following.dropped >= 8_000 - 2 * log_follower.MAXIMUM_LINES


@pytest.mark.asyncio
@pytest.mark.parametrize("end", [None, OSError("gone"), ValueError("garbage")])
async def test_a_log_that_ends_or_breaks_is_opened_anew(end: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_follower, "REOPEN_SECONDS", 0.01)
    following = Following()
    following.log.write(*lines_of(1))
    following.log.batches.put_nowait(end)
    following.log.write(*lines_of(1), *lines_of(2))
    await following.until(4)

    assert following.log.opened == 2
    assert [one["index"] for one in following.entries] == [1, 1, 2, 2]


@pytest.mark.asyncio
async def test_a_log_that_nobody_wants_is_not_opened() -> None:
    following = Following()
    following.wanted = False
    following.log.write(*lines_of(1))
    running = asyncio.create_task(following.follower.run())
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert following.log.opened == 0


@pytest.mark.asyncio
async def test_a_follower_that_was_hurried_and_is_no_longer_wanted_lets_others_have_their_turn() -> None:
    following = Following()
    following.log.write(*lines_of(1))
    running = asyncio.create_task(following.follower.run())
    await following.told.wait()
    following.follower.hurry()
    following.wanted = False
    async with asyncio.timeout(BOUND_SECONDS):
        await running
    again = asyncio.create_task(following.follower.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not again.done()
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)

    assert again.cancelled()


@pytest.mark.asyncio
async def test_a_log_that_is_opened_again_for_a_reader_is_read_as_if_it_had_never_been() -> None:
    lines = [line for index in range(200) for line in lines_of(index)]
    following = Following()
    following.log.write(*lines)
    await following.leave_after(400)
    assert following.book.entries == ()
    following.entries.clear()
    following.log.write("Flink starts", *lines, *lines_of(200))
    await following.leave_after(402)

    assert [one["index"] for one in following.entries[::2]] == list(range(201))
    assert following.dropped == 0


class ClosingLog(PlayedLog):
    """A log that takes its time to close."""

    def __init__(self) -> None:
        super().__init__()
        self.closing, self.may_close = asyncio.Event(), asyncio.Event()

    async def follow(self, history: int) -> AsyncIterator[LogBatch]:  # type: ignore[explicit-override]  # typing has no override in 3.11
        """Hand out what was put in."""
        try:
            async for batch in super().follow(history):
                yield batch
        finally:
            self.closing.set()
            await self.may_close.wait()


@pytest.mark.asyncio
async def test_who_comes_back_while_a_log_closes_is_not_handed_what_will_be_read_again() -> None:
    following = Following()
    following.log = log = ClosingLog()
    log.write(*lines_of(1))
    running = asyncio.create_task(following.follower.run())
    async with asyncio.timeout(BOUND_SECONDS):
        await following.told.wait()
        following.wanted = False
        await log.closing.wait()
        assert following.book.entries == ()
        log.may_close.set()
        await running


@pytest.mark.asyncio
async def test_the_history_of_many_workloads_is_not_called_dropped() -> None:
    following = Following()
    lines = [line for index in range(log_follower.HISTORY_LINES // 2) for line in lines_of(index)]
    for number in range(30):
        following.log.write(*lines, workload=f"demo-taskmanager-{number}")
    await following.until_holds(lambda: following.log.batches.empty() and len(following.entries) > 0)

    assert following.dropped + following.follower._dropped == 0


@pytest.mark.asyncio
async def test_flinks_own_lines_are_not_counted_when_they_are_passed_over() -> None:
    following = Following()
    following.log.write(*lines_of(0))
    following.log.write(*("INFO Flink says something",) * 10_000, *lines_of(1))
    await following.until(4)

    assert following.dropped == 0


@pytest.mark.asyncio
async def test_of_a_log_that_is_followed_for_its_alerts_alone_little_is_kept() -> None:
    following = Following()
    following.watched = False
    following.log.write(*(line for index in range(500) for line in lines_of(index, user=f"user{index}")))
    kept: list[tuple[int, int]] = []

    def all_told() -> bool:
        kept.append((len(following.book.entries), sum(map(len, following.book.users.values()))))
        return len(following.entries) >= 999

    await following.until_holds(all_told)

    assert kept[-1][0] == log_follower.UNWATCHED_ENTRIES
    assert kept[-1][1] <= log_follower.UNWATCHED_ENTRIES
