"""A real folder as a volume, with the hands to play Flink and the operator; checkpoints are the smallest possible."""

import json
import os
import struct
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anomalyjob.checkpoint_volume import PreparedStart, prepare_start
from anomalyjob.config import Detection, JobConfig, SimulatedSource, Sinks, StartConfig, StartRule
from anomalyjob.events import ProcessRecord, UserEvent
from anomalyjob.refusal import Reason, RefusedError
from anomalyjob.volume_layout import JobFolder

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


JOB = JobConfig(
    namespace="default",
    name="demo",
    parallelism=3,
    python_execution_mode="thread",
    detection=Detection(max_count=3),
    source=SimulatedSource(users=("user1", "üser 2"), interval_milliseconds=5000, abnormal_ratio=0.3, seed=7),
    sink=Sinks(log=True, files=True),
    slot_sharing=None,
)


def metadata(identifier: int) -> bytes:
    return struct.pack(">IiQii", 0x4960672D, 6, identifier, 0, 0) + b"\xac\xed\x00\x05\x70"


@dataclass
class Volume:
    """A volume with what lies beside it, and the hands to play Flink and the operator."""

    root: Path
    request: StartConfig
    job: JobConfig = JOB
    lines: list[str] = field(default_factory=list)

    @property
    def folder(self) -> JobFolder:
        """The folder of the job."""
        return JobFolder(volume=self.root / "volume", namespace=self.job.namespace, name=self.job.name)

    def start(self, **changes: Any) -> PreparedStart:
        """One start; the lock that it leaves open is dropped, as if that process had died."""
        before = descriptors()
        try:
            return prepare_start(self.job, replace(self.request, **changes), clock=lambda: NOW, log=self.lines.append)
        finally:
            for descriptor in descriptors() - before:
                os.close(descriptor)

    def refused(self, **changes: Any) -> tuple[Reason, str]:
        """Why a start is refused: reason and message."""
        with pytest.raises(RefusedError) as caught:
            self.start(**changes)
        return caught.value.refusal.reason, caught.value.refusal.message

    def checkpoint(self, start: int, number: int, content: bytes | None = None, incarnation: int = 1) -> Path:
        """What Flink leaves of a completed checkpoint."""
        path = self.folder.start_folder(start) / self.folder.job_id(incarnation) / f"chk-{number}"
        path.mkdir(parents=True)
        (path / "_metadata").write_bytes(metadata(number) if content is None else content)
        return path

    def ledger(self, floor: int | None, incarnation: int = 1) -> None:
        """What the operator has recorded."""
        document = {"incarnation": incarnation, "floor": None if floor is None else {"checkpointId": floor}}
        Path(self.request.ledger_file).write_text(json.dumps(document), encoding="utf-8")

    def part_file(self, name: str, seconds: int, *indexes: int, user: str = "user1") -> Path:
        """A part file with one user's records, last written at that file time."""
        file = self.folder.output(1) / "hour" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        events = [UserEvent(user_id=user, index=index, event_time=NOW, abnormal=False) for index in indexes]
        records = [ProcessRecord.of(event, count=0, subtask=0, processed_time=NOW) for event in events]
        file.write_text("".join(f"{record.encode()}\n" for record in records), encoding="utf-8")
        return at(file, seconds)

    def record(self, start: int) -> dict[str, Any]:
        """One start record."""
        document: dict[str, Any] = json.loads(self.folder.start_record(start).read_text(encoding="utf-8"))
        return document

    def lineage(self) -> dict[str, Any]:
        """The lineage file."""
        document: dict[str, Any] = json.loads(self.folder.lineage_file.read_text(encoding="utf-8"))
        return document

    def start_folders(self) -> list[str]:
        """All that lies in the folder of the start folders."""
        return sorted(path.name for path in self.folder.checkpoints.iterdir())

    def everything(self) -> dict[str, bytes]:
        """Every file but the lock, whose holder changes with each try."""
        files = (
            path for path in (self.root / "volume").rglob("*") if path.is_file() and path.name != "jobmanager.lock"
        )
        return {str(path): path.read_bytes() for path in files}


def descriptors() -> set[int]:
    found = {int(path.name) for path in Path("/proc/self/fd").iterdir()}
    return {descriptor for descriptor in found if Path(f"/proc/self/fd/{descriptor}").exists()}


def at(file: Path, seconds: int) -> Path:
    os.utime(file, ns=(seconds * 10**9, seconds * 10**9))
    return file


def new_volume(tmp_path: Path) -> Volume:
    """An empty volume, and the first request for a start on it."""
    (tmp_path / "volume").mkdir()
    return Volume(
        root=tmp_path,
        request=StartConfig(
            volume=str(tmp_path / "volume"),
            incarnation=1,
            restart_counter=4,
            spec_hash="ab12",
            rule=StartRule(kind="latest"),
            ledger_file=str(tmp_path / "ledger.json"),
            allow_older_checkpoints=0,
            retained=2,
            lock_timeout_seconds=0,
            termination_log=str(tmp_path / "termination"),
            jvm_options=(),
        ),
    )
