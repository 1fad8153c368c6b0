"""The oracle is itself on trial here: clean outputs must pass, and each kind of damage must be named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anomalyjob.audit import Auditor, AuditReport, FindingKind, IndexRange, StartFacts, audit
from anomalyjob.audit_report import KEPT_FINDINGS_PER_KIND
from anomalyjob.config import SimulatedSource
from anomalyjob.events import Alert, ProcessRecord, Record, UserEvent
from anomalyjob.simulator import abnormal
from anomalyjob.timestamps import EPOCH


@dataclass(frozen=True)
class Run:
    """What an undisturbed run of one incarnation committed: per user the first `lengths[user]` indexes."""

    start: StartFacts
    lengths: dict[str, int]

    @property
    def source(self) -> SimulatedSource:
        """The simulated source of the run."""
        assert self.start.source is not None
        return self.start.source

    def flag(self, user_id: str, index: int) -> bool:
        """Whether the event is abnormal."""
        return abnormal(self.source.seed, user_id, index, self.source.abnormal_ratio)

    def count(self, user_id: str, index: int) -> int:
        """Looks back, where the job and the audit fold forward: how many abnormal events end here."""
        normal_before = (before for before in range(index, -1, -1) if not self.flag(user_id, before))
        return index - next(normal_before, -1)

    def records_of(self, user_id: str, index: int) -> list[Record]:
        """The process record of one event, and its alert if there is one."""
        made = UserEvent(user_id=user_id, index=index, event_time=EPOCH, abnormal=self.flag(user_id, index))
        count = self.count(user_id, index)
        record = ProcessRecord.of(made, count=count, subtask=0, processed_time=EPOCH)
        alerts = [Alert.of(made, count=count, emitted_time=EPOCH)] if count >= self.start.max_count else []
        return [record, *alerts]

    @property
    def output(self) -> list[Record]:
        """All records of the run, user by user, in the order of the indexes."""
        return [
            record
            for user_id, length in self.lengths.items()
            for index in range(length)
            for record in self.records_of(user_id, index)
        ]

    def audit(self, records: Sequence[Record], **more: int) -> AuditReport:
        """What the audit says of `records`; `more` is how far a completed checkpoint is, by user."""
        return audit(records, incarnation=1, starts=[self.start], minimum_last_index=more or None)


def simulated(users: Sequence[str], seed: int = 7, ratio: float = 0.6) -> SimulatedSource:
    return SimulatedSource(users=tuple(users), interval_milliseconds=5000, abnormal_ratio=ratio, seed=seed)


@st.composite
def runs(draw: st.DrawFn, shortest: int = 1) -> Run:
    users = draw(st.lists(st.text(max_size=5), min_size=1, max_size=3, unique=True))
    ratio = draw(st.sampled_from([0.0, 0.3, 0.6, 0.9, 1.0]))
    source = simulated(users, draw(st.integers(min_value=0, max_value=1000)), ratio)
    start = StartFacts(max_count=draw(st.integers(min_value=1, max_value=4)), source=source)
    return Run(start=start, lengths={user: draw(st.integers(min_value=shortest, max_value=25)) for user in users})


# user1 at seed 7 and ratio 0.6: the example that the tables below damage.
EXAMPLE = Run(start=StartFacts(max_count=3, source=simulated(["user1"])), lengths={"user1": 40})
ALERTED = [record.index for record in EXAMPLE.output if isinstance(record, Alert)]
QUIET = [index for index in range(40) if index not in ALERTED]


def found(report: AuditReport) -> list[tuple[FindingKind, str | None, int | None]]:
    """(kind, user, first index) of each finding."""
    return [(one.kind, one.user_id, None if one.indexes is None else one.indexes.first) for one in report.findings]


def process_records(records: Sequence[Record]) -> list[ProcessRecord]:
    return [record for record in records if isinstance(record, ProcessRecord)]


def alerts(records: Sequence[Record]) -> list[Alert]:
    return [record for record in records if isinstance(record, Alert)]


def replaced(records: Sequence[Record], old: Record, *new: Record) -> list[Record]:
    position = records.index(old)
    return [*records[:position], *new, *records[position + 1 :]]


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


@pytest.mark.parametrize(
    "minimum, lost", [({"user1": 39}, 0), ({"user1": 41}, 2), ({"user2": 4}, 5), ({"user1": 3, "user2": 0}, 1)]
)
def test_everything_up_to_the_last_completed_checkpoint_must_be_there(minimum: dict[str, int], lost: int) -> None:
    run = replace(EXAMPLE, start=replace(EXAMPLE.start, source=simulated(["user1", "user2"])))
    assert run.audit(run.output, **minimum).totals == ({FindingKind.LOST: lost} if lost else {})


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


def test_findings_beyond_the_bound_are_counted_but_not_kept() -> None:
    auditor = Auditor(incarnation=1, starts=[EXAMPLE.start])
    for number in range(KEPT_FINDINGS_PER_KIND + 5):
        auditor.add_unreadable(f"part-0:{number}: not JSON")
    report = auditor.report()
    assert report.totals[FindingKind.UNREADABLE] == KEPT_FINDINGS_PER_KIND + 5
    assert len([one for one in report.findings if one.kind == FindingKind.UNREADABLE]) == KEPT_FINDINGS_PER_KIND


def test_a_report_tells_people_how_much_was_compared() -> None:
    assert EXAMPLE.audit(EXAMPLE.output).describe().splitlines() == [
        "audit of incarnation 1: clean: 0 lost, 0 doubled, 0 wrong",
        f"compared 40 process records and {len(ALERTED)} alerts of 1 users",
        f"  user1: up to index 39, 40 process records, {len(ALERTED)} alerts",
    ]


def test_a_report_tells_people_each_damage_with_its_user_and_index() -> None:
    records = [record for record in EXAMPLE.output if record.index not in (QUIET[1], 30, 31, 32)]
    text = EXAMPLE.audit([*records, records[0]], user2=0).describe()
    assert text.startswith("audit of incarnation 1: NOT CLEAN: 5 lost, 1 doubled, 1 wrong\n")
    assert "  user2: nothing committed, 0 process records, 0 alerts" in text
    assert f"  lost: user1 index {QUIET[1]}: no process record" in text
    assert "  lost: user1 indexes 30 to 32: no process record" in text
    assert "  doubled: user1 index 0: 2 times, expected at most 1" in text


@pytest.mark.parametrize("user_id", ["", " user1", "a\nb", "\x1b[2J", "\ud800"])
def test_a_report_never_prints_a_user_id_that_would_spoil_the_page(user_id: str) -> None:
    run = Run(start=StartFacts(max_count=3, source=simulated([user_id])), lengths={user_id: 3})
    assert f"  {user_id!r}: up to index 2" in run.audit(run.output).describe()


def test_a_long_report_is_cut() -> None:
    users = [f"user{number}" for number in range(100)]
    run = Run(start=StartFacts(max_count=3, source=simulated(users)), lengths=dict.fromkeys(users, 2))
    lines = run.audit([*run.output, *run.output]).describe().splitlines()
    assert "  and 80 more" in lines
    assert len(lines) < 60
