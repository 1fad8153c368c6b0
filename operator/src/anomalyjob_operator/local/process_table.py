"""processes.json: which processes of a job run now, so that a later command, or the watchdog, can find them.

It is written after every start and every end. What it names is checked against start times before any signal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anomalyjob_operator.local.json_file import DamagedFileError, read_json, write_json
from anomalyjob_operator.local.process_identity import ProcessIdentity, kill_group


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedProcess:
    """One workload's process as it was started; `started_at` is RFC 3339 text."""

    name: str
    role: str
    identity: ProcessIdentity
    content_hash: str
    started_at: str

    def document(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "role": self.role,
            **self.identity.document(),
            "contentHash": self.content_hash,
            "startedAt": self.started_at,
        }

    @classmethod
    def parse(cls, document: dict[str, Any]) -> "RecordedProcess":
        """Read the JSON form; raise KeyError, TypeError or ValueError when it is not one."""
        return cls(
            name=str(document["name"]),
            role=str(document["role"]),
            identity=ProcessIdentity.parse(document),
            content_hash=str(document["contentHash"]),
            started_at=str(document["startedAt"]),
        )


def write_process_table(file: Path, processes: Iterable[RecordedProcess]) -> None:
    """Record the running processes. Raise OSError when the disk refuses."""
    write_json(file, {"processes": [process.document() for process in processes]})


def read_process_table(file: Path) -> tuple[RecordedProcess, ...]:
    """Return the recorded processes, none when nothing was recorded; raise DamagedFileError when unreadable."""
    document = read_json(file)
    if document is None:
        return ()
    try:
        return tuple(RecordedProcess.parse(process) for process in document["processes"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(f"{file} is not a table of processes ({error!r}). Remove it, then try again.") from None


def end_recorded_processes(file: Path, state_folder: Path) -> tuple[RecordedProcess, ...]:
    """SIGKILL whatever still runs of the recorded processes, with all they started; return those that were hit.

    Only for processes that nobody supervises any more: by the supervisor's successor and by the watchdog. They may
    take a moment to be gone.
    """
    return tuple(process for process in read_process_table(file) if kill_group(process.identity, state_folder))
