"""`anomalyjob checkpoints`: what lies on a job's volume to go on from, newest first."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from anomalyjob.branches import mark_abandoned
from anomalyjob.checkpoint_catalogue import list_candidates, verify
from anomalyjob.checkpoint_choice import Candidate
from anomalyjob.lineage import read_lineage
from anomalyjob.refusal import RefusedError
from anomalyjob.start_records import read_records
from anomalyjob.timestamps import format_time
from anomalyjob.volume_layout import METADATA_NAME, JobFolder
from anomalyjob_operator.cli.console import Failure, plain_errors, table
from anomalyjob_operator.cli.selection import names_job_or_volume, selected_volume
from anomalyjob_operator.local.progress import age_text, size_text

_CHECK_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One checkpoint or savepoint on the volume."""

    candidate: Candidate
    completed_at: datetime | None
    size_bytes: int

    def document(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.candidate.checkpoint_id,
            "start": self.candidate.start,
            "path": self.candidate.path,
            "completedAt": None if self.completed_at is None else format_time(self.completed_at),
            "sizeBytes": self.size_bytes,
            "condition": str(self.candidate.condition),
            "note": self.candidate.note,
        }


@click.command()
@names_job_or_volume
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def checkpoints(name: str | None, namespace: str | None, volume: Path | None, output: str) -> None:
    """List the checkpoints that a start could go on from, with a check of their files, newest first."""
    with plain_errors():
        folder = selected_volume(name, namespace, volume)
        entries = _entries(folder)
    if output == "json":
        click.echo(json.dumps({"checkpoints": [entry.document() for entry in entries]}, indent=2))
    elif not entries:
        click.echo(f"job {folder.namespace}/{folder.name} has no checkpoint yet")
    else:
        click.echo(_table(entries))


def _entries(folder: JobFolder) -> list[_Entry]:
    try:
        lineage = read_lineage(folder.lineage_file)
    except RefusedError as error:
        raise Failure(error.refusal.message) from None
    deadline = time.monotonic() + _CHECK_SECONDS
    listed = list_candidates(folder, 1 if lineage is None else lineage.incarnation)
    candidates = mark_abandoned(listed, read_records(folder.starts))
    entries = [entry for found in candidates if (entry := _entry(folder, found, deadline)) is not None]
    return sorted(
        entries, key=lambda entry: (entry.candidate.checkpoint_id or 0, entry.candidate.start or 0), reverse=True
    )


def _entry(folder: JobFolder, found: Candidate, deadline: float) -> _Entry | None:
    """Look at one candidate; None when a running job has removed it meanwhile."""
    path = Path(found.path)
    try:
        candidate = verify(found, deadline=deadline, moved=folder.moved) if found.usable else found
        size_bytes = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    except FileNotFoundError:
        return None
    try:
        completed_at = datetime.fromtimestamp((path / METADATA_NAME).stat().st_mtime, UTC)
    except OSError:
        completed_at = None
    return _Entry(candidate=candidate, completed_at=completed_at, size_bytes=size_bytes)


def _table(entries: list[_Entry]) -> str:
    now = datetime.now(UTC)
    rows = [
        (
            "-" if entry.candidate.checkpoint_id is None else str(entry.candidate.checkpoint_id),
            "-" if entry.candidate.start is None else str(entry.candidate.start),
            "-" if entry.completed_at is None else age_text(now - entry.completed_at),
            size_text(entry.size_bytes),
            f"{entry.candidate.condition}{': ' if entry.candidate.note else ''}{entry.candidate.note}",
            entry.candidate.path,
        )
        for entry in entries
    ]
    return table(("ID", "START", "AGE", "SIZE", "CHECK", "PATH"), rows)
