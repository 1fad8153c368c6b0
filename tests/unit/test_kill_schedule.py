"""The schedule of the kill test: the same for the same seed, and with every kind of kill in it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.flink.kill_schedule import describe, kill_schedule


@given(seed=st.integers(min_value=0, max_value=10**9), kills=st.integers(min_value=4, max_value=40))
def test_a_seed_gives_one_schedule_with_every_kind_of_kill(seed: int, kills: int) -> None:
    schedule = kill_schedule(seed, kills)
    assert schedule == kill_schedule(seed, kills)
    assert [kill.number for kill in schedule] == list(range(1, kills + 1))
    assert {kill.victim.split("-")[0] for kill in schedule} == {"all", "jobmanager", "taskmanager"}
    assert schedule[0].moment == "settled"
    assert sum(kill.moment != "settled" for kill in schedule) == kills // 4


@given(seed=st.integers(min_value=0, max_value=10**9))
def test_a_kill_in_a_recovery_comes_well_before_its_end(seed: int) -> None:
    for before, kill in pairwise(kill_schedule(seed, 20)):
        bound = 8 if not before.victim.startswith("taskmanager") else 2
        assert 0 <= kill.after_seconds < (bound if kill.moment != "settled" else 2)


def test_twenty_kills_have_at_least_four_while_not_all_tasks_run() -> None:
    schedule = kill_schedule(1, 20)
    assert sum(kill.moment != "settled" for kill in schedule) >= 4
    assert sum(kill.victim == "all" for kill in schedule) == 4
    assert sum(kill.victim == "jobmanager" for kill in schedule) == 6


def test_different_seeds_give_different_schedules() -> None:
    assert kill_schedule(1, 20) != kill_schedule(2, 20)


def test_the_seed_is_printed_with_every_kill() -> None:
    lines = describe(5, kill_schedule(5, 4)).splitlines()
    assert lines[0] == "schedule of 4 kills from seed 5"
    assert len(lines) == 5


def test_too_few_kills_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        kill_schedule(1, 3)
