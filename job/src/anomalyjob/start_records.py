"""Start records: what each start of the JobManager chose, what it passed over, and the rules in force from then on.

The audit lives by them, and so does the user who asks why a job went on from where it did. They are written once,
under the lock, before Flink runs, and never changed.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from anomalyjob.atomic_file import write_atomically
from anomalyjob.checkpoint_choice import Candidate, Skipped
from anomalyjob.start_summary import StartSummary
from anomalyjob.timestamps import format_time
from anomalyjob.volume_layout import start_number

KEPT_RECORDS: Final = 200
UNCOMMITTED_FILES: Final = "uncommittedFiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRecord:
    """One start.

    `possible_repeats` gives per user the first and last index that may stand in the sinks twice, `uncommitted_files`
    the part files that awaited their commit before this start, relative to the incarnation's output folder.
    """

    start: int
    incarnation: int
    started_at: datetime
    restart_counter: int
    rule: Mapping[str, object]
    chosen: Candidate | None
    skipped: Sequence[Skipped]
    floor: int | None
    spec_hash: str
    source: Mapping[str, object]
    detection: Mapping[str, object]
    possible_repeats: Mapping[str, tuple[int, int]]
    uncommitted_files: Sequence[str]
    message: str

    def document(self) -> dict[str, object]:
        """Return the JSON form."""
        return {
            "start": self.start,
            "incarnation": self.incarnation,
            "startedAt": format_time(self.started_at),
            "restartCounter": self.restart_counter,
            "rule": dict(self.rule),
            "chosen": _chosen(self.chosen),
            "skipped": [_skipped(item) for item in self.skipped],
            "floor": self.floor,
            "specHash": self.spec_hash,
            "source": dict(self.source),
            "detection": dict(self.detection),
            "possibleRepeats": {
                user: {"first": first, "last": last} for user, (first, last) in self.possible_repeats.items()
            },
            UNCOMMITTED_FILES: list(self.uncommitted_files),
            "message": self.message,
        }

    def summary(self) -> StartSummary:
        """Return the short form, for Flink to tell."""
        return StartSummary(
            start=self.start,
            incarnation=self.incarnation,
            started_at=self.started_at,
            restart_counter=self.restart_counter,
            chosen_checkpoint_id=None if self.chosen is None else self.chosen.checkpoint_id,
            chosen_path=None if self.chosen is None else self.chosen.path,
            skipped=len(self.skipped),
            message=self.message,
        )


def write_record(file: Path, record: StartRecord) -> None:
    """Write one record; raise OSError when the volume refuses."""
    write_atomically(file, json.dumps(record.document(), ensure_ascii=False, indent=2) + "\n")


def record_numbers(folder: Path) -> list[int]:
    """Return the numbers of all records, ascending."""
    names = (path.stem for path in folder.glob("*.json"))
    return sorted(number for number in map(start_number, names) if number is not None)


def read_records(folder: Path) -> list[dict[str, object]]:
    """Return all records that can be read, oldest first; one that cannot must not keep a job from starting."""
    found = (_read(folder / f"{number}.json") for number in record_numbers(folder))
    return [document for document in found if document is not None]


def prune_records(folder: Path, *, needed: Collection[int], kept: int = KEPT_RECORDS) -> list[int]:
    """Remove records older than the newest `kept`, but none that is still needed; return their numbers.

    `needed` are the starts that have checkpoints: their records tell what they left behind. The audit needs those after
    which something was different: another incarnation, rule or source, or repeats.
    """
    older = record_numbers(folder)[:-kept]
    removed = []
    previous: dict[str, object] | None = None
    for number in older:
        document = _read(folder / f"{number}.json")
        is_needed = number in needed or previous is None or document is None or _matters(document, previous)
        if not is_needed:
            (folder / f"{number}.json").unlink(missing_ok=True)
            removed.append(number)
        previous = document or previous
    return removed


def _matters(document: Mapping[str, object], previous: Mapping[str, object]) -> bool:
    changed = any(document.get(key) != previous.get(key) for key in ("incarnation", "source", "detection"))
    return changed or bool(document.get("possibleRepeats"))


def _read(file: Path) -> dict[str, object] | None:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _chosen(candidate: Candidate | None) -> dict[str, object] | None:
    return None if candidate is None else {"checkpointId": candidate.checkpoint_id, "path": candidate.path}


def _skipped(item: Skipped) -> dict[str, object]:
    return {"path": item.path, "checkpointId": item.checkpoint_id, "reason": item.reason}
