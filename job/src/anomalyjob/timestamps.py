"""Times as the records and the volume write them: RFC 3339, UTC, milliseconds, for example 2026-01-02T03:04:05.678Z.

One spelling only, so that lines can be compared and sorted as text. It must not read the clock: times are arguments.
"""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MILLISECOND = timedelta(milliseconds=1)
_SHAPE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def format_time(time: datetime) -> str:
    """`time` in UTC, cut (not rounded) to milliseconds. Raises ValueError for a time without a zone."""
    if time.tzinfo is not UTC:
        time = _in_utc(time)
    return f"{time.isoformat(timespec='milliseconds')[:-6]}Z"


def parse_time(text: str) -> datetime:
    """The time that `format_time` wrote, zone UTC. Raises ValueError that names the text for any other spelling."""
    if _SHAPE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a UTC time such as 2026-01-02T03:04:05.678Z")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {error}") from error


def from_epoch_milliseconds(milliseconds: int) -> datetime:
    """The exact UTC time `milliseconds` after 1970; integers only, since a float second loses milliseconds."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def to_epoch_milliseconds(time: datetime) -> int:
    """Whole milliseconds since 1970, rounded down. Raises ValueError for a time without a zone."""
    return (_in_utc(time) - EPOCH) // _ONE_MILLISECOND


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError(f"{time.isoformat()} has no time zone; pass a time in UTC")
    return time.astimezone(UTC)
