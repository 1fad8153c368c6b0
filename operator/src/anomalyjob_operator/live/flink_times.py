"""Flink's times: whole milliseconds since 1970. Pure."""

from datetime import datetime

from anomalyjob.timestamps import from_epoch_milliseconds


def time_of(milliseconds: object) -> datetime:
    """Return the moment. Raises TypeError for what is no whole number."""
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        raise TypeError(f"not a time in milliseconds: {milliseconds!r}")
    return from_epoch_milliseconds(milliseconds)


def any_time_of(milliseconds: object) -> datetime | None:
    """Return the moment, None for the 0 or -1 that Flink writes where there is none."""
    return time_of(milliseconds) if isinstance(milliseconds, int) and milliseconds > 0 else None
