"""The names of all files and folders of one job on its volume, and the job id that Flink gets.

Pure: it computes paths and reads names, and never looks at a disk.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

METADATA_NAME: Final = "_metadata"
LINEAGE_NAME: Final = "lineage.json"
_CHECKPOINT_NAME: Final = re.compile(r"chk-[0-9]+")
_SAVEPOINT_NAME: Final = re.compile(r"savepoint-.+")
_START_NUMBER: Final = re.compile(r"[1-9][0-9]*")


def job_id(namespace: str, name: str, incarnation: int) -> str:
    """Return Flink's job id of an incarnation: 32 hex digits, the same for every start of it."""
    return hashlib.sha256(f"{namespace}/{name}/{incarnation}".encode()).hexdigest()[:32]


def start_number(text: str) -> int | None:
    """Return the number of a start folder's name or a start record's stem; None when it is not one."""
    return int(text) if _START_NUMBER.fullmatch(text) else None


def is_checkpoint_name(text: str) -> bool:
    """Tell whether a folder's name is that of a checkpoint."""
    return _CHECKPOINT_NAME.fullmatch(text) is not None


def is_savepoint_name(text: str) -> bool:
    """Tell whether a folder's name is that of a savepoint."""
    return _SAVEPOINT_NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFolder:
    """`<volume>/<namespace>.<name>`: everything that belongs to one job."""

    volume: Path
    namespace: str
    name: str

    @property
    def path(self) -> Path:
        """The job's own folder."""
        return self.volume / f"{self.namespace}.{self.name}"

    @property
    def lock_file(self) -> Path:
        """The file whose lock the living JobManager holds."""
        return self.path / "jobmanager.lock"

    @property
    def lineage_file(self) -> Path:
        """Whose volume this is, and which incarnation."""
        return self.path / LINEAGE_NAME

    @property
    def starts(self) -> Path:
        """The folder of the start records."""
        return self.path / "starts"

    @property
    def checkpoints(self) -> Path:
        """The folder of the start folders."""
        return self.path / "checkpoints"

    @property
    def users(self) -> Path:
        """The folder of user lists that the job's clock reads."""
        return self.path / "users"

    def moved(self, path: Path) -> Path:
        """Return where a path of this job lies when it was written down while the volume was mounted elsewhere."""
        places = [place for place, part in enumerate(path.parts) if part == self.path.name]
        return self.path.joinpath(*path.parts[places[-1] + 1 :]) if places else path

    def start_record(self, start: int) -> Path:
        """Return the file of one start record."""
        return self.starts / f"{start}.json"

    def start_folder(self, start: int) -> Path:
        """Return the checkpoint folder of one start."""
        return self.checkpoints / str(start)

    def stop_savepoints(self, incarnation: int) -> Path:
        """Return the folder of the savepoints of the operator's own stops."""
        return self.path / "stop" / str(incarnation)

    def output(self, incarnation: int) -> Path:
        """Return the folder of the part files of one incarnation."""
        return self.path / "output" / str(incarnation)

    def job_id(self, incarnation: int) -> str:
        """Return Flink's job id of an incarnation."""
        return job_id(self.namespace, self.name, incarnation)
