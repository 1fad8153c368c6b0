"""The keyed functions without Flink: one user's state, a timer service, and a clock that the test sets."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob import functions
from anomalyjob.config import SimulatedSource
from anomalyjob.detector import Rule, step
from anomalyjob.events import Alert, ProcessRecord, UserEvent, decode_record, user_key
from anomalyjob.functions import AbnormalCounter, SimulatedUserSource
from anomalyjob.schedule import PAUSE_MILLISECONDS
from anomalyjob.simulator import event
from anomalyjob.sources import listed_user_key
from anomalyjob.timestamps import EPOCH

NOON = 1_767_355_200_000
USER = 'Zoë "🙂"\n'


@dataclass
class State:
    """A value state of one key."""

    stored: Any = None
    updates: int = 0

    def value(self) -> Any:
        """What is stored, None at first."""
        return self.stored

    def update(self, value: Any) -> None:
        """Store it."""
        self.stored, self.updates = value, self.updates + 1


@dataclass
class User:
    """One user of the source `source`, with the timers of Flink as InternalTimerServiceImpl keeps and fires them."""

    source: SimulatedUserSource
    now: int = NOON
    timers: set[int] = field(default_factory=set)
    state: State = field(default_factory=State)
    lines: list[str] = field(default_factory=list)
    fired: int = 0

    def run_with(self, source: SimulatedUserSource) -> None:
        """A restart with another configuration: state and timers stay."""
        self.source = source
        source._schedule = self.state

    def named(self) -> None:
        """The clock names the user."""
        self.lines += self.source.process_element(user_key(USER), self)

    def timers_due(self) -> None:
        """Flink's task has its turn: it fires what was due when it looked, and what becomes due before that moment."""
        due = [time for time in self.timers if time <= self.now]
        if due:
            self.fire(until=max(due))

    def fire(self, until: int) -> None:
        """Fire everything up to `until`, also what is registered meanwhile; nothing else has its turn until then."""
        while self.timers and (first := min(self.timers)) <= until:
            self.timers.remove(first)
            self.fired += 1
            assert self.fired < 1000, "barriers never have their turn"
            self.lines += self.source.on_timer(first, self)

    def until(self, now: int) -> None:
        """Let the time pass, timer by timer."""
        while self.timers and (first := min(self.timers)) <= now:
            self.now = max(self.now, first)
            self.timers_due()
        self.now = now

    @property
    def indexes(self) -> list[int]:
        """The indexes made so far."""
        return [decode_record(line).index for line in self.lines]

    # --- what the function sees of Flink

    def get_current_key(self) -> str:
        """The key that Flink computed from the line."""
        return user_key(USER)

    def timer_service(self) -> "User":
        """The user is its own timer service."""
        return self

    def register_processing_time_timer(self, timestamp: int) -> None:
        """Two timers of one key at one time are one."""
        self.timers.add(timestamp)


def source(*users: str, interval: int = 1000) -> SimulatedUserSource:
    simulated = SimulatedSource(users=users, interval_milliseconds=interval, abnormal_ratio=0.5, seed=7)
    return SimulatedUserSource(simulated)


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> User:
    made = User(source=source(USER))
    made.run_with(made.source)
    monkeypatch.setattr(functions, "now_milliseconds", lambda: made.now)
    return made


def test_the_events_of_a_user_come_when_they_are_due_whatever_the_name_is(user: User) -> None:
    user.named()
    user.until(NOON + 3500)

    expected = [event(7, USER, index, 0.5, EPOCH) for index in range(3)]
    made = [decode_record(line) for line in user.lines]
    assert all(isinstance(record, UserEvent) for record in made)
    assert [(one.user_id, one.index, one.abnormal) for one in made if isinstance(one, UserEvent)] == [
        (one.user_id, one.index, one.abnormal) for one in expected
    ]
    assert user.timers == {NOON + 4000}


def test_a_user_that_is_named_twice_makes_each_event_once(user: User) -> None:
    user.named()
    user.until(NOON + 1500)
    user.named()
    user.named()
    user.until(NOON + 5500)

    assert user.indexes == [0, 1, 2, 3, 4]
    assert len(user.timers) == 1


def test_a_clock_that_was_set_back_leaves_barriers_their_turn(user: User) -> None:
    user.named()
    user.until(NOON + 1500)
    user.now = NOON - 3_600_000
    user.fire(until=NOON + 2000)

    assert user.fired == 2
    assert user.timers == {NOON + 2001}
    assert user.indexes == [0]
    user.until(NOON + 3500)
    assert user.indexes == [0, 1, 2]


def test_a_long_backlog_leaves_barriers_their_turn(user: User) -> None:
    user.named()
    user.now = NOON + 1_600_000
    user.timers_due()

    assert len(user.lines) == 500
    assert user.timers == {user.now}
    for _ in range(4):
        user.timers_due()
        user.now += 1
    assert user.indexes == list(range(1600))


def test_a_timer_that_fires_at_its_very_millisecond_leaves_barriers_their_turn(user: User) -> None:
    user.named()
    user.now = NOON + 600_000
    user.timers = {user.now}
    user.timers_due()

    assert len(user.lines) == 500
    assert user.timers == {user.now + 1}


def test_a_user_that_is_taken_out_makes_no_events_and_goes_on_without_a_gap_when_it_is_back(user: User) -> None:
    user.named()
    user.until(NOON + 2500)
    user.run_with(source("somebody else"))
    user.until(NOON + 10 * PAUSE_MILLISECONDS)
    assert user.indexes == [0, 1]

    # Nobody names the user again: the list that names it has been read long ago.
    user.run_with(source(USER))
    user.until(NOON + 11 * PAUSE_MILLISECONDS)

    assert user.indexes == list(range(2 + PAUSE_MILLISECONDS // 1000))


def test_looking_after_a_user_that_was_taken_out_costs_one_timer(user: User) -> None:
    user.run_with(source("somebody else"))
    user.named()
    user.now += 10
    user.named()

    assert user.state.stored is None
    assert user.timers == {(NOON // PAUSE_MILLISECONDS + 1) * PAUSE_MILLISECONDS}
    user.until(NOON + 5 * PAUSE_MILLISECONDS)
    assert len(user.timers) == 1
    assert user.lines == []


def test_the_lines_of_the_user_list_give_the_key_of_their_user() -> None:
    for name in ("user1", USER, '", "index": ', "\\", "\x00"):
        assert listed_user_key(json.dumps(name)) == user_key(name)


flags = st.lists(st.booleans(), max_size=30)


@given(flags, st.integers(1, 4))
def test_the_counter_writes_what_the_rule_says_and_nothing_else(abnormal: list[bool], max_count: int) -> None:
    counter = AbnormalCounter(Rule(max_count=max_count))
    state = State()
    counter._abnormal_count = state
    count = 0
    for index, flag in enumerate(abnormal):
        made = UserEvent(user_id=USER, index=index, event_time=EPOCH, abnormal=flag)
        lines = list(counter.process_element(made.encode(), None))
        count, alert = step(count, flag, Rule(max_count=max_count))
        records = [decode_record(line) for line in lines]
        assert [type(record) for record in records] == [ProcessRecord, Alert][: 1 + alert]
        assert {record.index for record in records} == {index}
        assert all(not isinstance(record, UserEvent) and record.count == count for record in records)
        assert isinstance(records[0], ProcessRecord)
        assert records[0].event == made
    assert (state.stored or 0) == count


def test_a_count_that_stays_is_not_written_again() -> None:
    counter = AbnormalCounter(Rule(max_count=3))
    counter._abnormal_count = state = State()
    for index in range(5):
        made = UserEvent(user_id=USER, index=index, event_time=EPOCH, abnormal=False)
        list(counter.process_element(made.encode(), None))

    assert state.updates == 0
