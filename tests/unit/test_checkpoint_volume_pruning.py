"""What a start removes of the ones before it, and what it must leave."""

import shutil
from pathlib import Path

import pytest
from tests.unit.played_volume import Volume, at, metadata, new_volume


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return new_volume(tmp_path)


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
