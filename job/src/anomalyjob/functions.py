"""The two keyed functions of the job: `source` makes a user's events when they are due, `process` counts them.

They are thin shells around schedule, simulator and detector: they only hold Flink state, timers and the clock.
They must not decide anything that the pure modules could decide, and must keep no state outside Flink.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from pyflink.common import Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueState, ValueStateDescriptor

from anomalyjob.config import SimulatedSource
from anomalyjob.detector import Rule, step
from anomalyjob.events import Alert, UserEvent, event_abnormal, process_line, user_key
from anomalyjob.schedule import Advance, Schedule, advance, next_look_milliseconds, pause, start
from anomalyjob.simulator import event
from anomalyjob.timestamps import from_epoch_milliseconds


def now_milliseconds() -> int:
    """Wall-clock time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def subtask_index(runtime_context: RuntimeContext) -> int:
    """Index (from 0) of the subtask that a function runs in.

    Trap: in thread mode PyFlink 2.3 still asks Java for `getIndexOfThisSubtask`, which Flink 2 moved into TaskInfo.
    """
    java_context = getattr(runtime_context, "_runtime_context", None)
    if java_context is None:
        return int(runtime_context.get_index_of_this_subtask())
    return int(java_context.getTaskInfo().getIndexOfThisSubtask())


class SimulatedUserSource(KeyedProcessFunction):
    """Emits `event(seed, user, index)` as one JSON line at its due time, for each user that the clock names.

    Keyed by `events.user_key`. State per user: `schedule`, a tuple of four longs (anchor time ms, anchor index, next
    index, interval ms), so the stream is a function of (seed, user, index) and goes on without a gap after a restore.
    """

    def __init__(self, source: SimulatedSource) -> None:
        self._source = source
        self._users = {user_key(user_id): user_id for user_id in source.users}
        self._schedule: ValueState

    def open(self, runtime_context: RuntimeContext) -> None:
        """Declare the keyed state; called once per subtask and attempt."""
        self._schedule = runtime_context.get_state(
            ValueStateDescriptor("schedule", Types.TUPLE([Types.LONG(), Types.LONG(), Types.LONG(), Types.LONG()]))
        )

    def process_element(self, value: str, ctx: KeyedProcessFunction.Context) -> Iterator[str]:
        """A user's name from the clock: start the user, or go on if it is known."""
        del value
        return self._wake(ctx, earliest_milliseconds=0)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[str]:
        """The next event is due."""
        # Trap: Flink fires all timers up to `timestamp` before anything else has its turn, barriers included. When the
        # clock was set back, the next event is due at that very time again, for as long as it was set back.
        return self._wake(ctx, earliest_milliseconds=timestamp + 1)

    def _wake(self, ctx: KeyedProcessFunction.Context, *, earliest_milliseconds: int) -> Iterator[str]:
        user_id, now = self._users.get(ctx.get_current_key()), now_milliseconds()
        if user_id is None:
            # The user was taken out of the list, but its line there has been read: only a timer sees it come back.
            wake_at = self._pause(now)
        else:
            due = self._advance(now)
            for offset, due_time in enumerate(due.due_times):
                yield self._event(user_id, due.first_index + offset, due_time).encode()
            wake_at = due.wake_at_milliseconds
        ctx.timer_service().register_processing_time_timer(max(wake_at, earliest_milliseconds))

    def _advance(self, now: int) -> Advance:
        stored, interval = self._schedule.value(), self._source.interval_milliseconds
        schedule = start(interval, now) if stored is None else Schedule.from_state(stored)
        due = advance(schedule, interval, now)
        self._schedule.update(due.schedule.to_state())
        return due

    def _pause(self, now: int) -> int:
        stored = self._schedule.value()
        if stored is not None:
            self._schedule.update(pause(Schedule.from_state(stored), now).to_state())
        return next_look_milliseconds(now)

    def _event(self, user_id: str, index: int, due_time_milliseconds: int) -> UserEvent:
        return event(
            self._source.seed,
            user_id,
            index,
            self._source.abnormal_ratio,
            from_epoch_milliseconds(due_time_milliseconds),
        )


class AbnormalCounter(KeyedProcessFunction):
    """Counts a user's consecutive abnormal events in keyed state; emits a `process` line for each and `alert` lines.

    State per user: `abnormalCount`, a long; none as long as it is 0.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._subtask = 0
        self._abnormal_count: ValueState

    def open(self, runtime_context: RuntimeContext) -> None:
        """Declare the keyed state; called once per subtask and attempt."""
        self._subtask = subtask_index(runtime_context)
        self._abnormal_count = runtime_context.get_state(ValueStateDescriptor("abnormalCount", Types.LONG()))

    def process_element(self, value: str, ctx: KeyedProcessFunction.Context) -> Iterator[str]:
        """Count one event line; yields one or two record lines."""
        del ctx
        before = self._abnormal_count.value() or 0
        count, alert = step(before, event_abnormal(value), self._rule)
        if count != before:
            self._abnormal_count.update(count)
        now = datetime.now(UTC)
        yield process_line(value, count=count, subtask=self._subtask, processed_time=now)
        if alert:
            yield Alert.of(UserEvent.decode(value), count=count, emitted_time=now).encode()
