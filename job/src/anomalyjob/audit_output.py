"""Audits a job folder on the volume: reads its start records and committed part files, and runs the oracle on them.

Only committed part files count: their names neither begin with a dot or underscore nor contain `.inprogress`. Lines are
streamed, never a file held as a whole. It only reads, since the job may be running meanwhile. It must not judge: what
cannot be read becomes a finding with file and line, all else is the oracle's business.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from anomalyjob.audit import Auditor, AuditReport, IndexRange, StartFacts
from anomalyjob.config import SimulatedSource
from anomalyjob.config_files import read_document
from anomalyjob.events import Record, RecordError, decode_record
from anomalyjob.strict_document import ConfigError, Section
from anomalyjob.timestamps import parse_time
from anomalyjob.volume_layout import LINEAGE_NAME, start_number

# A record has some 200 bytes and a user id. What is longer is no record, and must not be read into memory whole.
MAX_LINE_BYTES = 1024 * 1024
# A running job may commit or start again while its folder is read; it does so seldom, so few attempts are enough.
MAX_ATTEMPTS = 3


class AuditInputError(Exception):
    """The job folder cannot be audited at all; the message says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """The files of one incarnation at one moment; two are equal if they hold the same committed output and starts."""

    start_records: tuple[Path, ...]
    committed: tuple[Path, ...]
    uncommitted: tuple[Path, ...] = field(compare=False)
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    incarnation: int
    started_at: datetime
    facts: StartFacts


def audit_folder(
    job_folder: Path, incarnation: int | None = None, *, minimum_last_index: Mapping[str, int] | None = None
) -> AuditReport:
    """Audits one incarnation of the job in `job_folder`; without a number, the current one of lineage.json.

    `minimum_last_index` is, per user, the index in the last completed checkpoint. Raises AuditInputError if
    lineage.json does not tell the incarnation, or if the incarnation has no readable start record: its rule is not
    known then.
    """
    number = _current_incarnation(job_folder) if incarnation is None else incarnation
    listing = _list(job_folder, number)
    report = _audit(job_folder, number, listing, minimum_last_index)
    for _ in range(MAX_ATTEMPTS - 1):
        if report.clean or (later := _list(job_folder, number)) == listing:
            return report
        listing, report = later, _audit(job_folder, number, later, minimum_last_index)
    return report


def _audit(
    job_folder: Path, incarnation: int, listing: _Listing, minimum_last_index: Mapping[str, int] | None
) -> AuditReport:
    unreadable = [*listing.errors]
    starts = [start for start in _read_starts(listing, unreadable) if start.incarnation == incarnation]
    if not starts:
        raise AuditInputError(_no_start(job_folder, incarnation, unreadable))
    auditor = Auditor(
        incarnation=incarnation, starts=[start.facts for start in starts], minimum_last_index=minimum_last_index
    )
    for message in unreadable:
        auditor.add_unreadable(message)
    for file in listing.committed:
        _add_committed(auditor, file)
    report = auditor.report()
    if report.lost:
        _add_uncommitted(auditor, listing, max(start.started_at for start in starts))
        report = auditor.report()
    return replace(report, part_files=len(listing.committed))


def _add_committed(auditor: Auditor, file: Path) -> None:
    for found in _read_records(file):
        if isinstance(found, str):
            auditor.add_unreadable(found)
        else:
            auditor.add(found)


def _add_uncommitted(auditor: Auditor, listing: _Listing, newest_start_at: datetime) -> None:
    """What a completed checkpoint has closed and Flink has not renamed yet; the next start at the latest does that."""
    commits_since = any(_modified_since(file, newest_start_at) for file in listing.committed)
    for file in listing.uncommitted:
        # Once a start has committed output of its own, what an earlier one left open will never be committed.
        if commits_since and not _modified_since(file, newest_start_at):
            continue
        for found in _read_records(file):
            if not isinstance(found, str):
                auditor.add_uncommitted(found)


def _modified_since(file: Path, time: datetime) -> bool:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC) >= time
    except OSError:
        # It was renamed or removed meanwhile; the next listing will tell.
        return False


def _read_records(file: Path) -> Iterator[Record | str]:
    """Each line's record, or a message with file and line number for one that is none."""
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(_lines(stream), start=1):
                yield _record(line, f"{file}:{number}")
    except OSError as error:
        yield f"{file}: {error.strerror}"


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE_BYTES):
        yield line


def _record(line: bytes, where: str) -> Record | str:
    try:
        return decode_record(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"{where}: not UTF-8 text (byte {error.start})"
    except RecordError as error:
        return f"{where}: {error}"


def _list(job_folder: Path, incarnation: int) -> _Listing:
    errors: list[str] = []
    output = _files_below(job_folder / "output" / str(incarnation), errors)
    starts = _files_below(job_folder / "starts", errors)
    return _Listing(
        start_records=tuple(file for file in starts if file.suffix == ".json" and start_number(file.stem)),
        committed=tuple(file for file in output if _is_committed(file.name)),
        uncommitted=tuple(file for file in output if ".inprogress" in file.name),
        errors=tuple(errors),
    )


def _files_below(folder: Path, errors: list[str]) -> list[Path]:
    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            errors.append(f"{error.filename}: {error.strerror}")

    return sorted(Path(parent, name) for parent, _, names in os.walk(folder, onerror=note) for name in names)


def _is_committed(name: str) -> bool:
    return not name.startswith((".", "_")) and ".inprogress" not in name


def _read_starts(listing: _Listing, unreadable: list[str]) -> Iterator[_Start]:
    for file in listing.start_records:
        try:
            yield _start(Section(read_document(file)))
        except OSError as error:
            unreadable.append(f"{file}: {error.strerror}")
        except ConfigError as error:
            unreadable.append(f"start record {error}" if error.path == str(file) else f"start record {file}: {error}")


def _start(record: Section) -> _Start:
    return _Start(
        incarnation=record.integer("incarnation", minimum=1),
        started_at=_started_at(record),
        facts=StartFacts(
            max_count=record.section("detection").integer("maxCount", minimum=1),
            source=_simulated(record.section("source")),
            possible_repeats=_ranges(record),
            from_path=record.section("rule").text("from") == "path",
        ),
    )


def _started_at(record: Section) -> datetime:
    try:
        return parse_time(record.text("startedAt"))
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError("startedAt", str(error)) from None


def _simulated(source: Section) -> SimulatedSource | None:
    if not source.has("simulated"):
        return None
    simulated = source.section("simulated")
    return SimulatedSource(
        users=simulated.texts("users"),
        interval_milliseconds=simulated.integer("intervalMilliseconds", minimum=1),
        abnormal_ratio=simulated.number("abnormalRatio", minimum=0, maximum=1),
        seed=simulated.integer("seed"),
    )


def _ranges(record: Section) -> dict[str, IndexRange]:
    repeats = record.value("possibleRepeats")
    if not isinstance(repeats, dict):
        raise ConfigError("possibleRepeats", "must be an object")
    section = record.section("possibleRepeats")
    return {user_id: _range(section.section(user_id)) for user_id in repeats}


def _range(section: Section) -> IndexRange:
    return IndexRange(first=section.integer("first", minimum=0), last=section.integer("last", minimum=0))


def _current_incarnation(job_folder: Path) -> int:
    file = job_folder / LINEAGE_NAME
    try:
        return Section(read_document(file)).integer("incarnation", minimum=1)
    except OSError as error:
        problem = f"{file}: {error.strerror}"
    except ConfigError as error:
        problem = str(error) if error.path == str(file) else f"{file}: {error}"
    raise AuditInputError(f"{problem}; name the incarnation to audit, or the folder of a job that has started once")


def _no_start(job_folder: Path, incarnation: int, unreadable: list[str]) -> str:
    why = f" ({unreadable[0]})" if unreadable else ""
    return (
        f"{job_folder / 'starts'}: no start record of incarnation {incarnation}{why}; "
        "without one the rule is not known, so name an incarnation that has started"
    )
