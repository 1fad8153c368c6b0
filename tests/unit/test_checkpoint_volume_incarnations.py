"""A new incarnation on the volume of the old one, and the path that it may begin from."""

import errno
import os
from pathlib import Path

import pytest
from tests.unit.played_volume import Volume, new_volume

from anomalyjob import checkpoint_volume
from anomalyjob.config import StartRule
from anomalyjob.refusal import Reason


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return new_volume(tmp_path)


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


def test_a_path_that_was_restored_is_no_checkpoint_of_the_incarnation_even_without_the_lineage_file(
    volume: Volume,
) -> None:
    volume.start()
    rule = StartRule(kind="path", path=str(volume.checkpoint(1, 17)))
    volume.start(incarnation=2, rule=rule)
    volume.folder.lineage_file.unlink()

    assert volume.start(incarnation=2, rule=rule).restore_path == rule.path


def test_the_wish_for_another_start_stays_on_the_volume_as_fulfilled(volume: Volume) -> None:
    volume.start()
    volume.start(incarnation=2, rule=StartRule(kind="empty"), restore_nonce=3)
    assert volume.lineage()["consumedRestoreNonce"] == 3

    volume.start(incarnation=2)

    assert volume.lineage()["consumedRestoreNonce"] == 3
