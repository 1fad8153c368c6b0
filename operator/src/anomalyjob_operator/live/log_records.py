"""From the lines of the log sink to entries of the live log.

Pure. A record is told once: the [ALERT] line for people goes with the alert's own record, and a line that was read
before (a log that is opened anew begins a little earlier) is passed over. Nothing in a line is believed but its shape.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from anomalyjob.events import Alert, ProcessRecord, Record, RecordError, UserEvent, decode_record

RECORD_MARK: Final = '{"kind": '
MAXIMUM_LINE_CHARACTERS: Final = 10_000
REMEMBERED_LINES: Final = 4_000

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A record, and the workload whose log it stands in."""

    record: Record
    workload: str

    @property
    def at(self) -> datetime:
        """When it was written, as the record itself says."""
        if isinstance(self.record, Alert):
            return self.record.emitted_time
        return self.record.processed_time if isinstance(self.record, ProcessRecord) else self.record.event_time


class RecordReader:
    """Reads the logs of one job's workloads; remembers a bounded number of lines to know them again."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, None] = OrderedDict()
        self._held: dict[str, UserEvent] = {}

    def read(self, workload: str, lines: Iterable[str]) -> Iterator[Written]:
        """Yield the records in the lines.

        An event's line is held back until the next: it stands before the line of its own processing, and only that one
        tells by its time whether both were read before.
        """
        for line in lines:
            record = _record(line)
            if record is None:
                continue
            held = self._held.pop(workload, None)
            if isinstance(record, UserEvent):
                self._held[workload] = record
            known = not isinstance(record, UserEvent) and self._is_known(workload, line)
            if held is not None and not (known and isinstance(record, ProcessRecord) and record.event == held):
                yield Written(record=held, workload=workload)
            if not known and not isinstance(record, UserEvent):
                yield Written(record=record, workload=workload)

    def _is_known(self, workload: str, line: str) -> bool:
        """Tell whether the line was read before; it carries the moment at which it was written."""
        mark = hash((workload, line))
        known = mark in self._known
        self._known[mark] = None
        self.forget(REMEMBERED_LINES)
        return known

    def forget(self, but: int) -> None:
        """Forget all but so many of the lines read last."""
        while len(self._known) > but:
            self._known.popitem(last=False)


def _record(line: str) -> Record | None:
    if not line.startswith(RECORD_MARK) or len(line) > MAXIMUM_LINE_CHARACTERS:
        return None
    try:
        return decode_record(line)
    except RecordError:
        return None


def entry(written: Written, number: int, short_workload: str) -> Json:
    """Return the entry of the document `log`."""
    record = written.record
    return {
        "seq": number,
        "kind": {UserEvent: "source", ProcessRecord: "process", Alert: "alert"}[type(record)],
        "at": written.at,
        "userId": record.user_id,
        "index": record.index,
        "abnormal": True if isinstance(record, Alert) else record.abnormal,
        "count": None if isinstance(record, UserEvent) else record.count,
        "subtask": record.subtask if isinstance(record, ProcessRecord) else None,
        "workload": short_workload,
        "text": _UNPRINTABLE.sub(_escaped, _text(record)),
    }


def _text(record: Record) -> str:
    if isinstance(record, Alert):
        return record.message
    what = f"userId={record.user_id} event {record.index} {'abnormal' if record.abnormal else 'normal'}"
    return f"{what}, count {record.count}" if isinstance(record, ProcessRecord) else what


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
