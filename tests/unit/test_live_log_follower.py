"""Following a log: handed on in time, alerts told once, a flood bounded, and begun anew when it is wanted again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.unit.observations import at
from tests.unit.played_log import PlayedLog, lines_of

from anomalyjob_operator.live import log_follower
from anomalyjob_operator.live.log_book import LogBook
from anomalyjob_operator.live.log_follower import Interest, LogFollower
from anomalyjob_operator.live.log_source import LogBatch

if TYPE_CHECKING:
    from datetime import datetime

    from anomalyjob.events import Alert

BOUND_SECONDS: Final = 30.0


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
