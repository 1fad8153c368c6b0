"""How many anomaly alerts of one job are told one by one: of a flood the first few, then how many more there were.

Pure; `now` is an argument. Every alert is told or counted in a sentence that is told, except one that was told before:
a job that goes on from a checkpoint writes some of its log again.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from anomalyjob.events import Alert
from anomalyjob_operator.notify.message import Message, alert_message, more_alerts_message
from anomalyjob_operator.pass_report import Key

ALERTS_AT_ONCE: Final = 5
WINDOW: Final = timedelta(minutes=1)
REMEMBERED_ALERTS: Final = 10_000
"""Of all jobs: what a start after a failure writes again is far less."""


@dataclass(slots=True)
class _Window:
    """The minute that began with the first alert that was told on its own."""

    began_at: datetime
    told: int = 0
    held: int = 0
    newest: Alert | None = None


class AlertBound:
    """The alerts of all jobs. It knows a job only for as long as there is something to be counted."""

    def __init__(self, at_once: int = ALERTS_AT_ONCE, window: timedelta = WINDOW) -> None:
        self._at_once = at_once
        self._length = window
        self._windows: dict[Key, _Window] = {}
        self._seen: OrderedDict[int, None] = OrderedDict()

    def take(self, key: Key, alert: Alert, now: datetime) -> tuple[Message, ...]:
        """Return what is to be told now that there is this alert: it, what was held back before it, or nothing."""
        if self._is_known(key, alert):
            return ()
        before = tuple(self._closed(key, now))
        window = self._windows.setdefault(key, _Window(began_at=now))
        if window.told < self._at_once:
            window.told += 1
            return (*before, alert_message(key, alert))
        window.held += 1
        window.newest = alert
        return before

    def due(self, now: datetime) -> tuple[Message, ...]:
        """Return what was held back in windows that are over."""
        return tuple(message for key in tuple(self._windows) for message in self._closed(key, now))

    def rest(self) -> tuple[Message, ...]:
        """Return everything that was held back, and begin anew."""
        return tuple(message for key in tuple(self._windows) for message in self.rest_of(key))

    def rest_of(self, key: Key) -> tuple[Message, ...]:
        """Return what was held back of one job, and begin anew with it."""
        messages = tuple(self._summary(key)) if key in self._windows else ()
        self._windows.pop(key, None)
        return messages

    def _closed(self, key: Key, now: datetime) -> Iterator[Message]:
        window = self._windows.get(key)
        # A clock that was put back must not hold alerts back for long.
        if window is None or timedelta() <= now - window.began_at < self._length:
            return
        yield from self._summary(key)
        del self._windows[key]

    def _summary(self, key: Key) -> Iterator[Message]:
        window = self._windows[key]
        if window.newest is not None:
            yield more_alerts_message(key, window.held, window.newest, window.began_at)

    def _is_known(self, key: Key, alert: Alert) -> bool:
        """Whether this very alert was taken before. After a start from nothing indexes begin anew, times do not."""
        mark = hash((key, alert.user_id, alert.index, alert.event_time))
        known = mark in self._seen
        self._seen[mark] = None
        self._seen.move_to_end(mark)
        if len(self._seen) > REMEMBERED_ALERTS:
            self._seen.popitem(last=False)
        return known
