"""An output of several starts: other rules, another source, or a beginning in the middle."""

from dataclasses import replace

import pytest
from tests.unit.audited_runs import ALERTED, EXAMPLE, Run, alerts, found, process_records, replaced, simulated

from anomalyjob.audit import FindingKind, StartFacts, audit
from anomalyjob.events import Alert
from anomalyjob.timestamps import EPOCH


def other_rule(max_count: int) -> list[StartFacts]:
    return [EXAMPLE.start, replace(EXAMPLE.start, max_count=max_count)]


@pytest.mark.parametrize("max_count", [2, 5])
def test_where_the_rule_changed_between_starts_an_alert_is_right_under_any_of_them(max_count: int) -> None:
    written = replace(EXAMPLE, start=replace(EXAMPLE.start, max_count=max_count)).output
    before = [record for record in EXAMPLE.output if record.index < 20]
    after = [record for record in written if record.index >= 20]
    report = audit([*before, *after], incarnation=1, starts=other_rule(max_count))
    assert report.findings == ()


def test_where_the_rule_changed_what_all_rules_say_still_holds() -> None:
    starts = other_rule(2)
    records = process_records(EXAMPLE.output)
    first_abnormal = next(record for record in records if record.count == 1)
    without_alert = replaced(EXAMPLE.output, alerts(EXAMPLE.output)[0])
    too_early = [*EXAMPLE.output, Alert.of(first_abnormal.event, count=1, emitted_time=EPOCH)]
    wrong_count = replaced(EXAMPLE.output, first_abnormal, replace(first_abnormal, count=2))
    assert [
        found(audit(damaged, incarnation=1, starts=starts)) for damaged in (without_alert, too_early, wrong_count)
    ] == [
        [(FindingKind.MISSING_ALERT, "user1", ALERTED[0])],
        [(FindingKind.UNEXPECTED_ALERT, "user1", first_abnormal.index)],
        [(FindingKind.WRONG_COUNT, "user1", first_abnormal.index)],
    ]


def test_where_the_source_changed_between_starts_a_flag_is_right_under_any_of_them() -> None:
    other = Run(start=replace(EXAMPLE.start, source=simulated(["user1"], seed=8)), lengths={"user1": 40})
    differing = next(i for i in range(1, 40) if EXAMPLE.flag("user1", i) != other.flag("user1", i))
    same = next(i for i in range(1, 40) if EXAMPLE.flag("user1", i) == other.flag("user1", i))
    starts = [EXAMPLE.start, other.start]

    def kinds_with_flipped(index: int) -> set[FindingKind]:
        right = process_records(EXAMPLE.output)[index]
        damaged = replaced(EXAMPLE.output, right, replace(right, abnormal=not right.abnormal))
        return {kind for kind, _, _ in found(audit(damaged, incarnation=1, starts=starts))}

    assert FindingKind.WRONG_FLAG not in kinds_with_flipped(differing)
    assert kinds_with_flipped(same) == {FindingKind.WRONG_FLAG}


def test_without_a_known_source_the_recorded_flags_are_folded() -> None:
    start = StartFacts(max_count=3)
    assert audit(EXAMPLE.output, incarnation=1, starts=[start]).clean
    assert audit(EXAMPLE.output, incarnation=1, starts=[EXAMPLE.start, start]).clean
    right = next(record for record in process_records(EXAMPLE.output) if record.count == 2)
    damaged = replaced(EXAMPLE.output, right, replace(right, abnormal=False))
    for starts in ([start], [EXAMPLE.start, start]):
        assert found(audit(damaged, incarnation=1, starts=starts))[0] == (FindingKind.WRONG_COUNT, "user1", right.index)


def test_a_user_that_no_start_simulates_is_named() -> None:
    stranger = replace(EXAMPLE.start, source=simulated(["user2"]))
    report = audit(EXAMPLE.output, incarnation=1, starts=[stranger])
    assert found(report) == [(FindingKind.UNKNOWN_USER, "user1", None)]
    assert audit(EXAMPLE.output, incarnation=1, starts=[stranger, EXAMPLE.start]).clean


@pytest.mark.parametrize("first", [0, 1, ALERTED[0], ALERTED[0] + 1, 39])
def test_an_incarnation_that_began_from_a_named_checkpoint_may_begin_at_any_index(first: int) -> None:
    start = replace(EXAMPLE.start, from_path=True)
    records = [record for record in EXAMPLE.output if record.index >= first]
    assert audit(records, incarnation=1, starts=[start]).clean


@pytest.mark.parametrize("count, clean", [(1, True), (ALERTED[0] + 1, True), (ALERTED[0] + 2, False), (0, False)])
def test_a_first_count_from_a_named_checkpoint_must_at_least_be_possible(count: int, clean: bool) -> None:
    first = process_records(EXAMPLE.output)[ALERTED[0]]
    start = replace(EXAMPLE.start, from_path=True, max_count=100)
    assert audit([replace(first, count=count)], incarnation=1, starts=[start]).clean == clean


def test_from_a_named_checkpoint_with_nothing_committed_yet_only_the_required_index_is_lost() -> None:
    start = replace(EXAMPLE.start, from_path=True)
    report = audit([], incarnation=1, starts=[start], minimum_last_index={"user1": 70})
    assert (FindingKind.LOST, "user1", 70) in found(report)
    assert report.totals[FindingKind.LOST] == 1
