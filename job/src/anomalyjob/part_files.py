"""The part files of the files sink, as far as a start has to do with them: what may repeat, what is left over.

Committed files are only read, never touched. Flink names a file that is not committed `.<name>.inprogress.<id>`. When a
file that a checkpoint refers to is gone, Flink goes on without a word, and its records are lost: what is removed here
must be known to be of no use, and never be guessed from the time of a file.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from anomalyjob.events import ProcessRecord, RecordError, decode_record


def possible_repeats(output: Path, *, since_nanoseconds: int) -> dict[str, tuple[int, int]]:
    """Return per user the lowest and highest index in the committed files last written at that file time or later.

    Flink writes each record at once, so a file's time is that of its last record. Lines that cannot be read are passed
    over: they cannot be named.
    """
    ranges: dict[str, tuple[int, int]] = {}
    for file in _committed(output, since_nanoseconds):
        for record in _process_records(file):
            first, last = ranges.get(record.user_id, (record.index, record.index))
            ranges[record.user_id] = (min(first, record.index), max(last, record.index))
    return dict(sorted(ranges.items()))


def committed_later(output: Path, *, than_nanoseconds: int) -> bool:
    """Tell whether a committed file was last written after that file time."""
    return next(_committed(output, than_nanoseconds + 1), None) is not None


def has_committed(output: Path) -> bool:
    """Tell whether there is a committed file: one is committed only after a checkpoint was completed."""
    return next(_committed(output), None) is not None


def uncommitted_files(output: Path) -> list[str]:
    """Return the uncommitted files, as paths relative to the output folder, in order."""
    return sorted(str(file.relative_to(output)) for file in _uncommitted(output))


def remove_leftovers(output: Path, names: Collection[str]) -> list[Path]:
    """Remove those uncommitted files that are named, as `uncommitted_files` names them, and return their paths.

    Named have to be the files that were there before the start that wrote the checkpoint to go on from: what awaited
    its commit then was committed when that start restored, before it completed a checkpoint of its own.
    """
    removed = [file for file in _uncommitted(output) if str(file.relative_to(output)) in names]
    for file in removed:
        file.unlink(missing_ok=True)
    return removed


def _uncommitted(output: Path) -> Iterator[Path]:
    # By name first: there may be a great many committed files beside them, and each look at one costs time.
    return (path for path in output.glob("*/.*.inprogress.*") if path.is_file())


def _committed(output: Path, since_nanoseconds: int = 0) -> Iterator[Path]:
    """Yield the committed files last written at that file time or later."""
    for folder in output.glob("*/"):
        # To commit a file is to rename it, which sets the time of its folder: an old folder holds no young file.
        if folder.stat().st_mtime_ns >= since_nanoseconds:
            for path in folder.iterdir():
                if _is_committed(path) and path.stat().st_mtime_ns >= since_nanoseconds:
                    yield path


def _is_committed(path: Path) -> bool:
    return not path.name.startswith((".", "_")) and path.is_file()


def _process_records(file: Path) -> Iterator[ProcessRecord]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                record = decode_record(line)
            except RecordError:
                continue
            if isinstance(record, ProcessRecord):
                yield record
