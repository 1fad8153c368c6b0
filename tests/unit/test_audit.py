"""The oracle is itself on trial here: clean outputs must pass, and each kind of damage must be named."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.audited_runs import (
    ALERTED,
    EXAMPLE,
    QUIET,
    Run,
    alerts,
    found,
    process_records,
    replaced,
    runs,
    simulated,
)

from anomalyjob.audit import Auditor, AuditReport, FindingKind, IndexRange, StartFacts, audit
from anomalyjob.events import Alert, ProcessRecord, Record
from anomalyjob.timestamps import EPOCH


def test_the_example_has_alerts_and_quiet_indexes() -> None:
    assert len(ALERTED) > 5
    assert len(QUIET) > 5
    assert 39 not in ALERTED


@given(runs(), st.randoms(use_true_random=False))
def test_a_clean_output_is_clean_in_any_order_and_all_of_it_is_compared(run: Run, random: Random) -> None:
    records = run.output
    random.shuffle(records)
    report = run.audit(records)
    assert report.findings == ()
    assert report.clean
    assert report.totals == {}
    assert report.process_records == len(process_records(records))
    assert report.alerts == len(alerts(records))
    assert report.last_indexes == {user: length - 1 for user, length in run.lengths.items()}


@given(runs(), st.data())
def test_a_missing_tail_is_not_yet_committed_and_never_lost(run: Run, data: st.DataObject) -> None:
    kept = {user: data.draw(st.integers(min_value=0, max_value=length)) for user, length in run.lengths.items()}
    report = run.audit([record for record in run.output if record.index < kept[record.user_id]])
    assert report.lost == 0
    assert report.clean == any(kept.values())


@given(runs(shortest=2), st.data())
def test_a_dropped_record_is_lost(run: Run, data: st.DataObject) -> None:
    droppable = [record for record in process_records(run.output) if record.index < run.lengths[record.user_id] - 1]
    gone = data.draw(st.sampled_from(droppable))
    report = run.audit(replaced(run.output, gone))
    assert found(report) == [(FindingKind.LOST, gone.user_id, gone.index)]
    assert not report.clean


@given(runs(), st.data())
def test_a_repeated_record_is_doubled(run: Run, data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(run.output))
    report = run.audit([*run.output, again])
    kind = FindingKind.DOUBLED if isinstance(again, ProcessRecord) else FindingKind.DOUBLED_ALERT
    assert found(report) == [(kind, again.user_id, again.index)]
    assert report.doubled == 1


@given(runs(), st.data(), st.integers(min_value=0, max_value=30))
def test_a_changed_count_is_wrong_and_the_only_one(run: Run, data: st.DataObject, count: int) -> None:
    right = data.draw(st.sampled_from(process_records(run.output)))
    assume(count != right.count)
    report = run.audit(replaced(run.output, right, replace(right, count=count)))
    assert found(report) == [(FindingKind.WRONG_COUNT, right.user_id, right.index)]
    assert report.wrong == 1


@given(runs(), st.data())
def test_a_changed_flag_is_wrong_and_the_only_one(run: Run, data: st.DataObject) -> None:
    right = data.draw(st.sampled_from(process_records(run.output)))
    report = run.audit(replaced(run.output, right, replace(right, abnormal=not right.abnormal)))
    assert found(report) == [(FindingKind.WRONG_FLAG, right.user_id, right.index)]


@given(runs(), st.data())
def test_a_dropped_alert_is_missing_and_a_changed_one_is_wrong(run: Run, data: st.DataObject) -> None:
    assume(alerts(run.output))
    right = data.draw(st.sampled_from(alerts(run.output)))
    dropped = run.audit(replaced(run.output, right))
    assert found(dropped) == [(FindingKind.MISSING_ALERT, right.user_id, right.index)]
    changed = run.audit(replaced(run.output, right, replace(right, count=right.count + 1)))
    assert found(changed) == [(FindingKind.WRONG_ALERT, right.user_id, right.index)]


@given(runs(), st.data())
def test_an_alert_below_the_limit_is_unexpected(run: Run, data: st.DataObject) -> None:
    below = [record for record in process_records(run.output) if record.count < run.start.max_count]
    assume(below)
    quiet = data.draw(st.sampled_from(below))
    report = run.audit([*run.output, Alert.of(quiet.event, count=run.start.max_count, emitted_time=EPOCH)])
    assert found(report) == [(FindingKind.UNEXPECTED_ALERT, quiet.user_id, quiet.index)]


def test_a_state_lost_on_the_way_makes_the_counts_after_it_wrong_until_the_next_normal_event() -> None:
    second = next(index for index in range(39) if EXAMPLE.count("user1", index) == 2)
    damaged = [
        replace(record, count=record.count - 2)
        if isinstance(record, ProcessRecord) and record.index >= second and record.count >= record.index - second + 2
        else record
        for record in EXAMPLE.output
    ]
    wrong = [index for kind, _, index in found(EXAMPLE.audit(damaged)) if kind == FindingKind.WRONG_COUNT]
    until = next(index for index in range(second, 40) if EXAMPLE.count("user1", index) == 0)
    assert wrong == list(range(second, until))


def test_three_damages_at_once_are_each_named() -> None:
    records = process_records(EXAMPLE.output)
    damaged = replaced(EXAMPLE.output, records[QUIET[2]])
    damaged = replaced(damaged, records[ALERTED[1]], replace(records[ALERTED[1]], count=77))
    report = EXAMPLE.audit([*damaged, records[20]])
    assert set(found(report)) == {
        (FindingKind.LOST, "user1", QUIET[2]),
        (FindingKind.DOUBLED, "user1", 20),
        (FindingKind.WRONG_COUNT, "user1", ALERTED[1]),
    }
    assert (report.lost, report.doubled, report.wrong) == (1, 1, 1)


@pytest.mark.parametrize(
    "records",
    [[], [record.event for record in process_records(EXAMPLE.output)]],
    ids=["no records", "events only"],
)
def test_an_audit_that_compared_nothing_fails(records: list[Record]) -> None:
    report = EXAMPLE.audit(records)
    assert not report.clean
    assert found(report) == [(FindingKind.NOTHING_COMPARED, None, None)]
    assert "NOT CLEAN" in report.describe()


def test_a_report_on_nothing_is_not_clean_whoever_made_it() -> None:
    assert not AuditReport(incarnation=1, users=(), findings=(), totals={}).clean


def test_alerts_without_any_process_record_are_a_loss() -> None:
    report = EXAMPLE.audit(alerts(EXAMPLE.output))
    assert {kind for kind, _, _ in found(report)} == {FindingKind.LOST, FindingKind.NOTHING_COMPARED}
    assert report.totals[FindingKind.LOST] == ALERTED[-1] + 1


def test_an_audit_without_any_start_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one start"):
        audit([], incarnation=1, starts=[])


@pytest.mark.parametrize(
    "minimum, lost", [({"user1": 39}, 0), ({"user1": 41}, 2), ({"user2": 4}, 5), ({"user1": 3, "user2": 0}, 1)]
)
def test_everything_up_to_the_last_completed_checkpoint_must_be_there(minimum: dict[str, int], lost: int) -> None:
    run = replace(EXAMPLE, start=replace(EXAMPLE.start, source=simulated(["user1", "user2"])))
    assert run.audit(run.output, **minimum).totals == ({FindingKind.LOST: lost} if lost else {})


@given(runs(shortest=2), st.data())
def test_what_waits_for_its_commit_is_neither_lost_nor_compared(run: Run, data: st.DataObject) -> None:
    waiting = [record for record in run.output if data.draw(st.booleans())]
    committed = [record for record in run.output if record not in waiting]
    user_ids = {record.user_id for record in committed}
    auditor = Auditor(incarnation=1, starts=[run.start])
    for record in committed:
        auditor.add(record)
    lost_before = auditor.report().lost
    for record in waiting:
        auditor.add_uncommitted(record)
    report = auditor.report()
    last = {user: max(record.index for record in committed if record.user_id == user) for user in user_ids}
    assert report.lost == 0
    assert report.not_yet_committed >= lost_before
    assert report.not_yet_committed <= sum(record.index <= last.get(record.user_id, -1) for record in waiting)
    assert report.clean == bool(process_records(committed))


def test_what_no_file_holds_is_lost_also_beside_what_waits_for_its_commit() -> None:
    auditor = Auditor(incarnation=1, starts=[EXAMPLE.start])
    for record in EXAMPLE.output:
        if record.index in (20, 22):
            auditor.add_uncommitted(record)
        elif record.index not in (19, 21, 23, 24):
            auditor.add(record)
    report = auditor.report()
    assert [one.indexes for one in report.findings if one.kind == FindingKind.LOST] == [
        IndexRange(first=19, last=19),
        IndexRange(first=21, last=21),
        IndexRange(first=23, last=24),
    ]


def test_a_stray_huge_index_is_one_long_loss_not_a_full_memory() -> None:
    stray = replace(process_records(EXAMPLE.output)[0], index=2**53 - 1, count=0, abnormal=False)
    report = audit([*EXAMPLE.output, stray], incarnation=1, starts=[StartFacts(max_count=3)])
    assert found(report) == [(FindingKind.LOST, "user1", 40)]
    assert report.lost == 2**53 - 1 - 40
