from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.events import UserEvent
from anomalyjob.simulator import abnormal, event

seeds = st.integers(min_value=-(2**63), max_value=2**63)
users = st.text()
indexes = st.integers(min_value=0, max_value=2**53)


@pytest.mark.parametrize(
    "user_id, flags",
    [
        ("user1", "xxx.....x..x........xxx.....x....xx.x..x"),
        ("user2", "x..xx......x.......xx.xx........x.x...x."),
        ("user3", "...x..x.........x.x..x....x.....xxx..x.."),
        ("Zoë 🙂", ".xxx......xx.x..x.x.....x.xx.....x.....x"),
    ],
)
def test_the_hash_never_changes_or_runs_under_way_would_turn_wrong(user_id: str, flags: str) -> None:
    made = "".join("x" if abnormal(7, user_id, index, 0.3) else "." for index in range(40))
    assert made == flags


@given(seeds, users, indexes)
def test_ratio_zero_is_never_and_ratio_one_always(seed: int, user_id: str, index: int) -> None:
    assert not abnormal(seed, user_id, index, 0.0)
    assert abnormal(seed, user_id, index, 1.0)


@given(seeds, users, indexes, st.floats(min_value=0, max_value=1), st.floats(min_value=0, max_value=1))
def test_what_is_abnormal_at_a_ratio_is_so_at_every_higher_one(
    seed: int, user_id: str, index: int, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert abnormal(seed, user_id, index, low) <= abnormal(seed, user_id, index, high)


@pytest.mark.parametrize("ratio", [0.05, 0.3, 0.9])
def test_the_share_of_abnormal_events_comes_near_the_ratio(ratio: float) -> None:
    share = sum(abnormal(7, "user1", index, ratio) for index in range(20_000)) / 20_000
    assert share == pytest.approx(ratio, abs=0.015)


def test_seed_user_and_index_each_matter() -> None:
    def flags(seed: int, user_id: str, first: int) -> list[bool]:
        return [abnormal(seed, user_id, index, 0.5) for index in range(first, first + 200)]

    streams = [flags(7, "user1", 0), flags(8, "user1", 0), flags(7, "user2", 0), flags(7, "user1", 1)]
    assert all(streams.count(stream) == 1 for stream in streams)


def test_an_event_carries_what_it_was_made_from() -> None:
    time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert event(7, "user1", 4, 1.0, time) == UserEvent(user_id="user1", index=4, event_time=time, abnormal=True)


def test_user_ids_that_are_no_valid_text_still_have_a_stream() -> None:
    assert abnormal(7, "\ud800", 0, 1.0)
