from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob.branches import mark_abandoned
from anomalyjob.checkpoint_choice import Candidate, Condition, IncarnationFacts, choose, rank
from anomalyjob.config import StartRule
from anomalyjob.pruning import removable_starts
from anomalyjob.refusal import Refusal


def candidate(identifier: int, start: int | None, condition: Condition = Condition.UNCHECKED) -> Candidate:
    return Candidate(
        path=f"/volume/default.demo/checkpoints/{start}/job/chk-{identifier}",
        checkpoint_id=identifier,
        start=start,
        condition=condition,
    )


def record(start: int, chosen: int | None, *skipped: str) -> dict[str, Any]:
    return {
        "start": start,
        "chosen": None if chosen is None else {"checkpointId": chosen, "path": f"/somewhere/chk-{chosen}"},
        "skipped": [{"path": path, "checkpointId": 20, "reason": "damaged"} for path in skipped],
    }


def abandoned(candidates: list[Candidate], *records: Mapping[str, object]) -> list[int | None]:
    marked = mark_abandoned(candidates, records)
    assert [item.path for item in marked] == [item.path for item in candidates]
    return [item.checkpoint_id for item in marked if item.condition is Condition.ABANDONED]


LEFT = candidate(20, 5)
OTHER_LINE = record(7, 17, LEFT.path)


def test_what_was_skipped_is_abandoned_once_the_new_line_has_a_checkpoint() -> None:
    marked = mark_abandoned([LEFT, candidate(18, 7)], [OTHER_LINE])

    assert marked[0].condition is Condition.ABANDONED
    assert marked[0].note == "start 7 went on without it and has checkpoints of its own since"
    assert marked[1] == candidate(18, 7)


@pytest.mark.parametrize(
    "line",
    [[], [candidate(17, 5)], [candidate(18, 7, Condition.UNFINISHED)]],
    ids=["nothing else", "only older ones", "one that never completed"],
)
def test_what_was_skipped_comes_back_as_long_as_nothing_was_built_on_that(line: list[Candidate]) -> None:
    assert abandoned([LEFT, *line], OTHER_LINE) == []


def test_a_start_that_died_without_a_checkpoint_abandons_nothing_for_the_line_that_went_on() -> None:
    """Start 7 skipped 20 and died; 20 became readable, start 8 went on from it: 20 and 21 are one line."""
    assert abandoned([candidate(17, 5), LEFT, candidate(21, 8)], OTHER_LINE, record(8, 20)) == []


def test_a_later_start_of_the_new_line_abandons_it_as_well() -> None:
    assert abandoned([LEFT, candidate(19, 9)], OTHER_LINE, record(9, 18)) == [20]


def test_what_had_vanished_and_was_skipped_by_nobody_is_abandoned_when_it_comes_back() -> None:
    assert abandoned([LEFT, candidate(18, 7)], record(7, 17)) == [20]


def test_what_an_earlier_start_adds_while_a_later_one_lives_is_abandoned() -> None:
    """A JobManager that escaped the lock goes on in its own folder with ids as high as it likes."""
    assert abandoned([candidate(17, 5), candidate(18, 7), candidate(99, 5)], record(7, 17)) == [99]


def test_an_empty_start_leaves_everything_before_it_behind() -> None:
    assert abandoned([candidate(1, 1), candidate(1, 2)], record(1, None), record(2, None)) == [1]


def test_what_lies_at_or_below_the_chosen_one_is_never_abandoned() -> None:
    assert abandoned([candidate(16, 5), candidate(17, 5), candidate(18, 7)], record(7, 17)) == []


@pytest.mark.parametrize("skipped,expected", [((), []), (("/stop/savepoint-1",), [20])])
def test_a_savepoint_tells_no_start_so_only_being_skipped_abandons_it(
    skipped: tuple[str, ...], expected: list[int]
) -> None:
    savepoint = Candidate(path="/stop/savepoint-1", checkpoint_id=20, start=None, condition=Condition.UNCHECKED)

    assert abandoned([savepoint, candidate(18, 7)], record(7, 17, *skipped)) == expected


def test_the_same_volume_mounted_elsewhere_is_recognised() -> None:
    savepoint = Candidate(path="/new/stop/1/savepoint-1", checkpoint_id=20, start=None, condition=Condition.UNCHECKED)

    assert abandoned([savepoint, candidate(18, 7)], record(7, 17, "/mnt/old/stop/1/savepoint-1")) == [20]


def test_what_never_completed_stays_what_it_is() -> None:
    left = candidate(20, 5, Condition.UNFINISHED)

    assert mark_abandoned([left, candidate(18, 7)], [record(7, 17, left.path)])[0] == left


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"start": 7, "chosen": None},
        {"start": 7, "skipped": []},
        {"start": "7", "chosen": None, "skipped": []},
        {"start": 7, "chosen": {}, "skipped": []},
        {"start": 7, "chosen": {"checkpointId": "17"}, "skipped": []},
        {"start": 7, "chosen": {"checkpointId": 30}, "skipped": [3, {"reason": "x"}]},
    ],
)
def test_a_record_that_makes_no_sense_abandons_nothing(damaged: dict[str, object]) -> None:
    assert abandoned([LEFT, candidate(18, 7)], damaged) == []


starts = st.tuples(st.sets(st.integers(0, 5)), st.integers(0, 3), st.integers(1, 3))


@given(st.lists(starts, max_size=14))
def test_whatever_breaks_and_heals_no_start_jumps_ahead_into_a_line_that_was_left(
    history: list[tuple[set[int], int, int]],
) -> None:
    """Plays starts with the real choice and the real pruning.

    At each start some of the candidates are broken, counted from the newest, and all others have healed; then it
    completes some checkpoints of its own. Whatever it made is the living line from then on, if it made any. The newest
    of that is taken up if it is sound; if not, one that is older, and never behind what is sound of the line.
    """
    volume: list[Candidate] = []
    line: list[Candidate] = []
    records: list[dict[str, Any]] = []
    for start, (broken, completes, retained) in enumerate(history, start=1):
        newest_first = sorted(volume, key=rank, reverse=True)
        seen = [
            replace(item, condition=Condition.BROKEN) if position in broken else item
            for position, item in enumerate(newest_first)
        ]
        sound = {item.path for item in seen if item.usable}
        expected = [item for item in line if item.path in sound]
        marked = mark_abandoned(seen, records)
        choice = choose(
            marked,
            floor=None,
            rule=StartRule(kind="latest"),
            allow_older_checkpoints=0,
            facts=IncarnationFacts(incarnation=1),
        )
        if isinstance(choice, Refusal):
            assert expected == []
            continue
        chosen = choice.chosen
        if not line or line[-1].path in sound:
            assert (chosen and chosen.path) == (line[-1].path if line else None)
        else:
            assert chosen is not None
            assert rank(chosen) < rank(line[-1])
            assert all(rank(chosen) >= rank(item) for item in expected)
        gone = removable_starts(marked, chosen, own_starts=range(1, start), other_starts=(), retained=retained)
        volume = [item for item in volume if item.start not in gone]
        identifier = chosen.checkpoint_id if chosen else None
        records.append(record(start, identifier, *(item.path for item in choice.skipped)))
        made = [candidate((identifier or 0) + number, start) for number in range(1, completes + 1)]
        kept = [item for item in line if item in volume]
        line = [*(item for item in kept if (item.checkpoint_id or 0) <= (identifier or 0)), *made] if made else kept
        volume += made
