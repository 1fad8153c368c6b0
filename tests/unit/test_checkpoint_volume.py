"""One start after the other on a real folder: what it goes on from, what it records and what it refuses."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.played_volume import JOB, NOW, Volume, at, descriptors, metadata, new_volume

from anomalyjob.checkpoint_volume import PreparedStart, prepare_start
from anomalyjob.config import StartRule
from anomalyjob.refusal import Reason


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return new_volume(tmp_path)


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
        summary=(
            '{"start":1,"incarnation":1,"startedAt":"2026-01-02T03:04:05.678Z","restartCounter":4,'
            '"chosenCheckpointId":null,"chosenPath":null,"skipped":0,'
            '"message":"start 1 of default/demo, incarnation 1, begins empty: this job never completed a checkpoint"}'
        ),
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
