"""Prepares the volume for one start of the JobManager, all of it under the volume's lock.

The order matters: look before writing, choose before removing, remove before adding (so that a full volume can heal),
and write the start record last, so that every start that runs has one. Nothing here runs while Flink does.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from anomalyjob.atomic_file import write_atomically
from anomalyjob.branches import mark_abandoned
from anomalyjob.checkpoint_catalogue import list_candidates, look_at, start_folders, triggered_since, verify_newest
from anomalyjob.checkpoint_choice import Candidate, Choice, Condition, IncarnationFacts, choose
from anomalyjob.config import ConfigError, JobConfig, LedgerFloor, StartConfig
from anomalyjob.config_files import read_ledger_floor
from anomalyjob.lineage import Lineage, lineage_of_start, refuse_foreign_volume, write_lineage
from anomalyjob.part_files import committed_later, has_committed, possible_repeats, uncommitted_files
from anomalyjob.refusal import Reason, Refusal, RefusedError
from anomalyjob.start_records import StartRecord, prune_records, read_records, record_numbers, write_record
from anomalyjob.volume_cleaning import prune_start_folders, remove_stale_part_files
from anomalyjob.volume_layout import METADATA_NAME, JobFolder
from anomalyjob.volume_lock import take_lock

_NAMED_AT_MOST: Final = 3
_RULES_WITHOUT_PATH: Final = ({"from": "latest"}, {"from": "empty"})


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
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Situation:
    """What a start finds once it holds the lock."""

    folder: JobFolder
    job: JobConfig
    request: StartConfig
    floor: int | None
    lineage: Lineage
    records: Sequence[Mapping[str, object]]
    candidates: Sequence[Candidate]

    @property
    def output(self) -> Path:
        return self.folder.output(self.request.incarnation)


def prepare_start(
    job: JobConfig, request: StartConfig, *, clock: Callable[[], datetime], log: Callable[[str], None]
) -> PreparedStart:
    """Take the lock, choose, prune, record; raise RefusedError when no start must be made, OSError as the volume does.

    The lock stays with this process, and with the program that it becomes. `clock` gives the time in UTC.
    """
    folder = JobFolder(volume=Path(request.volume), namespace=job.namespace, name=job.name)
    if not folder.volume.is_dir():
        message = f"There is no folder {folder.volume} for the volume. Create or mount it and start again."
        raise RefusedError(Reason.VOLUME_MISSING, message)
    refuse_foreign_volume(folder)
    folder.path.mkdir(exist_ok=True)
    take_lock(folder.lock_file, timeout_seconds=request.lock_timeout_seconds, now=clock(), log=log)
    refuse_foreign_volume(folder)
    situation = _look_around(folder, job, request)
    choice = _choose(situation)
    repeats = _repeats(situation, choice)
    _clean(situation, choice, log)
    return _record(situation, choice, repeats, clock())


def _look_around(folder: JobFolder, job: JobConfig, request: StartConfig) -> _Situation:
    ledger = _ledger(Path(request.ledger_file))
    records = read_records(folder.starts)
    recorded = [incarnation for record in records if isinstance(incarnation := record.get("incarnation"), int)]
    if ledger is not None:
        recorded.append(ledger.incarnation)
    return _Situation(
        folder=folder,
        job=job,
        request=request,
        floor=ledger.checkpoint_id if ledger is not None and ledger.incarnation == request.incarnation else None,
        lineage=lineage_of_start(folder, request.incarnation, recorded=recorded),
        records=records,
        candidates=verify_newest(mark_abandoned(list_candidates(folder, request.incarnation), records)),
    )


def _ledger(file: Path) -> LedgerFloor | None:
    """Read the ledger under the lock: what it said before the wait may be far behind."""
    try:
        return read_ledger_floor(file)
    except ConfigError as error:
        message = (
            f"The ledger cannot be read: {error}. Without it an old checkpoint could pass for the newest. Put the file "
            "right, or remove it to go on from the newest checkpoint on the volume."
        )
        raise RefusedError(Reason.BAD_LEDGER, message) from None


def _choose(situation: _Situation) -> Choice:
    request = situation.request
    choice = choose(
        situation.candidates,
        floor=situation.floor,
        rule=request.rule,
        allow_older_checkpoints=request.allow_older_checkpoints,
        facts=_facts(situation),
    )
    if isinstance(choice, Refusal):
        raise RefusedError(choice.reason, choice.message)
    return choice


def _facts(situation: _Situation) -> IncarnationFacts:
    """Return what counts while there is no checkpoint of the incarnation.

    Once there is one, nobody looks elsewhere: a restore path that cannot be read any more must not stop a start.
    """
    incarnation = situation.request.incarnation
    if any(candidate.condition is not Condition.UNFINISHED for candidate in situation.candidates):
        return IncarnationFacts(incarnation=incarnation)
    path = situation.request.rule.path
    return IncarnationFacts(
        incarnation=incarnation,
        newest_checkpoint_id=_gone_on_from(situation),
        has_output=has_committed(situation.output),
        older_has_checkpoints=_older_has_checkpoints(situation),
        restore=look_at(path) if path is not None else None,
    )


def _gone_on_from(situation: _Situation) -> int | None:
    """Return the checkpoint that the last start went on from; by the records when somebody removed lineage.json."""
    if situation.lineage.newest_checkpoint_id is not None:
        return situation.lineage.newest_checkpoint_id
    # A start by the rule `path` may have gone on from a checkpoint that is not of this incarnation.
    own = [
        record.get("chosen")
        for record in situation.records
        if record.get("incarnation") == situation.request.incarnation and record.get("rule") in _RULES_WITHOUT_PATH
    ]
    numbers = [chosen.get("checkpointId") for chosen in own if isinstance(chosen, dict)]
    return next((number for number in reversed(numbers) if isinstance(number, int)), None)


def _older_has_checkpoints(situation: _Situation) -> bool:
    return any(
        candidate.condition is not Condition.UNFINISHED
        for incarnation in range(1, situation.request.incarnation)
        for candidate in list_candidates(situation.folder, incarnation)
    )


def _repeats(situation: _Situation, choice: Choice) -> dict[str, tuple[int, int]]:
    """Return what may appear twice: what is committed already although it came after the chosen checkpoint.

    Usually nothing. Output is committed once a newer checkpoint is complete, so where there is some, that checkpoint
    was damaged or lost, whether a trace of it is left or not.
    """
    chosen = choice.chosen
    if chosen is None or not (choice.skipped or _is_behind(situation, chosen)):
        return {}
    since = triggered_since(situation.folder, situation.candidates, chosen)
    return possible_repeats(situation.output, since_nanoseconds=since)


def _is_behind(situation: _Situation, chosen: Candidate) -> bool:
    """Tell whether a newer checkpoint than the chosen one was completed, though none was skipped."""
    known = max(situation.floor or 0, situation.lineage.newest_checkpoint_id or 0)
    if chosen in situation.candidates and (chosen.checkpoint_id or 0) < known:
        return True
    completed = (Path(chosen.path) / METADATA_NAME).stat().st_mtime_ns
    return committed_later(situation.output, than_nanoseconds=completed)


def _clean(situation: _Situation, choice: Choice, log: Callable[[str], None]) -> None:
    folder, request = situation.folder, situation.request
    pruned = prune_start_folders(
        folder, request.incarnation, situation.candidates, choice.chosen, retained=request.retained
    )
    if pruned:
        log(f"removed the checkpoint folders of starts {', '.join(map(str, pruned))}: nothing needs them any more")
    if choice.chosen is not None:
        removed = remove_stale_part_files(folder, request.incarnation, choice.chosen, situation.records)
        if removed:
            log(f"removed {len(removed)} uncommitted part files that no checkpoint refers to any more")


def _record(
    situation: _Situation, choice: Choice, repeats: Mapping[str, tuple[int, int]], now: datetime
) -> PreparedStart:
    folder, request = situation.folder, situation.request
    number = max([*record_numbers(folder.starts), *start_folders(folder), 0]) + 1
    for path in (folder.starts, folder.start_folder(number), folder.users, situation.output):
        path.mkdir(parents=True, exist_ok=True)
    _write_users(folder.users, situation.job.source.users)
    write_lineage(folder.lineage_file, _lineage_after(situation, choice))
    record = StartRecord(
        start=number,
        incarnation=request.incarnation,
        started_at=now,
        restart_counter=request.restart_counter,
        rule=request.rule.document(),
        chosen=choice.chosen,
        skipped=choice.skipped,
        floor=situation.floor,
        spec_hash=request.spec_hash,
        source=situation.job.source.document(),
        detection=situation.job.detection.document(),
        possible_repeats=repeats,
        uncommitted_files=uncommitted_files(situation.output),
        message=_message(situation, choice, repeats, number),
    )
    write_record(folder.start_record(number), record)
    prune_records(folder.starts, needed={candidate.start for candidate in situation.candidates if candidate.start})
    return _prepared(situation, record)


def _prepared(situation: _Situation, record: StartRecord) -> PreparedStart:
    folder = situation.folder
    return PreparedStart(
        start=record.start,
        job_id=folder.job_id(record.incarnation),
        checkpoint_folder=folder.start_folder(record.start),
        restore_path=record.chosen.path if record.chosen else None,
        users_folder=folder.users,
        output_folder=situation.output,
        message=record.message,
        summary=record.summary().text(),
    )


def _lineage_after(situation: _Situation, choice: Choice) -> Lineage:
    """Return the lineage with the chosen id; a path that the user named is not a checkpoint of this incarnation."""
    lineage = situation.lineage
    if situation.request.restore_nonce is not None:
        lineage = replace(lineage, consumed_restore_nonce=situation.request.restore_nonce)
    if choice.chosen is None or choice.chosen not in situation.candidates:
        return lineage
    return replace(lineage, newest_checkpoint_id=choice.chosen.checkpoint_id)


def _write_users(folder: Path, users: Sequence[str]) -> None:
    """Write the user list that the job's clock reads, once; lists of earlier starts stay, the clock remembers them."""
    text = "".join(f"{json.dumps(user)}\n" for user in users)
    file = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.txt"
    if not file.exists():
        write_atomically(file, text)


def _message(situation: _Situation, choice: Choice, repeats: Mapping[str, tuple[int, int]], number: int) -> str:
    chosen = choice.chosen
    what = "begins empty" if chosen is None else f"goes on from checkpoint {chosen.checkpoint_id} at {chosen.path}"
    skipped = "".join(f"; skipped {item.path}: {item.reason}" for item in choice.skipped)
    who = f"{situation.folder.namespace}/{situation.folder.name}, incarnation {situation.request.incarnation}"
    return f"start {number} of {who}, {what}: {choice.because}{skipped}{_repeats_text(repeats)}"


def _repeats_text(repeats: Mapping[str, tuple[int, int]]) -> str:
    if not repeats:
        return ""
    named = [f"{user} {first} to {last}" for user, (first, last) in repeats.items()]
    more = f" and {len(named) - _NAMED_AT_MOST} more users" if len(named) > _NAMED_AT_MOST else ""
    return f"; written before, and now perhaps twice: {', '.join(named[:_NAMED_AT_MOST])}{more}"
