from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.schedule import (
    MAX_OVERDUE_EVENTS,
    PAUSE_MILLISECONDS,
    Advance,
    Schedule,
    advance,
    next_look_milliseconds,
    pause,
    start,
)

NOW = 1_767_323_045_678
intervals = st.integers(min_value=1, max_value=10_000)
limits = st.integers(min_value=1, max_value=20)
# Steps of the clock between two calls: mostly forward, now and then back.
clocks = st.lists(st.integers(min_value=-5_000, max_value=30_000), max_size=15)


def emitted(result: Advance) -> list[tuple[int, int]]:
    return [(result.first_index + offset, due) for offset, due in enumerate(result.due_times)]


def drain(schedule: Schedule, interval: int, now: int, limit: int) -> tuple[Schedule, list[tuple[int, int]]]:
    """Calls again as long as the result asks to be woken at once, as the timers of Flink do."""
    events: list[tuple[int, int]] = []
    for _ in range(schedule.overdue(now) // limit + 2):
        result = advance(schedule, interval, now, limit)
        events += emitted(result)
        schedule = result.schedule
        if result.wake_at_milliseconds > now:
            return schedule, events
    raise AssertionError("it keeps asking to be woken at once")


@given(intervals, limits, clocks)
def test_events_are_contiguous_and_never_more_than_the_limit(interval: int, limit: int, clock: list[int]) -> None:
    schedule, now, events = start(interval, NOW), NOW, []
    for change in clock:
        now += change
        result = advance(schedule, interval, now, limit)
        assert len(result.due_times) <= limit
        assert all(due <= now for due in result.due_times)
        schedule = result.schedule
        events += emitted(result)
    assert events == [(index, NOW + (index + 1) * interval) for index in range(len(events))]


@given(intervals, limits, clocks, st.data())
def test_replay_from_any_saved_state_gives_the_same_events_however_time_is_split(
    interval: int, limit: int, clock: list[int], data: st.DataObject
) -> None:
    schedule, now, latest, events = start(interval, NOW), NOW, NOW, []
    saved = [(schedule.to_state(), 0)]
    for change in clock:
        now += change
        latest = max(latest, now)
        result = advance(schedule, interval, now, limit)
        schedule = result.schedule
        events += emitted(result)
        saved.append((schedule.to_state(), len(events)))
    end = latest + 3 * interval
    events += drain(schedule, interval, end, limit)[1]
    state, before = data.draw(st.sampled_from(saved))
    schedule, again = Schedule.from_state(state), events[:before]
    for split in data.draw(st.lists(st.integers(min_value=NOW - 10_000, max_value=end), max_size=10)):
        result = advance(schedule, interval, split, data.draw(limits))
        schedule = result.schedule
        again += emitted(result)
    again += drain(schedule, interval, end, limit)[1]
    assert again == events


changes = st.tuples(st.integers(min_value=-5_000, max_value=30_000), intervals, st.booleans())


@given(st.lists(changes, max_size=15), intervals, limits)
def test_whatever_interval_pauses_and_clock_do_indexes_are_contiguous_and_due_times_rise(
    steps: list[tuple[int, int, bool]], first_interval: int, limit: int
) -> None:
    schedule, now, events = start(first_interval, NOW), NOW, []
    for change, interval, is_paused in steps:
        now += change
        if is_paused:
            schedule = pause(schedule, now)
            continue
        schedule, made = drain(schedule, interval, now, limit)
        events += made
    assert [index for index, _ in events] == list(range(len(events)))
    assert all(earlier < later for (_, earlier), (_, later) in pairwise(events))


@given(intervals, limits, clocks)
def test_it_is_woken_when_the_next_event_is_due_and_at_once_while_more_are_overdue(
    interval: int, limit: int, clock: list[int]
) -> None:
    schedule, now = start(interval, NOW), NOW
    for change in clock:
        now += change
        result = advance(schedule, interval, now, limit)
        schedule = result.schedule
        if schedule.overdue(now):
            assert result.wake_at_milliseconds == now
        else:
            assert result.wake_at_milliseconds == schedule.due_time_milliseconds(schedule.next_index) > now


def test_a_clock_that_goes_backwards_emits_nothing_and_loses_nothing() -> None:
    first = advance(start(100, NOW), 100, NOW + 250)
    back = advance(first.schedule, 100, NOW - 1_000_000)
    assert back.due_times == ()
    assert back.schedule == first.schedule
    assert back.wake_at_milliseconds == NOW + 300
    assert emitted(advance(back.schedule, 100, NOW + 400)) == [(2, NOW + 300), (3, NOW + 400)]


def test_a_new_interval_begins_now_after_everything_due_under_the_old_one() -> None:
    state = start(100, NOW)
    result = advance(state, 1000, NOW + 350)
    assert emitted(result) == [(0, NOW + 100), (1, NOW + 200), (2, NOW + 300)]
    assert result.schedule == Schedule(
        anchor_time_milliseconds=NOW + 350, anchor_index=3, next_index=3, interval_milliseconds=1000
    )
    assert result.wake_at_milliseconds == NOW + 1350


def test_a_new_interval_waits_until_a_long_backlog_is_gone() -> None:
    state = start(100, NOW)
    first = advance(state, 1000, NOW + 350, limit=2)
    assert emitted(first) == [(0, NOW + 100), (1, NOW + 200)]
    assert (first.schedule.interval_milliseconds, first.wake_at_milliseconds) == (100, NOW + 350)
    second = advance(first.schedule, 1000, NOW + 360, limit=2)
    assert emitted(second) == [(2, NOW + 300)]
    assert second.schedule.to_state() == (NOW + 360, 3, 3, 1000)


def test_a_new_interval_on_a_clock_gone_back_does_not_take_event_times_back() -> None:
    first = advance(start(100, NOW), 100, NOW + 500)
    changed = advance(first.schedule, 10, NOW)
    assert changed.due_times == ()
    assert changed.wake_at_milliseconds == NOW + 510


def test_a_pause_of_hours_is_worked_off_in_bounded_portions() -> None:
    result = advance(start(5, NOW), 5, NOW + 3_600_000)
    assert len(result.due_times) == MAX_OVERDUE_EVENTS
    assert result.wake_at_milliseconds == NOW + 3_600_000


def test_a_user_that_paused_owes_nothing_for_that_time() -> None:
    first = advance(start(100, NOW), 100, NOW + 250)
    paused = pause(first.schedule, NOW + 5000)
    assert advance(paused, 100, NOW + 5099).due_times == ()
    assert emitted(advance(paused, 100, NOW + 5100)) == [(2, NOW + 5100)]


@given(st.integers(min_value=0, max_value=2 * PAUSE_MILLISECONDS))
def test_the_next_look_at_a_paused_user_is_after_now_and_on_a_full_minute(offset: int) -> None:
    now = NOW + offset
    look = next_look_milliseconds(now)
    assert now < look <= now + PAUSE_MILLISECONDS
    assert look % PAUSE_MILLISECONDS == 0


@pytest.mark.parametrize("interval, limit", [(0, 1), (-5, 1), (5, 0)])
def test_an_interval_or_a_limit_below_one_is_refused(interval: int, limit: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        advance(start(5, NOW), interval, NOW, limit)


@pytest.mark.parametrize("state", [(), (1, 2, 3), (1, 2, 3, 4, 5), (1, 0, 0, 0)])
def test_a_state_that_is_not_a_schedule_is_refused(state: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"unpack|at least 1"):
        Schedule.from_state(state)
