"""What a start record says may be there twice may, and nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.audited_runs import ALERTED, EXAMPLE, found, process_records

from anomalyjob.audit import FindingKind, IndexRange, StartFacts, audit
from anomalyjob.events import Alert, ProcessRecord, Record
from anomalyjob.timestamps import EPOCH


def start_again(first: int, last: int) -> StartFacts:
    return replace(EXAMPLE.start, possible_repeats={"user1": IndexRange(first=first, last=last)})


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)).map(sorted), min_size=1, max_size=4))
def test_whatever_start_records_name_may_stand_there_once_more_for_each(ranges: list[list[int]]) -> None:
    records = EXAMPLE.output
    repeats = [record for first, last in ranges for record in records if first <= record.index <= last]
    starts = [EXAMPLE.start, *(start_again(first, last) for first, last in ranges)]
    report = audit([*repeats, *records], incarnation=1, starts=starts)
    assert report.clean
    assert report.permitted_repeats == len(repeats)
    once_too_often = audit([*records, *repeats, repeats[0]], incarnation=1, starts=starts)
    assert found(once_too_often) == [(FindingKind.DOUBLED, "user1", repeats[0].index)]


@pytest.mark.parametrize("index, clean", [(11, False), (12, True), (15, True), (16, False)])
def test_a_repeat_is_right_only_inside_the_named_range(index: int, clean: bool) -> None:
    again = process_records(EXAMPLE.output)[index]
    report = audit([*EXAMPLE.output, again], incarnation=1, starts=[EXAMPLE.start, start_again(12, 15)])
    assert report.clean == clean


def test_a_range_of_one_user_does_not_permit_repeats_of_another() -> None:
    start = replace(EXAMPLE.start, possible_repeats={"user2": IndexRange(first=0, last=39)})
    report = audit([*EXAMPLE.output, EXAMPLE.output[0]], incarnation=1, starts=[start])
    assert found(report) == [(FindingKind.DOUBLED, "user1", 0)]


@pytest.mark.parametrize("turn", [list, lambda records: list(reversed(records))], ids=["after", "before"])
@pytest.mark.parametrize(
    "record, damaged, kind",
    [
        (record, damaged, kind)
        for record in [process_records(EXAMPLE.output)[ALERTED[0]]]
        for damaged, kind in [
            (replace(record, count=record.count + 1), FindingKind.WRONG_COUNT),
            (replace(record, abnormal=False), FindingKind.WRONG_FLAG),
            (Alert.of(record.event, count=record.count + 1, emitted_time=EPOCH), FindingKind.WRONG_ALERT),
        ]
    ],
)
def test_a_permitted_repeat_that_says_something_else_is_wrong(
    record: ProcessRecord, damaged: Record, kind: FindingKind, turn: Callable[[list[Record]], list[Record]]
) -> None:
    starts = [EXAMPLE.start, start_again(0, 39)]
    report = audit(turn([*EXAMPLE.output, damaged]), incarnation=1, starts=starts)
    assert {(one_kind, index) for one_kind, _, index in found(report)} == {(kind, record.index)}
