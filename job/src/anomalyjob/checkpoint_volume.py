"""Prepares the volume for one start of the JobManager, all of it under the volume's lock.

The order matters: look before writing, choose before removing, remove before adding (so that a full volume can heal),
and write the start record last, so that every start that runs has one. Nothing here runs while Flink does.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from anomalyjob.atomic_file import write_atomically
from anomalyjob.checkpoint_catalogue import list_candidates, look_at, start_folders, verify_newest
from anomalyjob.checkpoint_choice import Candidate, Choice, Condition, IncarnationFacts, choose
from anomalyjob.config import JobConfig, LedgerFloor, StartConfig
from anomalyjob.lineage import Lineage, read_lineage, refuse_foreign_volume, write_lineage
from anomalyjob.part_files import possible_repeats, remove_leftovers
from anomalyjob.pruning import removable_starts
from anomalyjob.refusal import Reason, Refusal, RefusedError
from anomalyjob.start_records import StartRecord, prune_records, read_records, record_numbers, write_record
from anomalyjob.volume_layout import METADATA_NAME, JobFolder
from anomalyjob.volume_lock import take_lock

Log = Callable[[str], None]
_PRUNED_SUFFIX = ".pruned"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedStart:
    """What Flink's command needs of a prepared start; all paths absolute."""

    start: int
    job_id: str
    checkpoint_folder: Path
    restore_path: str | None
    users_folder: Path
    output_folder: Path
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What a start was asked to do, and when."""

    job: JobConfig
    start: StartConfig
    ledger: LedgerFloor | None
    folder: JobFolder
    now: datetime
    log: Log

    @property
    def floor(self) -> int | None:
        """The recorded floor, which counts only for the incarnation it was recorded of."""
        same = self.ledger is not None and self.ledger.incarnation == self.start.incarnation
        return self.ledger.checkpoint_id if self.ledger is not None and same else None


def prepare_start(
    job: JobConfig, start: StartConfig, ledger: LedgerFloor | None, *, now: datetime, log: Log
) -> PreparedStart:
    """Take the lock, choose, prune, record; raise RefusedError when no start must be made, OSError as the volume does.

    The lock stays with this process, and with the program that it becomes.
    """
    folder = JobFolder(volume=Path(start.volume), namespace=job.namespace, name=job.name)
    if not folder.volume.is_dir():
        message = f"There is no folder {folder.volume} for the volume. Create or mount it and start again."
        raise RefusedError(Reason.VOLUME_MISSING, message)
    refuse_foreign_volume(folder)
    folder.path.mkdir(exist_ok=True)
    take_lock(folder.lock_file, timeout_seconds=start.lock_timeout_seconds, now=now, log=log)
    return _prepare_locked(_Request(job=job, start=start, ledger=ledger, folder=folder, now=now, log=log))


def _prepare_locked(request: _Request) -> PreparedStart:
    refuse_foreign_volume(request.folder)
    records = read_records(request.folder.starts)
    lineage = _current_lineage(request, records)
    candidates = _candidates(request, records)
    choice = _choose(request, lineage, candidates)
    number = _next_number(request.folder)
    repeats = _repeats(request, choice)
    _prune(request, candidates, choice)
    _remove_leftovers(request, choice, records)
    if choice.chosen in candidates:
        lineage = _advanced(lineage, choice.chosen)
    return _record(request, lineage, choice, number, repeats)


def _current_lineage(request: _Request, records: Sequence[Mapping[str, object]]) -> Lineage:
    """Return the lineage as this start has it; raise RefusedError when the volume is already in a later incarnation."""
    wanted = request.start.incarnation
    found = read_lineage(request.folder.lineage_file)
    recorded = (incarnation for record in records if isinstance(incarnation := record.get("incarnation"), int))
    known = [
        *recorded,
        *([found.incarnation] if found else []),
        *([request.ledger.incarnation] if request.ledger else []),
    ]
    newest = max(known, default=wanted)
    if newest > wanted:
        message = (
            f"This start is for incarnation {wanted}, but {request.folder.path} is already in incarnation {newest}. "
            "Nothing was changed. Start it with the present incarnation."
        )
        raise RefusedError(Reason.OLDER_INCARNATION, message)
    if found is not None and found.incarnation == wanted:
        return found
    nonce = found.consumed_restore_nonce if found else None
    return Lineage(
        namespace=request.folder.namespace,
        name=request.folder.name,
        incarnation=wanted,
        consumed_restore_nonce=nonce,
    )


def _candidates(request: _Request, records: Sequence[Mapping[str, object]]) -> list[Candidate]:
    found = list_candidates(request.folder, request.start.incarnation)
    return verify_newest(_without_abandoned(found, records))


def _without_abandoned(found: Sequence[Candidate], records: Sequence[Mapping[str, object]]) -> list[Candidate]:
    """Mark what an earlier start passed over once that branch has checkpoints: it is another branch of the past."""
    complete = [candidate for candidate in found if candidate.condition is not Condition.UNFINISHED]
    newest_start = max((candidate.start or 0 for candidate in complete), default=0)
    passed_over: dict[tuple[str, ...], int] = {}
    for record in records:
        start, skipped = record.get("start"), record.get("skipped")
        if isinstance(start, int) and isinstance(skipped, list) and start <= newest_start:
            passed_over |= {
                _identity(item["path"]): start for item in skipped if isinstance(item, dict) and "path" in item
            }
    return [_abandoned(c, passed_over[_identity(c.path)]) if _identity(c.path) in passed_over else c for c in found]


def _identity(path: object) -> tuple[str, ...]:
    """Return what stays the same of a candidate's path when the volume is mounted elsewhere."""
    return Path(str(path)).parts[-3:]


def _abandoned(candidate: Candidate, start: int) -> Candidate:
    if candidate.condition is Condition.UNFINISHED:
        return candidate
    note = f"start {start} went on without it and has checkpoints of its own"
    return Candidate(
        path=candidate.path,
        checkpoint_id=candidate.checkpoint_id,
        start=candidate.start,
        condition=Condition.ABANDONED,
        note=note,
    )


def _choose(request: _Request, lineage: Lineage, candidates: Sequence[Candidate]) -> Choice:
    rule = request.start.rule
    facts = IncarnationFacts(
        incarnation=request.start.incarnation,
        newest_checkpoint_id=lineage.newest_checkpoint_id,
        older_has_checkpoints=_older_has_checkpoints(request),
        restore=look_at(rule.path) if rule.path is not None else None,
    )
    allowed = request.start.allow_older_checkpoints
    choice = choose(candidates, floor=request.floor, rule=rule, allow_older_checkpoints=allowed, facts=facts)
    if isinstance(choice, Refusal):
        raise RefusedError(choice.reason, choice.message)
    return choice


def _older_has_checkpoints(request: _Request) -> bool:
    older = range(1, request.start.incarnation)
    return any(
        candidate.condition is not Condition.UNFINISHED
        for incarnation in older
        for candidate in list_candidates(request.folder, incarnation)
    )


def _next_number(folder: JobFolder) -> int:
    return max([*record_numbers(folder.starts), *start_folders(folder), 0]) + 1


def _repeats(request: _Request, choice: Choice) -> dict[str, tuple[int, int]]:
    """Return what may appear twice: only when something newer than the chosen one was, or must have been, there."""
    if choice.chosen is None:
        return {}
    below_floor = request.floor is not None and (choice.chosen.checkpoint_id or 0) < request.floor
    if not (choice.skipped or below_floor):
        return {}
    written = (Path(choice.chosen.path) / METADATA_NAME).stat().st_mtime_ns
    return possible_repeats(request.folder.output(request.start.incarnation), after_nanoseconds=written)


def _prune(request: _Request, candidates: Sequence[Candidate], choice: Choice) -> None:
    _finish_pruning(request)
    folders = start_folders(request.folder)
    own_id = request.folder.job_id(request.start.incarnation)
    own = {number for number, path in folders.items() if (path / own_id).exists() or not any(path.iterdir())}
    removable = removable_starts(
        candidates,
        choice.chosen,
        own_starts=own,
        other_starts=folders.keys() - own,
        retained=request.start.retained,
    )
    for number in removable:
        # Renamed first: a removal that is cut off must not leave half a start folder that looks like a whole one.
        folders[number].rename(folders[number].with_suffix(_PRUNED_SUFFIX))
    _finish_pruning(request)
    if removable:
        request.log(f"removed the checkpoint folders of starts {', '.join(map(str, removable))}: nothing needs them")


def _finish_pruning(request: _Request) -> None:
    for path in request.folder.checkpoints.glob(f"*{_PRUNED_SUFFIX}"):
        shutil.rmtree(path, ignore_errors=True)


def _remove_leftovers(request: _Request, choice: Choice, records: Sequence[Mapping[str, object]]) -> None:
    if choice.chosen is None:
        return
    file = _record_of_producer(request, choice.chosen, records)
    if file is None or not file.exists():
        return
    output = request.folder.output(request.start.incarnation)
    removed = remove_leftovers(output, before_nanoseconds=file.stat().st_mtime_ns)
    if removed:
        request.log(f"removed {len(removed)} part files that no checkpoint refers to any more")


def _record_of_producer(request: _Request, chosen: Candidate, records: Sequence[Mapping[str, object]]) -> Path | None:
    """Return the record of the start that wrote the chosen one; its file time is on the clock of the part files."""
    if chosen.start is not None:
        return request.folder.start_record(chosen.start)
    written = (Path(chosen.path) / METADATA_NAME).stat().st_mtime_ns
    files = [request.folder.start_record(start) for r in records if isinstance(start := r.get("start"), int)]
    earlier = [file for file in files if file.exists() and file.stat().st_mtime_ns < written]
    return earlier[-1] if earlier else None


def _record(
    request: _Request, lineage: Lineage, choice: Choice, number: int, repeats: Mapping[str, tuple[int, int]]
) -> PreparedStart:
    folder, incarnation = request.folder, request.start.incarnation
    message = _message(request, choice, number)
    for path in (folder.starts, folder.start_folder(number), folder.users, folder.output(incarnation)):
        path.mkdir(parents=True, exist_ok=True)
    _write_users(folder.users, request.job.source.users)
    write_lineage(folder.lineage_file, lineage)
    record = StartRecord(
        start=number,
        incarnation=incarnation,
        started_at=request.now,
        restart_counter=request.start.restart_counter,
        rule=request.start.rule.document(),
        chosen=choice.chosen,
        skipped=choice.skipped,
        floor=request.floor,
        spec_hash=request.start.spec_hash,
        source=request.job.source.document(),
        detection=request.job.detection.document(),
        possible_repeats=repeats,
        message=message,
    )
    write_record(folder.start_record(number), record)
    prune_records(folder.starts)
    return PreparedStart(
        start=number,
        job_id=folder.job_id(incarnation),
        checkpoint_folder=folder.start_folder(number),
        restore_path=choice.chosen.path if choice.chosen else None,
        users_folder=folder.users,
        output_folder=folder.output(incarnation),
        message=message,
    )


def _advanced(lineage: Lineage, chosen: Candidate) -> Lineage:
    return Lineage(
        namespace=lineage.namespace,
        name=lineage.name,
        incarnation=lineage.incarnation,
        consumed_restore_nonce=lineage.consumed_restore_nonce,
        newest_checkpoint_id=max(lineage.newest_checkpoint_id or 0, chosen.checkpoint_id or 0),
    )


def _write_users(folder: Path, users: Sequence[str]) -> None:
    """Write the user list that the job's clock reads, once; lists of earlier starts stay, the clock remembers them."""
    text = "".join(f"{json.dumps(user)}\n" for user in users)
    file = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.txt"
    if not file.exists():
        write_atomically(file, text)


def _message(request: _Request, choice: Choice, number: int) -> str:
    what = (
        "begins empty"
        if choice.chosen is None
        else (f"goes on from checkpoint {choice.chosen.checkpoint_id} at {choice.chosen.path}")
    )
    skipped = "".join(f"; skipped {item.path}: {item.reason}" for item in choice.skipped)
    who = f"{request.folder.namespace}/{request.folder.name}, incarnation {request.start.incarnation}"
    return f"start {number} of {who}, {what}: {choice.because}{skipped}"
