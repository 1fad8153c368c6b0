"""One start after the other on a real folder; the checkpoints are the smallest that Flink's format allows."""

import errno
import json
import os
import shutil
import struct
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anomalyjob import checkpoint_volume
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


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
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


def test_the_first_start_of_all_begins_empty_and_leaves_a_record(volume: Volume) -> None:
    prepared = volume.start()

    assert prepared == PreparedStart(
        start=1,
        job_id=volume.folder.job_id(1),
        checkpoint_folder=volume.folder.start_folder(1),
        restore_path=None,
        users_folder=volume.folder.users,
        output_folder=volume.folder.output(1),
        message="start 1 of default/demo, incarnation 1, begins empty: this job never completed a checkpoint",
    )
    assert volume.record(1) == {
        "start": 1,
        "incarnation": 1,
        "startedAt": "2026-01-02T03:04:05.678Z",
        "restartCounter": 4,
        "rule": {"from": "latest"},
        "chosen": None,
        "skipped": [],
        "floor": None,
        "specHash": "ab12",
        "source": JOB.source.document(),
        "detection": {"maxCount": 3},
        "possibleRepeats": {},
        "uncommittedFiles": [],
        "message": prepared.message,
    }
    assert volume.lineage() == {
        "namespace": "default",
        "name": "demo",
        "incarnation": 1,
        "consumedRestoreNonce": None,
        "newestCheckpointId": None,
    }
    assert volume.folder.start_folder(1).is_dir()
    assert volume.folder.output(1).is_dir()


def test_the_users_are_listed_for_the_clock_once_however_often_the_job_starts(volume: Volume) -> None:
    volume.start()
    (file,) = volume.folder.users.iterdir()
    at(file, 100)
    volume.start()

    assert [path.stat().st_mtime_ns for path in volume.folder.users.iterdir()] == [100 * 10**9]
    assert [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] == ["user1", "üser 2"]

    volume.job = replace(JOB, source=replace(JOB.source, users=("user1", "user3")))
    volume.start()
    assert len(list(volume.folder.users.iterdir())) == 2
    assert file.exists()


def test_each_start_goes_on_from_the_newest_checkpoint_and_gets_a_number_of_its_own(volume: Volume) -> None:
    volume.start()
    volume.checkpoint(1, 1)
    second = volume.checkpoint(1, 2)

    prepared = volume.start()

    assert (prepared.start, prepared.restore_path) == (2, str(second))
    assert volume.record(2)["chosen"] == {"checkpointId": 2, "path": str(second)}
    assert volume.lineage()["newestCheckpointId"] == 2
    assert prepared.message == (
        f"start 2 of default/demo, incarnation 1, goes on from checkpoint 2 at {second}: "
        "the newest usable of 2 on the volume, no floor recorded"
    )


def test_a_number_is_never_given_twice_even_when_a_record_is_gone(volume: Volume) -> None:
    volume.start()
    volume.start()
    volume.folder.start_record(2).unlink()

    assert volume.start().start == 3

    shutil.rmtree(volume.folder.start_folder(3))
    assert volume.start().start == 4


def test_a_newest_checkpoint_that_is_damaged_above_the_floor_is_skipped_and_recorded(volume: Volume) -> None:
    volume.start()
    at(volume.checkpoint(1, 4) / "_metadata", 90)
    older = volume.checkpoint(1, 5)
    newer = volume.checkpoint(1, 6, content=metadata(6)[:-1])
    at(older / "_metadata", 100)
    volume.part_file("part-a-0", 89, 0, 1, 2)
    volume.part_file("part-a-1", 101, 3, 4)
    volume.part_file("part-a-2", 110, 5)
    volume.ledger(5)

    prepared = volume.start()

    assert prepared.restore_path == str(older)
    assert volume.record(2)["possibleRepeats"] == {"user1": {"first": 3, "last": 5}}
    (skipped,) = volume.record(2)["skipped"]
    assert (skipped["path"], skipped["checkpointId"]) == (str(newer), 6)
    assert skipped["reason"].startswith("its _metadata is damaged: it is cut off")
    assert f"; skipped {newer}: its _metadata is damaged" in prepared.message


def test_nothing_repeats_after_a_kill_in_the_middle_of_a_checkpoint(volume: Volume) -> None:
    volume.start()
    at(volume.checkpoint(1, 5) / "_metadata", 100)
    (volume.checkpoint(1, 6) / "_metadata").unlink()
    volume.part_file("part-a-0", 99, 3)
    volume.part_file(".part-a-1.inprogress.1", 101, 4)

    prepared = volume.start()

    assert volume.record(2)["possibleRepeats"] == {}
    assert volume.record(2)["skipped"] == []
    assert "twice" not in prepared.message


@pytest.mark.parametrize("trace", [True, False], ids=["its folder is left", "no trace is left"])
def test_output_after_the_chosen_checkpoint_tells_of_a_lost_one_above_the_floor(volume: Volume, trace: bool) -> None:
    volume.start()
    at(volume.checkpoint(1, 5) / "_metadata", 100)
    if trace:
        (volume.checkpoint(1, 6) / "_metadata").unlink()
    volume.part_file("part-a-1", 101, 3, 4)
    volume.ledger(5)

    prepared = volume.start()

    assert volume.record(2)["possibleRepeats"] == {"user1": {"first": 3, "last": 4}}
    assert prepared.message.endswith("floor 5; written before, and now perhaps twice: user1 3 to 4")


def test_of_many_users_that_may_repeat_the_log_names_a_few_and_the_record_all(volume: Volume) -> None:
    volume.start()
    at(volume.checkpoint(1, 5) / "_metadata", 100)
    for number in range(1, 6):
        volume.part_file(f"part-a-{number}", 101, 7, user=f"user{number}")

    prepared = volume.start()

    assert len(volume.record(2)["possibleRepeats"]) == 5
    assert prepared.message.endswith("perhaps twice: user1 7 to 7, user2 7 to 7, user3 7 to 7 and 2 more users")


def test_a_vanished_newest_checkpoint_is_a_refusal_until_the_user_allows_older_ones(volume: Volume) -> None:
    volume.start()
    older = volume.checkpoint(1, 5)
    at(older / "_metadata", 100)
    newest = volume.checkpoint(1, 6)
    (newest / "_metadata").unlink()
    volume.part_file("part-a-1", 101, 3)
    volume.ledger(6)
    before = volume.everything()

    reason, message = volume.refused()

    assert reason is Reason.CHECKPOINT_BELOW_FLOOR
    assert f"is 5 ({older}), but checkpoint 6 was completed before. Skipped: {newest} (has no _metadata" in message
    assert "allowOlderCheckpoints to at least 1" in message
    assert volume.everything() == before

    assert volume.start(allow_older_checkpoints=1).restore_path == str(older)
    assert volume.record(2)["possibleRepeats"] == {"user1": {"first": 3, "last": 3}}


def test_repeats_are_named_even_when_of_the_newest_checkpoint_no_trace_is_left(volume: Volume) -> None:
    volume.start()
    at(volume.checkpoint(1, 5) / "_metadata", 100)
    volume.part_file("part-a-1", 101, 3)
    volume.ledger(6)

    volume.start(allow_older_checkpoints=1)

    assert volume.record(2)["skipped"] == []
    assert volume.record(2)["possibleRepeats"] == {"user1": {"first": 3, "last": 3}}


def test_a_skipped_checkpoint_that_heals_does_not_bring_back_the_branch_that_was_left(volume: Volume) -> None:
    volume.start()
    volume.checkpoint(1, 5)
    skipped = volume.checkpoint(1, 6, content=b"")
    volume.start()
    (skipped / "_metadata").write_bytes(metadata(6))
    assert volume.start().restore_path == str(skipped), "nothing was built on skipping it yet"

    (skipped / "_metadata").write_bytes(b"")
    volume.start()
    living = volume.checkpoint(4, 6)
    (skipped / "_metadata").write_bytes(metadata(6))
    assert volume.start().restore_path == str(living)


def test_a_lost_checkpoint_folder_never_means_empty(volume: Volume) -> None:
    volume.start()
    volume.checkpoint(1, 5)
    volume.start()
    shutil.rmtree(volume.folder.checkpoints)

    reason, message = volume.refused()

    assert reason is Reason.CHECKPOINTS_MISSING
    assert "Checkpoint 5 of incarnation 1" in message
    assert volume.refused(rule=StartRule(kind="empty"))[0] is Reason.CHECKPOINTS_MISSING


def test_a_floor_of_another_incarnation_does_not_count(volume: Volume) -> None:
    volume.start()
    volume.ledger(17, incarnation=1)

    prepared = volume.start(incarnation=2, rule=StartRule(kind="empty"))

    assert prepared.restore_path is None
    assert volume.record(2)["floor"] is None
    assert prepared.output_folder == volume.folder.output(2)
    assert prepared.job_id == volume.folder.job_id(2) != volume.folder.job_id(1)


def test_a_start_for_an_older_incarnation_than_the_volumes_changes_nothing(volume: Volume) -> None:
    volume.start(incarnation=2)
    before = volume.everything()

    assert volume.refused(incarnation=1)[0] is Reason.OLDER_INCARNATION
    assert volume.everything() == before


def test_a_start_for_an_older_incarnation_than_the_ledgers_is_refused(volume: Volume) -> None:
    volume.ledger(None, incarnation=2)

    assert volume.refused()[0] is Reason.OLDER_INCARNATION


def test_a_new_incarnation_from_a_path_holds_that_path_until_it_has_a_checkpoint(volume: Volume) -> None:
    volume.start()
    old = volume.checkpoint(1, 17)
    rule = StartRule(kind="path", path=str(old))

    assert volume.start(incarnation=2, rule=rule).restore_path == str(old)
    assert volume.lineage()["newestCheckpointId"] is None
    assert volume.start(incarnation=2, rule=rule).restore_path == str(old)

    own = volume.checkpoint(3, 18, incarnation=2)
    assert volume.start(incarnation=2, rule=rule).restore_path == str(own)
    assert volume.lineage()["newestCheckpointId"] == 18


def test_a_restore_path_on_a_failing_disk_does_not_matter_once_there_is_a_checkpoint(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = StartRule(kind="path", path="/other/savepoint-1")
    volume.start(rule=StartRule(kind="empty"))
    own = volume.checkpoint(1, 1)

    def fail(address: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), address)

    monkeypatch.setattr(checkpoint_volume, "look_at", fail)

    assert volume.start(rule=rule).restore_path == str(own)


def test_a_new_incarnation_without_a_rule_is_refused(volume: Volume) -> None:
    volume.start()
    volume.checkpoint(1, 17)

    assert volume.refused(incarnation=2)[0] is Reason.CHECKPOINTS_MISSING


def test_a_restore_path_without_a_checkpoint_is_refused_by_its_name(volume: Volume) -> None:
    reason, message = volume.refused(rule=StartRule(kind="path", path=str(volume.root / "nothing")))

    assert reason is Reason.RESTORE_PATH_UNUSABLE
    assert f"from {volume.root}/nothing, but that cannot be used: has no _metadata" in message


def test_start_folders_that_nothing_needs_are_removed_with_a_word(volume: Volume) -> None:
    for start in range(1, 5):
        volume.start()
        volume.checkpoint(start, 10 * start)

    volume.start()

    assert volume.start_folders() == ["3", "4", "5"]
    assert "removed the checkpoint folders of starts 1: nothing needs them any more" in volume.lines
    assert "removed the checkpoint folders of starts 2: nothing needs them any more" in volume.lines


def test_a_removal_that_was_cut_off_is_finished_and_its_rest_is_no_candidate(volume: Volume) -> None:
    volume.start()
    volume.checkpoint(1, 99)
    volume.folder.start_folder(1).rename(volume.folder.checkpoints / "1.pruned")

    assert volume.start().restore_path is None
    assert volume.start_folders() == ["2"]


def test_a_volume_that_fails_while_pruning_still_has_every_start_folder_whole(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in range(1, 4):
        volume.start()
        volume.checkpoint(start, 10 * start)
    monkeypatch.setattr(shutil, "rmtree", lambda path, ignore_errors: None)

    assert volume.start().start == 4
    assert volume.start_folders() == ["1.pruned", "2", "3", "4"]


def test_repeats_reach_back_to_the_barrier_and_not_only_to_the_end_of_the_chosen_checkpoint(volume: Volume) -> None:
    """A task that answers a checkpoint late lets the others write behind its barrier before its metadata is there."""
    volume.start()
    at(volume.folder.start_record(1), 50)
    at(volume.checkpoint(1, 4) / "_metadata", 60)
    at(volume.checkpoint(1, 5) / "_metadata", 100)
    volume.checkpoint(1, 6, content=b"")
    volume.part_file("part-a-0", 59, 0)
    volume.part_file("part-a-1", 70, 1, 2)

    volume.start()

    assert volume.record(2)["possibleRepeats"] == {"user1": {"first": 1, "last": 2}}


def test_of_the_first_checkpoint_of_a_start_repeats_reach_back_to_that_start(volume: Volume) -> None:
    volume.start()
    at(volume.folder.start_record(1), 50)
    at(volume.checkpoint(1, 5) / "_metadata", 100)
    volume.checkpoint(1, 6, content=b"")
    volume.part_file("part-a-0", 49, 0)
    volume.part_file("part-a-1", 50, 1)

    volume.start()

    assert volume.record(2)["possibleRepeats"] == {"user1": {"first": 1, "last": 1}}


def test_times_of_files_that_were_put_back_narrow_nothing(volume: Volume) -> None:
    volume.start()
    at(volume.folder.start_record(1), 500)
    at(volume.checkpoint(1, 4) / "_metadata", 500)
    at(volume.checkpoint(1, 5) / "_metadata", 100)
    volume.checkpoint(1, 6, content=b"")
    volume.part_file("part-a-0", 70, 1)

    volume.start()

    assert volume.record(2)["possibleRepeats"] == {"user1": {"first": 1, "last": 1}}


def test_repeats_are_named_when_the_checkpoint_that_a_start_went_on_from_has_vanished(volume: Volume) -> None:
    volume.start()
    at(volume.folder.start_record(1), 50)
    at(volume.checkpoint(1, 5) / "_metadata", 100)
    newer = volume.checkpoint(1, 6)
    volume.part_file("part-a-1", 70, 3)
    volume.start()
    shutil.rmtree(newer)

    volume.start()

    assert volume.record(3)["possibleRepeats"] == {"user1": {"first": 3, "last": 3}}
    assert volume.lineage()["newestCheckpointId"] == 5
    volume.start()
    assert volume.record(4)["possibleRepeats"] == {}


def test_committed_output_without_any_checkpoint_never_means_empty(volume: Volume) -> None:
    volume.start()
    volume.part_file("part-a-0", 100, 0)

    reason, message = volume.refused()

    assert reason is Reason.CHECKPOINTS_MISSING
    assert message.startswith("There is committed output, which takes a completed checkpoint, but the volume holds no")
    assert volume.refused(rule=StartRule(kind="empty"))[0] is Reason.CHECKPOINTS_MISSING


def test_output_that_was_never_committed_does_not_keep_a_job_from_beginning_empty(volume: Volume) -> None:
    volume.start()
    volume.part_file(".part-a-0.jsonl.inprogress.xyz", 100, 0)

    assert volume.start().restore_path is None


def test_a_lineage_file_that_was_removed_does_not_make_a_lost_checkpoint_forgotten(volume: Volume) -> None:
    volume.start()
    volume.checkpoint(1, 5)
    volume.start()
    shutil.rmtree(volume.folder.checkpoints)
    volume.folder.lineage_file.unlink()

    reason, message = volume.refused()

    assert reason is Reason.CHECKPOINTS_MISSING
    assert message.startswith("Checkpoint 5 of incarnation 1 was completed before, but")


def test_a_path_that_was_restored_is_no_checkpoint_of_the_incarnation_even_without_the_lineage_file(
    volume: Volume,
) -> None:
    volume.start()
    rule = StartRule(kind="path", path=str(volume.checkpoint(1, 17)))
    volume.start(incarnation=2, rule=rule)
    volume.folder.lineage_file.unlink()

    assert volume.start(incarnation=2, rule=rule).restore_path == rule.path


def test_uncommitted_files_go_once_a_start_after_them_has_completed_a_checkpoint(volume: Volume) -> None:
    volume.start()
    volume.checkpoint(1, 1)
    old = volume.part_file(".part-a-0.jsonl.inprogress.xyz", 999, 1)
    committed = volume.part_file("part-a-1.jsonl", 999, 2)
    volume.start()
    assert volume.record(2)["uncommittedFiles"] == ["hour/.part-a-0.jsonl.inprogress.xyz"]
    own = volume.part_file(".part-a-2.jsonl.inprogress.xyz", 1001, 3)

    volume.start()
    assert old.exists(), "the checkpoint of start 1 may still have to commit it"

    volume.checkpoint(2, 2)
    volume.start()
    assert {path.name for path in old.parent.iterdir()} == {committed.name, own.name}
    assert "removed 1 uncommitted part files that no checkpoint refers to any more" in volume.lines
    assert volume.record(4)["uncommittedFiles"] == ["hour/.part-a-2.jsonl.inprogress.xyz"]


def test_a_file_that_awaits_its_commit_stays_though_the_clock_went_back(volume: Volume) -> None:
    """Its time is before that of the start that wrote it: Flink would commit nothing and say nothing."""
    volume.start()
    at(volume.folder.start_record(1), 1000)
    pending = volume.part_file(".part-a-0.jsonl.inprogress.xyz", 700, 1)
    at(volume.checkpoint(1, 1) / "_metadata", 701)

    volume.start()

    assert pending.exists()


def test_a_stop_savepoint_is_a_candidate_and_removes_no_uncommitted_file(volume: Volume) -> None:
    old = volume.part_file(".part-a-0.jsonl.inprogress.xyz", 999, 1)
    volume.start()
    savepoint = volume.folder.stop_savepoints(1) / "savepoint-ab-cd"
    savepoint.mkdir(parents=True)
    (savepoint / "_metadata").write_bytes(metadata(7))

    assert volume.start().restore_path == str(savepoint)
    assert old.exists(), "a savepoint does not tell which start made it"


@pytest.mark.parametrize("content", [None, b"{", b'{"start": 1}', b'{"start": 1, "uncommittedFiles": [3, null]}'])
def test_without_a_sound_record_of_the_start_that_wrote_the_checkpoint_nothing_is_left_over(
    volume: Volume, content: bytes | None
) -> None:
    old = volume.part_file(".part-a-0.jsonl.inprogress.xyz", 999, 1)
    volume.start()
    volume.checkpoint(1, 1)
    record = volume.folder.start_record(1)
    record.unlink() if content is None else record.write_bytes(content)

    volume.start()

    assert old.exists()


def test_a_volume_of_another_job_is_refused_and_not_written(volume: Volume) -> None:
    volume.start()
    before = volume.everything()
    volume.job = replace(JOB, name="other")

    assert volume.refused()[0] is Reason.VOLUME_OF_ANOTHER_JOB
    assert volume.everything() == before
    assert not volume.folder.path.exists()


def test_a_volume_that_is_not_there_is_refused(volume: Volume) -> None:
    reason, message = volume.refused(volume=str(volume.root / "unmounted"))

    assert reason is Reason.VOLUME_MISSING
    assert str(volume.root / "unmounted") in message
    assert not (volume.root / "unmounted").exists()


def test_a_damaged_ledger_is_refused_rather_than_taken_for_none(volume: Volume) -> None:
    Path(volume.request.ledger_file).write_text("{", encoding="utf-8")

    reason, message = volume.refused()

    assert reason is Reason.BAD_LEDGER
    assert volume.request.ledger_file in message


def test_the_lock_is_held_when_a_start_is_prepared(volume: Volume) -> None:
    before = descriptors()
    prepare_start(JOB, volume.request, clock=lambda: NOW, log=volume.lines.append)
    try:
        reason, message = volume.refused()
        assert reason is Reason.VOLUME_LOCKED
        assert f"process {os.getpid()} on " in message
        assert not volume.folder.start_record(2).exists()
    finally:
        for descriptor in descriptors() - before:
            os.close(descriptor)


def test_a_start_that_cannot_write_its_record_is_no_start(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    volume.start()
    real = Path.replace

    def replace_file(path: Path, target: Path) -> Path:
        if target.parent.name == "starts":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace_file)
    with pytest.raises(OSError, match="No space left"):
        volume.start()
    monkeypatch.undo()
    assert volume.start().start == 3


class Crash(BaseException):
    """What kill -9 would be: nothing of the launcher runs after it."""


@dataclass
class Failing:
    """Counts the calls that change the volume, and lets the one of that number fail; `failure` is raised before it."""

    at_call: int
    failure: BaseException
    calls: int = 0

    def call(self, real: Any, *arguments: Any, **options: Any) -> Any:
        """Fail, or do what was asked."""
        self.calls += 1
        if self.calls == self.at_call:
            raise self.failure
        return real(*arguments, **options)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand before everything that changes a file system."""
        owners = ((Path, "mkdir rename replace unlink open"), (os, "fsync pwrite"), (shutil, "rmtree"))
        for owner, names in owners:
            for name in names.split():
                real = getattr(owner, name)

                def changed(*arguments: Any, _real: Any = real, **options: Any) -> Any:
                    return self.call(_real, *arguments, **options)

                monkeypatch.setattr(owner, name, changed)


def eventful(volume: Volume) -> Path:
    """Leave a volume on which the next start has everything to do; return the checkpoint that it must choose."""
    for start in range(1, 5):
        volume.start()
        volume.checkpoint(start, 10 * start)
        volume.part_file(f".part-{start}.jsonl.inprogress.xyz", 50 * start, 10 * start)
        at(volume.folder.start_record(start), 50 * start)
    chosen = volume.checkpoint(4, 41)
    at(chosen / "_metadata", 300)
    volume.checkpoint(4, 42, content=b"")
    volume.part_file("part-a.jsonl", 301, 5, 6)
    volume.job = replace(JOB, source=replace(JOB.source, users=("user1", "user3")))
    volume.ledger(41)
    return chosen


@pytest.mark.parametrize("full", [False, True], ids=["killed", "a full disk"])
def test_a_start_that_fails_at_any_change_of_the_volume_leaves_it_right_for_the_next_one(
    tmp_path: Path, volume: Volume, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    chosen = eventful(volume)
    pristine = tmp_path / "pristine"
    shutil.copytree(volume.root / "volume", pristine)
    for number in range(1, 100):
        failure = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else Crash()
        failing = Failing(at_call=number, failure=failure)
        with monkeypatch.context() as patched:
            failing.install(patched)
            with suppress(Crash, OSError):
                volume.start()
        if failing.calls < number:
            break
        prepared = volume.start()
        record = volume.record(prepared.start)
        assert prepared.restore_path == str(chosen), number
        assert record["possibleRepeats"] == {"user1": {"first": 5, "last": 6}}, number
        assert record["uncommittedFiles"] == ["hour/.part-4.jsonl.inprogress.xyz"], number
        assert len(record["skipped"]) == 1, number
        assert volume.lineage()["newestCheckpointId"] == 41, number
        assert len(list(volume.folder.users.glob("*.txt"))) == 2, number
        assert volume.start_folders()[0] == "4", number
        shutil.rmtree(volume.root / "volume")
        shutil.copytree(pristine, volume.root / "volume")
    else:
        raise AssertionError("it never got through")
    assert number > 20, "what changes the volume is not seen"
