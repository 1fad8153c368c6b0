"""The part files of the files sink, as far as a start has to do with them: what may repeat, what is left over.

Committed files are only read, never touched. Flink names a file that is not committed `.<name>.inprogress.<id>`.
"""

from collections.abc import Iterator
from pathlib import Path

from anomalyjob.events import ProcessRecord, RecordError, decode_record


def possible_repeats(output: Path, *, after_nanoseconds: int) -> dict[str, tuple[int, int]]:
    """Return per user the lowest and highest index in the committed files last written after that file time.

    A part file is closed at each checkpoint, so such a file holds only what came after the checkpoint whose metadata
    was written at that time. Lines that cannot be read are passed over: they cannot be named.
    """
    ranges: dict[str, tuple[int, int]] = {}
    for file in _committed(output):
        if file.stat().st_mtime_ns > after_nanoseconds:
            for record in _process_records(file):
                first, last = ranges.get(record.user_id, (record.index, record.index))
                ranges[record.user_id] = (min(first, record.index), max(last, record.index))
    return dict(sorted(ranges.items()))


def remove_leftovers(output: Path, *, before_nanoseconds: int) -> list[Path]:
    """Remove uncommitted files last written before that file time and return them; committed ones are not touched.

    The time has to be that of the start that produced the checkpoint to go on from: what awaited its commit then was
    committed when that start restored, before it completed a checkpoint of its own.
    """
    removed = []
    for file in _files(output):
        if _is_uncommitted(file) and file.stat().st_mtime_ns < before_nanoseconds:
            file.unlink(missing_ok=True)
            removed.append(file)
    return removed


def _is_uncommitted(file: Path) -> bool:
    return file.name.startswith(".") and ".inprogress." in file.name


def _committed(output: Path) -> Iterator[Path]:
    return (file for file in _files(output) if not file.name.startswith((".", "_")))


def _files(output: Path) -> Iterator[Path]:
    return (path for path in output.glob("*/*") if path.is_file())


def _process_records(file: Path) -> Iterator[ProcessRecord]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                record = decode_record(line)
            except RecordError:
                continue
            if isinstance(record, ProcessRecord):
                yield record
