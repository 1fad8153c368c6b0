"""How documents become bytes: compact JSON in UTF-8, times as everywhere in the project, unknown numbers as null.

Pure. It must not know what is in a document.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from anomalyjob.timestamps import format_time

Json = Mapping[str, Any]


def encoded(document: object) -> bytes:
    """Return the JSON; a datetime becomes its text. Raises ValueError for a number that JSON has no word for."""
    return json.dumps(document, default=_time, allow_nan=False, separators=(",", ":")).encode()


def log_document(entries: Iterable[bytes], dropped: int, now: datetime) -> bytes:
    """Return a log document of entries that are encoded already."""
    head = f'{{"serverTime":"{format_time(now)}","dropped":{dropped},"entries":['.encode()
    return head + b",".join(entries) + b"]}"


def finite(number: object) -> float | None:
    """Return a number that JSON can carry, None for anything else."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        return None
    return number


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    raise TypeError(f"not a part of a document: {value!r}")
