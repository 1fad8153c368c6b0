"""What a start records as perhaps written twice, after a checkpoint was lost."""

import shutil
from pathlib import Path

import pytest
from tests.unit.played_volume import Volume, at, new_volume


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return new_volume(tmp_path)


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


def test_repeats_are_named_even_when_of_the_newest_checkpoint_no_trace_is_left(volume: Volume) -> None:
    volume.start()
    at(volume.checkpoint(1, 5) / "_metadata", 100)
    volume.part_file("part-a-1", 101, 3)
    volume.ledger(6)

    volume.start(allow_older_checkpoints=1)

    assert volume.record(2)["skipped"] == []
    assert volume.record(2)["possibleRepeats"] == {"user1": {"first": 3, "last": 3}}


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
