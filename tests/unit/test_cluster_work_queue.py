"""The queue of resources to look at, in virtual time: what is coalesced, never lost, and never side by side."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit import virtual_time
from tests.unit.virtual_time import now

from anomalyjob_operator.cluster import work_queue
from anomalyjob_operator.cluster.api import ApiError, ApiUnavailableError
from anomalyjob_operator.cluster.work_queue import WorkQueue
from anomalyjob_operator.pass_report import Key

DEMO: Key = ("default", "demo")
OTHER: Key = ("default", "other")

Answer = float | Exception | None
"""What a look returns or raises."""


@dataclass
class Looks:
    """Looks that take `seconds`, with what they answer; `began` and `ended` are their times by key."""

    answers: list[Answer] = field(default_factory=list)
    usual: Answer = None
    seconds: float = 0.0
    began: dict[Key, list[float]] = field(default_factory=dict)
    ended: dict[Key, list[float]] = field(default_factory=dict)
    running: list[Key] = field(default_factory=list)

    async def look(self, key: Key) -> float | None:
        """Look once."""
        assert key not in self.running, "two looks of one key side by side"
        self.began.setdefault(key, []).append(now())
        self.running.append(key)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running.remove(key)
        self.ended.setdefault(key, []).append(now())
        answer = self.answers.pop(0) if self.answers else self.usual
        if isinstance(answer, Exception):
            raise answer
        return answer


def play(looks: Looks, story: Callable[[WorkQueue], Awaitable[None]]) -> WorkQueue:
    """Let the story happen to a queue, and end it."""

    async def main() -> WorkQueue:
        queue = WorkQueue(looks.look, now)
        await story(queue)
        await queue.stop()
        return queue

    return virtual_time.run(main())


def times(looks: Looks, key: Key = DEMO) -> list[float]:
    """When the looks of the key began."""
    return [round(time, 3) for time in looks.began.get(key, [])]


def test_any_number_of_wake_ups_before_a_look_are_one_look() -> None:
    looks = Looks()

    async def story(queue: WorkQueue) -> None:
        for _ in range(100):
            queue.add(DEMO)
        await asyncio.sleep(60)

    play(looks, story)
    assert times(looks) == [0]


def test_a_wake_up_during_a_look_is_one_more_look_after_it() -> None:
    looks = Looks(seconds=5)

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        for _ in range(10):
            await asyncio.sleep(0.1)
            queue.add(DEMO)
        await asyncio.sleep(60)

    play(looks, story)
    assert times(looks) == [0, 5.2]


def test_a_wake_up_at_the_very_end_of_the_last_look_is_not_lost() -> None:
    queue: WorkQueue | None = None
    began: list[float] = []

    async def look(key: Key) -> float | None:
        began.append(now())
        if len(began) == 1:
            assert queue is not None
            queue.add(key)
        return None

    async def main() -> None:
        nonlocal queue
        queue = WorkQueue(look, now)
        queue.add(DEMO)
        await asyncio.sleep(60)
        assert len(queue) == 0
        await queue.stop()

    virtual_time.run(main())
    assert began == [0, 0.2]


def test_a_key_that_is_gone_has_no_worker_and_gets_one_when_it_is_back() -> None:
    looks = Looks()

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(1)
        assert len(queue) == 0
        queue.add(DEMO)
        await asyncio.sleep(1)

    play(looks, story)
    assert times(looks) == [0, 1]


def test_a_key_is_looked_at_again_after_the_time_that_the_last_look_named() -> None:
    looks = Looks(usual=5.0)

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(16)

    play(looks, story)
    assert times(looks) == [0, 5, 10, 15]


def test_a_key_is_looked_at_again_after_half_a_minute_whatever_its_look_says() -> None:
    looks = Looks(usual=86_400.0)

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(61)

    play(looks, story)
    assert times(looks) == [0, 30, 60]


def test_a_look_that_wants_another_at_once_does_not_make_a_busy_loop() -> None:
    looks = Looks(usual=0.0)

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(1.1)

    play(looks, story)
    assert times(looks) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_a_wake_up_shortens_the_wait_and_a_burst_of_them_does_not_make_a_busy_loop() -> None:
    looks = Looks(usual=30.0)

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(10)
        for _ in range(60):
            queue.add(DEMO)
            await asyncio.sleep(0.01)
        await asyncio.sleep(10)

    play(looks, story)
    assert times(looks) == [0, 10, 10.2, 10.4, 10.6]


def test_keys_do_not_wait_for_one_another() -> None:
    looks = Looks(seconds=100)

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        queue.add(OTHER)
        await asyncio.sleep(1)

    play(looks, story)
    assert times(looks) == times(looks, OTHER) == [0]


def test_a_look_that_fails_is_made_again_later_and_later_up_to_half_a_minute() -> None:
    looks = Looks(usual=ValueError("broken"))

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(125)

    play(looks, story)
    assert times(looks) == [0, 1, 3, 7, 15, 31, 61, 91, 121]


def test_after_a_look_that_succeeds_the_waiting_begins_anew() -> None:
    broken = ValueError("broken")
    looks = Looks(answers=[broken, broken, broken, 0.5, broken, None])

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(60)

    play(looks, story)
    assert times(looks) == [0, 1, 3, 7, 7.5, 8.5]


def test_events_do_not_hurry_a_look_that_fails_by_more_than_one_a_second() -> None:
    looks = Looks(usual=ValueError("broken"))

    async def story(queue: WorkQueue) -> None:
        for _ in range(50):
            queue.add(DEMO)
            await asyncio.sleep(0.1)

    play(looks, story)
    assert times(looks) == [0, 1, 2, 3, 4]


def test_the_failure_of_one_key_is_not_that_of_another() -> None:
    async def look(key: Key) -> float | None:
        if key == DEMO:
            raise ValueError("broken")
        looked.append(now())
        return 5.0

    looked: list[float] = []

    async def main() -> None:
        queue = WorkQueue(look, now)
        queue.add(DEMO)
        queue.add(OTHER)
        await asyncio.sleep(11)
        await queue.stop()

    virtual_time.run(main())
    assert looked == [0, 5, 10]


def test_a_look_that_hangs_is_given_up_and_made_again(caplog: pytest.LogCaptureFixture) -> None:
    looks = Looks(seconds=1_000)

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(200)

    play(looks, story)
    assert times(looks) == [0, 151]
    assert [record.getMessage() for record in caplog.records] == [
        "default/demo: TimeoutError: a step took too long (trying again)"
    ]


def test_the_same_error_is_told_once_a_minute_and_another_at_once(caplog: pytest.LogCaptureFixture) -> None:
    same, other = ValueError("a"), ValueError("b")
    looks = Looks(answers=[same, same, same, same, other], usual=same)
    told: list[tuple[float, str]] = []

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        for _ in range(200):
            count = len(caplog.records)
            await asyncio.sleep(0.5)
            told.extend((now(), record.getMessage()) for record in caplog.records[count:])

    play(looks, story)
    assert [(time, message.split(":")[2].strip()) for time, message in told] == [
        (0.5, "a (trying again)"),
        (15.5, "b (trying again)"),
        (31.5, "a (trying again)"),
        (91.5, "a (trying again)"),
    ]


def test_an_error_that_nobody_expected_is_told_with_its_frames(caplog: pytest.LogCaptureFixture) -> None:
    looks = Looks(answers=[ValueError("a"), ApiError("GET /x", 500, "no"), None])

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(10)

    with caplog.at_level(logging.ERROR):
        play(looks, story)
    assert [bool(record.exc_info) for record in caplog.records] == [True, False]


def test_keys_above_the_limit_are_refused_and_find_a_place_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(work_queue, "MAXIMUM_KEYS", 2)
    looks = Looks(answers=[5.0, 5.0, None, 5.0])

    async def story(queue: WorkQueue) -> None:
        for number in range(3):
            queue.add(("default", f"job-{number}"))
        await asyncio.sleep(6)
        assert ("default", "job-2") not in looks.began
        queue.add(("default", "job-2"))
        await asyncio.sleep(1)

    play(looks, story)
    assert [round(time, 3) for time in looks.began[("default", "job-2")]] == [6]
    assert "default/job-2 is not looked at: there are 2 resources already" in caplog.text


def test_a_stop_ends_looks_in_the_middle_and_nothing_is_looked_at_afterwards() -> None:
    looks = Looks(seconds=10)

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(5)
        await queue.stop()
        queue.add(DEMO)
        queue.add(OTHER)
        await asyncio.sleep(60)

    queue = play(looks, story)
    assert len(queue) == 0
    assert looks.running == []
    assert looks.ended == {}
    assert times(looks) == [0]
    assert times(looks, OTHER) == []


def test_a_stop_before_the_first_look_leaves_nothing_behind() -> None:
    looks = Looks()

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await queue.stop()
        assert len(queue) == 0

    play(looks, story)
    assert looks.began == {}


ENDS: dict[str, tuple[Answer, bool]] = {
    "succeeds": (5.0, True),
    "finds nothing": (None, True),
    "finds a resource that is wrong": (ValueError("broken"), True),
    "is refused by the API server": (ApiError("GET /x", 403, "forbidden"), True),
    "gets no answer of the API server": (ApiUnavailableError("GET /x"), False),
    "takes too long": (TimeoutError(), False),
}


@pytest.mark.parametrize("end", ENDS)
def test_only_silence_is_no_progress_when_a_look(end: str) -> None:
    answer, progress = ENDS[end]
    looks = Looks(answers=[answer], seconds=7)

    async def story(queue: WorkQueue) -> None:
        queue.add(DEMO)
        await asyncio.sleep(7.5)
        assert queue.progressed_at == (7 if progress else 0)

    play(looks, story)


@given(
    adds=st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0, 3.0]), st.sampled_from([DEMO, OTHER])), max_size=12
    ),
    answers=st.lists(st.sampled_from(["gone", "soon", "broken"]), max_size=12),
    seconds=st.sampled_from([0.0, 0.1, 0.5, 2.0]),
)
def test_no_wake_up_is_ever_lost_and_no_two_looks_of_a_key_are_ever_side_by_side(
    adds: list[tuple[float, Key]], answers: list[str], seconds: float
) -> None:
    meanings: dict[str, Answer] = {"gone": None, "soon": 0.5, "broken": ValueError("broken")}
    looks = Looks(answers=[meanings[answer] for answer in answers], seconds=seconds)
    added: list[tuple[float, Key]] = []

    async def story(queue: WorkQueue) -> None:
        for pause, key in adds:
            await asyncio.sleep(pause)
            queue.add(key)
            added.append((now(), key))
        await asyncio.sleep(200)
        assert len(queue) == 0

    logging.disable()
    try:
        play(looks, story)
    finally:
        logging.disable(logging.NOTSET)
    for time, key in added:
        assert any(time <= began <= time + seconds + 30.001 for began in looks.began[key]), "a wake-up was lost"
