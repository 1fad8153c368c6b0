import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from anomalyjob.checkpoint_choice import Candidate, Condition, Skipped
from anomalyjob.start_records import StartRecord, prune_records, read_records, record_numbers, write_record

CHOSEN = Candidate(path="/c/chk-17", checkpoint_id=17, start=1, condition=Condition.VERIFIED)


def record(start: int, **changes: Any) -> StartRecord:
    fields: dict[str, Any] = {
        "start": start,
        "incarnation": 1,
        "started_at": datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        "restart_counter": 2,
        "rule": {"from": "latest"},
        "chosen": CHOSEN,
        "skipped": (Skipped(path="/c/chk-18", checkpoint_id=None, reason="its header is cut off"),),
        "floor": 17,
        "spec_hash": "ab12",
        "source": {"simulated": {"seed": 7}},
        "detection": {"maxCount": 3},
        "possible_repeats": {},
        "uncommitted_files": ["hour/.part-a-0.jsonl.inprogress.xyz"],
        "message": "start 2 goes on",
    }
    return StartRecord(**{**fields, **changes})


def test_the_short_form_says_what_was_chosen_and_how_much_was_passed_over() -> None:
    summary = record(2).summary()

    assert (summary.start, summary.incarnation, summary.restart_counter, summary.skipped) == (2, 1, 2, 1)
    assert (summary.chosen_checkpoint_id, summary.chosen_path) == (17, "/c/chk-17")
    assert (summary.started_at, summary.message) == (record(2).started_at, "start 2 goes on")
    assert record(2, chosen=None).summary().chosen_path is None


def write(folder: Path, *records: StartRecord) -> None:
    for item in records:
        write_record(folder / f"{item.start}.json", item)


def test_a_record_has_the_agreed_form(tmp_path: Path) -> None:
    write(tmp_path, record(2, possible_repeats={"user1": (12, 15)}))

    assert json.loads((tmp_path / "2.json").read_text(encoding="utf-8")) == {
        "start": 2,
        "incarnation": 1,
        "startedAt": "2026-01-02T03:04:05.678Z",
        "restartCounter": 2,
        "rule": {"from": "latest"},
        "chosen": {"checkpointId": 17, "path": "/c/chk-17"},
        "skipped": [{"path": "/c/chk-18", "checkpointId": None, "reason": "its header is cut off"}],
        "floor": 17,
        "specHash": "ab12",
        "source": {"simulated": {"seed": 7}},
        "detection": {"maxCount": 3},
        "possibleRepeats": {"user1": {"first": 12, "last": 15}},
        "uncommittedFiles": ["hour/.part-a-0.jsonl.inprogress.xyz"],
        "message": "start 2 goes on",
    }


def test_an_empty_start_has_chosen_nothing() -> None:
    assert record(1, chosen=None).document()["chosen"] is None


def test_numbers_are_ordered_as_numbers_and_other_files_are_not_records(tmp_path: Path) -> None:
    write(tmp_path, record(10), record(9), record(1))
    for name in ("x.json", "0.json", "01.json", "3.txt", ".4.json.77.tmp"):
        (tmp_path / name).write_text("{}", encoding="utf-8")

    assert record_numbers(tmp_path) == [1, 9, 10]
    assert record_numbers(tmp_path / "absent") == []


def test_a_record_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, record(1), record(3))
    (tmp_path / "2.json").write_text('{"start": 2', encoding="utf-8")
    (tmp_path / "4.json").write_bytes(b"\xff\xff")
    (tmp_path / "5.json").write_text("[]", encoding="utf-8")

    assert [item["start"] for item in read_records(tmp_path)] == [1, 3]


def test_the_oldest_records_go_when_there_are_too_many(tmp_path: Path) -> None:
    write(tmp_path, *(record(number) for number in range(1, 8)))

    assert prune_records(tmp_path, needed=(), kept=3) == [2, 3, 4]
    assert record_numbers(tmp_path) == [1, 5, 6, 7]
    assert prune_records(tmp_path, needed=(), kept=3) == []


@pytest.mark.parametrize(
    "change",
    [
        {"possible_repeats": {"user1": (1, 2)}},
        {"incarnation": 2},
        {"detection": {"maxCount": 4}},
        {"source": {"simulated": {"seed": 8}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_record_that_the_audit_needs_stays(tmp_path: Path, change: dict[str, Any]) -> None:
    write(tmp_path, *(record(number, **(change if number == 4 else {})) for number in range(1, 10)))

    prune_records(tmp_path, needed=(), kept=2)

    kept = record_numbers(tmp_path)
    assert 4 in kept
    # When the rule changed back with the next start, that one says so and stays as well.
    assert [number for number in kept if number not in {1, 4, 5, 8, 9}] == []


def test_the_record_of_a_start_that_has_checkpoints_stays_however_old_it_is(tmp_path: Path) -> None:
    write(tmp_path, *(record(number) for number in range(1, 8)))

    assert prune_records(tmp_path, needed={3}, kept=2) == [2, 4, 5]
    assert record_numbers(tmp_path) == [1, 3, 6, 7]


def test_few_records_all_stay(tmp_path: Path) -> None:
    write(tmp_path, record(1), record(2))

    assert prune_records(tmp_path, needed=(), kept=2) == []
    assert record_numbers(tmp_path) == [1, 2]
