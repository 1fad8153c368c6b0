"""When the events of one simulated user are due, and which of them to emit now: the whole state of a source.

Event i is due at anchor time + (i - anchor index + 1) x interval. The state goes into checkpoints, so after a restore
the same events come at the same due times, however the clock was cut into calls. It must not read the clock or make
events. All times are milliseconds since 1970.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

# So that a long pause never holds back a checkpoint barrier for long: the rest follows in the next timer firing.
MAX_OVERDUE_EVENTS = 500
PAUSE_MILLISECONDS = 60_000
"""How often a user that makes no events is looked at: nothing else would notice that it makes events again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What a source must remember of one user; raises ValueError for an interval below 1 ms."""

    anchor_time_milliseconds: int
    anchor_index: int
    next_index: int
    interval_milliseconds: int

    def __post_init__(self) -> None:
        _check_interval(self.interval_milliseconds)

    def due_time_milliseconds(self, index: int) -> int:
        """When event `index` is due."""
        return self.anchor_time_milliseconds + (index - self.anchor_index + 1) * self.interval_milliseconds

    def overdue(self, now_milliseconds: int) -> int:
        """How many events are due at `now_milliseconds` and not yet emitted; 0 if the clock went backwards."""
        periods = (now_milliseconds - self.anchor_time_milliseconds) // self.interval_milliseconds
        return max(0, self.anchor_index + periods - self.next_index)

    def to_state(self) -> tuple[int, int, int, int]:
        """The four numbers in the order of the fields, as a checkpoint stores them."""
        return (self.anchor_time_milliseconds, self.anchor_index, self.next_index, self.interval_milliseconds)

    @classmethod
    def from_state(cls, state: Sequence[int]) -> Self:
        """The schedule that `to_state` gave; raises ValueError if there are not exactly four numbers."""
        anchor_time, anchor_index, next_index, interval = state
        return cls(
            anchor_time_milliseconds=anchor_time,
            anchor_index=anchor_index,
            next_index=next_index,
            interval_milliseconds=interval,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What to do now: emit events `first_index`, `first_index` + 1, … at `due_times`, keep `schedule`, wake again."""

    first_index: int
    due_times: tuple[int, ...]
    schedule: Schedule
    wake_at_milliseconds: int


def start(interval_milliseconds: int, now_milliseconds: int) -> Schedule:
    """The schedule of a user who starts now: event 0 is due after one interval."""
    return Schedule(
        anchor_time_milliseconds=now_milliseconds,
        anchor_index=0,
        next_index=0,
        interval_milliseconds=interval_milliseconds,
    )


def advance(
    schedule: Schedule, interval_milliseconds: int, now_milliseconds: int, limit: int = MAX_OVERDUE_EVENTS
) -> Advance:
    """Emits at most `limit` (at least 1) overdue events; `interval_milliseconds` is the configured interval.

    If more are overdue, it asks to be woken at once. A changed interval takes effect only when nothing is overdue under
    the old one, so no event that was already due is lost or moved.
    """
    _check_interval(interval_milliseconds)
    if limit < 1:
        raise ValueError(f"the limit is {limit} events; it must be at least 1")
    overdue = schedule.overdue(now_milliseconds)
    first = schedule.next_index
    emitted = min(overdue, limit)
    due_times = tuple(schedule.due_time_milliseconds(index) for index in range(first, first + emitted))
    after = replace(schedule, next_index=first + emitted)
    if overdue > limit:
        return Advance(first_index=first, due_times=due_times, schedule=after, wake_at_milliseconds=now_milliseconds)
    after = _with_interval(after, interval_milliseconds, now_milliseconds)
    wake_at = after.due_time_milliseconds(after.next_index)
    return Advance(first_index=first, due_times=due_times, schedule=after, wake_at_milliseconds=wake_at)


def pause(schedule: Schedule, now_milliseconds: int) -> Schedule:
    """The schedule of a user who makes no events until now: nothing is owed, the next event is due an interval later.

    Its index follows on the last one, so no index is left out.
    """
    return _anchored_anew(schedule, schedule.interval_milliseconds, now_milliseconds)


def next_look_milliseconds(now_milliseconds: int) -> int:
    """When to look again at a user that makes no events: full minutes, so that several timers become one."""
    return (now_milliseconds // PAUSE_MILLISECONDS + 1) * PAUSE_MILLISECONDS


def _with_interval(schedule: Schedule, interval_milliseconds: int, now_milliseconds: int) -> Schedule:
    if schedule.interval_milliseconds == interval_milliseconds:
        return schedule
    return _anchored_anew(schedule, interval_milliseconds, now_milliseconds)


def _anchored_anew(schedule: Schedule, interval_milliseconds: int, now_milliseconds: int) -> Schedule:
    # Never before the last emitted event: if the clock went backwards, event times must not follow it.
    last_due_time = schedule.due_time_milliseconds(schedule.next_index - 1)
    return Schedule(
        anchor_time_milliseconds=max(now_milliseconds, last_due_time),
        anchor_index=schedule.next_index,
        next_index=schedule.next_index,
        interval_milliseconds=interval_milliseconds,
    )


def _check_interval(interval_milliseconds: int) -> None:
    if interval_milliseconds < 1:
        raise ValueError(f"the interval is {interval_milliseconds} ms; it must be at least 1 ms")
