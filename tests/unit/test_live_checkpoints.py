"""The server's own record of checkpoints: what it keeps when Flink forgets, and what it never counts twice."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.live_flink import JOB, moment
from tests.unit.observations import JOB_ID, at, checkpoints, completed, flink

from anomalyjob.timestamps import from_epoch_milliseconds
from anomalyjob_operator.live.checkpoint_answers import (
    CheckpointAnswer,
    Entry,
    checkpoint_answer,
    is_savepoint_path,
)
from anomalyjob_operator.live.checkpoint_record import MAXIMUM_ENTRIES, CheckpointRecord
from anomalyjob_operator.live.checkpoints_document import CheckpointsSeen, checkpoints_document
from anomalyjob_operator.live.pass_checkpoints import entries_of_pass


def answer(name: str) -> CheckpointAnswer:
    answers = moment(name)
    return checkpoint_answer(answers[f"{JOB}/checkpoints"], from_epoch_milliseconds(answers[JOB]["start-time"]))


def entry(number: int, seconds: float, **changes: Any) -> Entry:
    """A completed checkpoint of the job that began at T0."""
    made = Entry(
        kind="checkpoint",
        checkpoint_id=number,
        state="COMPLETED",
        start=at(0),
        triggered_at=at(seconds),
        ended_at=at(seconds + 0.1),
        duration_milliseconds=100,
        size_bytes=10,
        full_size_bytes=20,
        path=f"/volume/chk-{number}",
    )
    return replace(made, **changes)


def in_progress(number: int, seconds: float, **changes: Any) -> Entry:
    unknown = {"ended_at": None, "duration_milliseconds": None, "size_bytes": None, "full_size_bytes": None}
    return entry(number, seconds, state="IN_PROGRESS", path=None, **unknown, **changes)


def test_the_record_survives_the_jobmanager_and_the_counts_begin_anew() -> None:
    record = CheckpointRecord()
    record.note(answer("restored"))
    second = answer("second_start")
    record.note(second)
    document = checkpoints_document(CheckpointsSeen(answer=second, at=at(7)), None, record, at(8))

    assert document["counts"] == {"triggered": 0, "inProgress": 0, "completed": 0, "failed": 0, "restored": 1}
    assert document["kept"] == {"completed": 4, "failed": 0, "restored": 2}
    assert [(one["entry"], one["id"], one["status"]) for one in document["entries"]] == [
        ("restore", 4, "RESTORED"),
        ("checkpoint", 4, "COMPLETED"),
        ("restore", 3, "RESTORED"),
        ("checkpoint", 3, "COMPLETED"),
        ("checkpoint", 2, "COMPLETED"),
        ("checkpoint", 1, "COMPLETED"),
    ]


def test_the_same_answer_changes_nothing() -> None:
    record = CheckpointRecord()
    record.note(answer("restored"))
    before = record.version, record.completed, record.restored
    record.note(answer("restored"))

    assert (record.version, record.completed, record.restored) == before


def test_a_checkpoint_in_progress_becomes_what_became_of_it() -> None:
    record = CheckpointRecord()
    record.add([in_progress(1, 10)])
    record.add([entry(1, 10, state="FAILED", failure="Checkpoint expired before completing.")])

    assert [(one.state, one.failure) for one in record.entries] == [("FAILED", "Checkpoint expired before completing.")]
    assert (record.completed, record.failed) == (0, 1)


def test_what_a_lost_jobmanager_had_in_progress_is_forgotten() -> None:
    record = CheckpointRecord()
    record.add([in_progress(5, 10)])
    record.note(answer("second_start"))

    assert [one.kind for one in record.entries] == ["restore"]


def test_an_id_that_a_second_jobmanager_gives_again_is_another_checkpoint() -> None:
    record = CheckpointRecord()
    record.add([entry(5, 10), entry(5, 30, start=at(20))])

    assert [one.start for one in record.entries] == [at(20), at(0)]
    assert record.completed == 2


def test_a_late_answer_takes_nothing_back() -> None:
    record = CheckpointRecord()
    record.add([entry(1, 10)])
    record.add([in_progress(1, 10)])

    assert [one.state for one in record.entries] == ["COMPLETED"]


def test_the_record_is_bounded_and_goes_on_counting() -> None:
    record = CheckpointRecord()
    for number in range(1, 501):
        record.add([entry(number, number)])

    assert len(record.entries) == MAXIMUM_ENTRIES
    assert record.entries[0].checkpoint_id == 500
    assert record.completed == 500


def told_for_ever(number: int) -> list[Entry]:
    """What Flink tells after so many checkpoints: its history, and the latest savepoint, failure and restore."""
    restore = entry(0, 0.5, kind="restore", state="RESTORED", size_bytes=None, full_size_bytes=None)
    failed = entry(2, 2, state="FAILED", failure="Checkpoint expired before completing.", path=None)
    history = [entry(one, one) for one in range(max(3, number - 9), number + 1)]
    return [*history, restore, entry(1, 1, kind="savepoint"), failed]


def test_what_was_forgotten_is_not_counted_again_while_flink_still_tells_it() -> None:
    record = CheckpointRecord()
    for number in range(3, 2_001):
        record.add(told_for_ever(number))

    assert (record.completed, record.failed, record.restored) == (1_999, 1, 1)
    assert [one.checkpoint_id for one in record.entries] == list(range(2_000, 2_000 - MAXIMUM_ENTRIES, -1))


def test_the_restore_of_a_start_is_known_for_as_long_as_the_start_lasts() -> None:
    record = CheckpointRecord()
    for number in range(3, 2_001):
        record.add(told_for_ever(number))
        restored = record.restored_by(at(0))
        assert restored is not None
        assert (restored.checkpoint_id, restored.path) == (0, "/volume/chk-0")

    assert record.restored_by(at(1)) is None


def test_of_two_restores_of_a_start_the_last_counts_whichever_is_told_last() -> None:
    record = CheckpointRecord()
    first, last = (entry(number, number, kind="restore", state="RESTORED") for number in (3, 4))
    record.add([last])
    record.add([first])
    record.add([replace(last, path=None)])

    assert record.restored_by(at(0)) == last


def test_a_pass_fills_in_what_no_poll_saw() -> None:
    record = CheckpointRecord()
    statistics = checkpoints(completed(4, 40), latest_restored_id=3, latest_restored_at=at(30))
    record.add(entries_of_pass(flink(statistics), JOB_ID))

    newest = record.newest_completed
    assert newest is not None
    assert (newest.checkpoint_id, newest.ended_at, newest.full_size_bytes, newest.size_bytes) == (
        4,
        at(40),
        14_000,
        None,
    )
    restored = record.restored_by(at(5))
    assert restored is not None
    assert (restored.checkpoint_id, restored.triggered_at) == (3, at(30))


def test_a_poll_completes_what_a_pass_saw_and_a_pass_takes_nothing_away() -> None:
    record = CheckpointRecord()
    of_pass = list(entries_of_pass(flink(checkpoints(completed(4, 40))), JOB_ID))
    record.add(of_pass)
    record.add([entry(4, 39.94, start=at(5))])
    record.add(of_pass)

    assert [(one.size_bytes, one.full_size_bytes) for one in record.entries] == [(10, 20)]
    assert record.completed == 1


def test_a_pass_that_saw_another_job_tells_nothing() -> None:
    assert list(entries_of_pass(flink(checkpoints(completed(4, 40))), "f" * 32)) == []


def test_without_an_answer_the_document_says_that_nothing_is_known() -> None:
    document = checkpoints_document(None, None, CheckpointRecord(), at(8))

    assert document == {
        "serverTime": at(8),
        "observedAt": None,
        "counts": None,
        "kept": {"completed": 0, "failed": 0, "restored": 0},
        "summary": None,
        "settings": None,
        "entries": [],
    }


@pytest.mark.parametrize(
    "path, savepoint",
    [
        (None, False),
        ("file:/volume/default.demo/checkpoints/2/abc/chk-4", False),
        ("file:/volume/default.demo/stop/1/savepoint-abc-123", True),
    ],
)
def test_a_restore_from_a_savepoint_is_told_by_its_folder(path: str | None, savepoint: bool) -> None:
    assert is_savepoint_path(path) is savepoint


def test_a_checkpoint_of_which_only_the_latest_list_tells_is_an_entry() -> None:
    told = moment("restored")[f"{JOB}/checkpoints"]
    told["latest"]["savepoint"] = told["history"].pop() | {"is_savepoint": True}

    entries = checkpoint_answer(told, at(0)).entries
    assert sorted((one.checkpoint_id, one.kind) for one in entries if one.kind != "restore") == [
        (1, "savepoint"),
        (2, "checkpoint"),
        (3, "checkpoint"),
        (4, "checkpoint"),
    ]


def test_checkpoints_that_fail_are_followed_to_their_end() -> None:
    recorded = moment("failed_checkpoints")
    record = CheckpointRecord()
    record.note(checkpoint_answer(recorded["one fails"], at(0)))
    during = [(one.checkpoint_id, one.state, one.duration_milliseconds) for one in record.entries[:2]]
    record.note(checkpoint_answer(recorded["two failed"], at(0)))
    after = {one.checkpoint_id: (one.state, one.failure, one.duration_milliseconds) for one in record.entries}

    assert during[0] == (4, "IN_PROGRESS", None)
    assert after[4] == ("FAILED", "Checkpoint expired before completing.", 1005)
    assert after[5] == ("FAILED", "Checkpoint expired before completing.", 1004)
    assert [number for number, (state, *_) in after.items() if state == "COMPLETED"] == [7, 6, 3, 2, 1]
    assert (record.completed, record.failed) == (5, 2)


def test_a_trigger_that_was_refused_before_all_tasks_ran_is_counted_by_flink_alone() -> None:
    recorded = moment("failed_checkpoints")["two failed"]
    answer = checkpoint_answer(recorded, at(0))

    assert answer.counts.failed == 3
    assert sum(one.state == "FAILED" for one in answer.entries) == 2
