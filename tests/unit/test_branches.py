from collections.abc import Mapping
from typing import Any

import pytest

from anomalyjob.branches import mark_abandoned
from anomalyjob.checkpoint_choice import Candidate, Condition


def candidate(identifier: int, start: int, condition: Condition = Condition.UNCHECKED) -> Candidate:
    return Candidate(
        path=f"/volume/default.demo/checkpoints/{start}/job/chk-{identifier}",
        checkpoint_id=identifier,
        start=start,
        condition=condition,
    )


def record(start: int, *skipped: str) -> dict[str, Any]:
    return {"start": start, "skipped": [{"path": path, "checkpointId": 20, "reason": "damaged"} for path in skipped]}


def abandoned(candidates: list[Candidate], *records: Mapping[str, object]) -> list[int | None]:
    marked = mark_abandoned(candidates, records)
    assert [item.path for item in marked] == [item.path for item in candidates]
    return [item.checkpoint_id for item in marked if item.condition is Condition.ABANDONED]


SKIPPED = candidate(20, 5)


def test_what_was_skipped_is_abandoned_once_the_new_line_has_a_checkpoint() -> None:
    marked = mark_abandoned([SKIPPED, candidate(18, 7)], [record(7, SKIPPED.path)])

    assert marked[0].condition is Condition.ABANDONED
    assert marked[0].note == "start 7 went on without it and has checkpoints of its own since"
    assert marked[1] == candidate(18, 7)


@pytest.mark.parametrize(
    "line",
    [[], [candidate(17, 4)], [candidate(18, 7, Condition.UNFINISHED)]],
    ids=["nothing else", "only older ones", "one that never completed"],
)
def test_what_was_skipped_comes_back_as_long_as_nothing_was_built_on_that(line: list[Candidate]) -> None:
    assert abandoned([SKIPPED, *line], record(7, SKIPPED.path)) == []


def test_a_later_start_of_the_new_line_abandons_it_as_well() -> None:
    assert abandoned([SKIPPED, candidate(18, 9)], record(7, SKIPPED.path), record(9)) == [20]


def test_the_same_volume_mounted_elsewhere_is_recognised() -> None:
    assert abandoned([SKIPPED, candidate(18, 7)], record(7, "/mnt/old/checkpoints/5/job/chk-20")) == [20]


def test_what_never_completed_stays_what_it_is() -> None:
    left = candidate(20, 5, Condition.UNFINISHED)

    assert mark_abandoned([left, candidate(18, 7)], [record(7, left.path)])[0] == left


def test_only_what_was_skipped_is_abandoned() -> None:
    assert abandoned([SKIPPED, candidate(21, 5), candidate(20, 6), candidate(18, 7)], record(7, SKIPPED.path)) == [20]


@pytest.mark.parametrize(
    "damaged", [{}, {"start": 7}, {"start": "7", "skipped": []}, {"start": 7, "skipped": [3, {"reason": "x"}]}]
)
def test_a_record_that_makes_no_sense_abandons_nothing(damaged: dict[str, object]) -> None:
    assert abandoned([SKIPPED, candidate(18, 7)], damaged) == []
