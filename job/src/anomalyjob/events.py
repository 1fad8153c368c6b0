"""The three kinds of record and their JSON lines: what the source made, what the count became, which alerts rose.

The lines are the same in the log, in part files and on every other sink, so this module is the format's only owner.
What runs once per event inside Flink builds lines directly, without a dict in between, and takes a line of its own
making apart by the places of its keys; only `decode_record` believes nobody. It must not do I/O and must not read the
clock.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from json.encoder import encode_basestring_ascii as quoted
from typing import Self, TypeAlias

from anomalyjob.timestamps import format_time, parse_time

# The largest whole number that every JSON reader keeps exactly, browsers included (RFC 8259, section 6).
MAX_NUMBER = 2**53 - 1
_SHOWN_CHARACTERS = 120

_EVENT_KIND = '{"kind": "event"'
_PROCESS_KIND = '{"kind": "process"'
_ALERT_KIND = '{"kind": "alert"'
_BEFORE_USER = f'{_EVENT_KIND}, "userId": "'
# Neither can stand inside a user's id: there, a quotation mark has a backslash before it.
_AFTER_USER = '", "index": '
_BEFORE_COUNT = ', "count": '


class RecordError(ValueError):
    """A line is not a record; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvent:
    """What the source made: event `index` (from 0, without gaps) of one user, due at `event_time` (UTC)."""

    user_id: str
    index: int
    event_time: datetime
    abnormal: bool

    def encode(self) -> str:
        """The JSON line, without a line end."""
        return (
            f'{{"kind": "event", "userId": {quoted(self.user_id)}, "index": {self.index}, '
            f'"eventTime": "{format_time(self.event_time)}", "abnormal": {"true" if self.abnormal else "false"}}}'
        )

    @staticmethod
    def decode(line: str) -> "UserEvent":
        """The event in `line`. Raises RecordError if it is not one."""
        record = decode_record(line)
        if isinstance(record, UserEvent):
            return record
        raise RecordError(f"not a record of kind event: {_shown(line)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRecord:
    """The event and the user's `count` of consecutive abnormal events after it; `subtask` (from 0) counted it."""

    user_id: str
    index: int
    event_time: datetime
    abnormal: bool
    count: int
    subtask: int
    processed_time: datetime

    @classmethod
    def of(cls, event: UserEvent, *, count: int, subtask: int, processed_time: datetime) -> Self:
        """The record of `event` having been counted."""
        return cls(
            user_id=event.user_id,
            index=event.index,
            event_time=event.event_time,
            abnormal=event.abnormal,
            count=count,
            subtask=subtask,
            processed_time=processed_time,
        )

    @property
    def event(self) -> UserEvent:
        """The event that was counted."""
        return UserEvent(user_id=self.user_id, index=self.index, event_time=self.event_time, abnormal=self.abnormal)

    def encode(self) -> str:
        """The JSON line, without a line end."""
        return (
            f'{{"kind": "process", "userId": {quoted(self.user_id)}, "index": {self.index}, '
            f'"eventTime": "{format_time(self.event_time)}", "abnormal": {"true" if self.abnormal else "false"}, '
            f'"count": {self.count}, "subtask": {self.subtask}, '
            f'"processedTime": "{format_time(self.processed_time)}"}}'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Event `index` of the user raised `count` to the rule's limit or beyond; emitted at `emitted_time` (UTC)."""

    user_id: str
    index: int
    event_time: datetime
    emitted_time: datetime
    count: int

    @classmethod
    def of(cls, event: UserEvent, *, count: int, emitted_time: datetime) -> Self:
        """The alert that `event` raised."""
        return cls(
            user_id=event.user_id,
            index=event.index,
            event_time=event.event_time,
            emitted_time=emitted_time,
            count=count,
        )

    @property
    def message(self) -> str:
        """The line for people: [ALERT] userId=user2 abnormal 3 times."""
        return f"[ALERT] userId={self.user_id} abnormal {self.count} times"

    def encode(self) -> str:
        """The JSON line, without a line end."""
        return (
            f'{{"kind": "alert", "userId": {quoted(self.user_id)}, "index": {self.index}, '
            f'"eventTime": "{format_time(self.event_time)}", "emittedTime": "{format_time(self.emitted_time)}", '
            f'"count": {self.count}, "message": {quoted(self.message)}}}'
        )


def user_key(user_id: str) -> str:
    """The user's id as it stands between the quotation marks of a line: ASCII only, and another one for each user."""
    return quoted(user_id)[1:-1]


def event_user_key(event_line: str) -> str:
    """The `user_key` of an event line. Raises RecordError if the line does not begin as one."""
    if not event_line.startswith(_BEFORE_USER):
        raise RecordError(f"not a record of kind event: {_shown(event_line)}")
    return event_line[len(_BEFORE_USER) : event_line.index(_AFTER_USER, len(_BEFORE_USER))]


def event_abnormal(event_line: str) -> bool:
    """Whether the event of an event line is abnormal."""
    return event_line.endswith("true}")


def process_line(event_line: str, *, count: int, subtask: int, processed_time: datetime) -> str:
    """The line of the process record of the event in an event line, as `ProcessRecord.encode` writes it."""
    return (
        f"{_PROCESS_KIND}{event_line[len(_EVENT_KIND) : -1]}{_BEFORE_COUNT}{count}, "
        f'"subtask": {subtask}, "processedTime": "{format_time(processed_time)}"}}'
    )


def counted_event_line(line: str) -> str:
    """The event line that a process record's line was made from."""
    return f"{_EVENT_KIND}{line[len(_PROCESS_KIND) : line.rindex(_BEFORE_COUNT)]}}}"


def is_alert_line(line: str) -> bool:
    """Whether a record's line is that of an alert."""
    return line.startswith(_ALERT_KIND)


Record: TypeAlias = UserEvent | ProcessRecord | Alert


def decode_record(line: str) -> Record:
    """The record in one JSON line, with or without its line end. Raises RecordError that says what is wrong.

    Strict, since the audit rests on it: exactly the keys of the kind, exactly their types, numbers from 0 to 2^53 - 1.
    """
    fields = _object(line)
    kind = fields.get("kind")
    keys_and_decoder = _KINDS.get(kind) if isinstance(kind, str) else None
    if keys_and_decoder is None:
        raise RecordError(f"kind is {_shown(kind)}, expected one of {', '.join(_KINDS)}")
    keys, decoder = keys_and_decoder
    if fields.keys() != keys:
        raise RecordError(_wrong_keys(fields, keys))
    return decoder(fields)


def _user_event(fields: Mapping[str, object]) -> UserEvent:
    return UserEvent(
        user_id=_text(fields, "userId"),
        index=_number(fields, "index"),
        event_time=_time(fields, "eventTime"),
        abnormal=_flag(fields, "abnormal"),
    )


def _process_record(fields: Mapping[str, object]) -> ProcessRecord:
    return ProcessRecord(
        user_id=_text(fields, "userId"),
        index=_number(fields, "index"),
        event_time=_time(fields, "eventTime"),
        abnormal=_flag(fields, "abnormal"),
        count=_number(fields, "count"),
        subtask=_number(fields, "subtask"),
        processed_time=_time(fields, "processedTime"),
    )


def _alert(fields: Mapping[str, object]) -> Alert:
    alert = Alert(
        user_id=_text(fields, "userId"),
        index=_number(fields, "index"),
        event_time=_time(fields, "eventTime"),
        emitted_time=_time(fields, "emittedTime"),
        count=_number(fields, "count"),
    )
    if fields["message"] != alert.message:
        raise RecordError(f"message is {_shown(fields['message'])}, expected {alert.message!r}")
    return alert


_KINDS: Mapping[str, tuple[frozenset[str], Callable[[Mapping[str, object]], Record]]] = {
    "event": (frozenset({"kind", "userId", "index", "eventTime", "abnormal"}), _user_event),
    "process": (
        frozenset({"kind", "userId", "index", "eventTime", "abnormal", "count", "subtask", "processedTime"}),
        _process_record,
    ),
    "alert": (frozenset({"kind", "userId", "index", "eventTime", "emittedTime", "count", "message"}), _alert),
}


def _object(line: str) -> dict[str, object]:
    try:
        fields = json.loads(line)
    # A number with too many digits is a plain ValueError, brackets without end a RecursionError.
    except (ValueError, RecursionError) as error:
        raise RecordError(f"not JSON ({error}): {_shown(line)}") from None
    if not isinstance(fields, dict):
        raise RecordError(f"not a JSON object: {_shown(line)}")
    return fields


def _wrong_keys(fields: Mapping[str, object], keys: frozenset[str]) -> str:
    missing = ", ".join(sorted(keys - fields.keys()))
    unknown = ", ".join(_shown(key) for key in sorted(fields.keys() - keys))
    parts = [f"missing: {missing}" if missing else "", f"unknown: {unknown}" if unknown else ""]
    return f"wrong keys in a record of kind {fields['kind']}; {'; '.join(filter(None, parts))}"


def _text(fields: Mapping[str, object], key: str) -> str:
    value = fields[key]
    if isinstance(value, str):
        return value
    raise RecordError(f"{key} is {_shown(value)}, expected a string")


def _number(fields: Mapping[str, object], key: str) -> int:
    value = fields[key]
    # Not isinstance: true and false are integers to it.
    if type(value) is int and 0 <= value <= MAX_NUMBER:
        return value
    raise RecordError(f"{key} is {_shown(value)}, expected a whole number from 0 to 2^53 - 1")


def _flag(fields: Mapping[str, object], key: str) -> bool:
    value = fields[key]
    if isinstance(value, bool):
        return value
    raise RecordError(f"{key} is {_shown(value)}, expected true or false")


def _time(fields: Mapping[str, object], key: str) -> datetime:
    try:
        return parse_time(_text(fields, key))
    except RecordError:
        raise
    except ValueError as error:
        raise RecordError(f"{key}: {_shortened(str(error))}") from None


def _shown(value: object) -> str:
    return _shortened(repr(value))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
