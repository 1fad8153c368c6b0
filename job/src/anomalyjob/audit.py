"""The oracle: compares what a run wrote with what it must have written, from the records alone.

Per incarnation and user it demands the indexes 0…k once each, each count folded from the flags before it, alerts as the
rule in force says, and flags as the simulator makes them. What comes after k is not yet committed, never lost; repeats
are right only where a start record names them. It fails when it compared nothing. It must not read files, and it must
not depend on the order of the records: one user's may lie in many part files.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from anomalyjob.audit_report import (
    AuditReport,
    Finding,
    FindingCollector,
    FindingKind,
    IndexRange,
    UserCoverage,
)
from anomalyjob.config import SimulatedSource
from anomalyjob.events import Alert, ProcessRecord, Record
from anomalyjob.index_column import IndexColumn
from anomalyjob.simulator import abnormal

__all__ = ["AuditReport", "Auditor", "Finding", "FindingKind", "IndexRange", "StartFacts", "UserCoverage", "audit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFacts:
    """What the audit needs of one start record of the incarnation.

    `source` is None where the flags cannot be known in advance. `possible_repeats` names, per user, the indexes that
    may stand in the output once more because of this start. `from_path` says that the incarnation began from a
    checkpoint that the user named, so that its first index may be above 0.
    """

    max_count: int
    source: SimulatedSource | None = None
    possible_repeats: Mapping[str, IndexRange] = field(default_factory=dict)
    from_path: bool = False


def audit(
    records: Iterable[Record],
    *,
    incarnation: int,
    starts: Sequence[StartFacts],
    minimum_last_index: Mapping[str, int] | None = None,
) -> AuditReport:
    """Compares the committed records of one incarnation, in any order, with what its starts say.

    `minimum_last_index` is, per user, the index in the last completed checkpoint: everything up to it must be there.
    Events are passed over: they are no part of the output. Raises ValueError for a negative index or count and when
    there is no start, since the rule is not known then.
    """
    auditor = Auditor(incarnation=incarnation, starts=starts, minimum_last_index=minimum_last_index)
    for record in records:
        auditor.add(record)
    return auditor.report()


class Auditor:
    """The same in steps, for output too large to hold as records. Raises ValueError without any start."""

    def __init__(
        self,
        *,
        incarnation: int,
        starts: Sequence[StartFacts],
        minimum_last_index: Mapping[str, int] | None = None,
    ) -> None:
        self._incarnation = incarnation
        self._expectations = _Expectations(starts)
        self._minimum_last_index = dict(minimum_last_index or {})
        self._outputs = {user_id: _UserOutput() for user_id in self._minimum_last_index}
        self._unreadable = FindingCollector()

    def add(self, record: Record) -> None:
        """Takes one committed record."""
        if isinstance(record, ProcessRecord):
            self._output(record.user_id).processed.put(record.index, record.count * 2 + record.abnormal)
        elif isinstance(record, Alert):
            self._output(record.user_id).alerts.put(record.index, record.count)

    def add_uncommitted(self, record: Record) -> None:
        """Takes a record of a part file that awaits its commit: it is not compared, but it is not lost either."""
        output = self._outputs.get(record.user_id)
        if output is None:
            return
        if isinstance(record, ProcessRecord) and output.processed.get(record.index) is None:
            output.awaited.add(record.index)
        elif isinstance(record, Alert) and output.alerts.get(record.index) is None:
            output.awaited_alerts.add(record.index)

    def add_unreadable(self, message: str) -> None:
        """Takes note of what should have been read and could not be; the message says where and why."""
        self._unreadable.add(Finding(kind=FindingKind.UNREADABLE, message=message))

    def report(self) -> AuditReport:
        """Compares all that was taken so far; more may be taken afterwards."""
        findings = self._unreadable.copy()
        comparisons = [self._compare(user_id, findings) for user_id in sorted(self._outputs)]
        if not any(comparison.coverage.process_records for comparison in comparisons):
            findings.add(Finding(kind=FindingKind.NOTHING_COMPARED, message="there is no committed process record"))
        return AuditReport(
            incarnation=self._incarnation,
            users=tuple(comparison.coverage for comparison in comparisons),
            findings=findings.findings(),
            totals=findings.totals(),
            permitted_repeats=sum(comparison.permitted_repeats for comparison in comparisons),
            not_yet_committed=sum(comparison.not_yet_committed for comparison in comparisons),
        )

    def _output(self, user_id: str) -> "_UserOutput":
        output = self._outputs.get(user_id)
        if output is None:
            output = self._outputs[user_id] = _UserOutput()
        return output

    def _compare(self, user_id: str, findings: FindingCollector) -> "_Comparison":
        comparison = _Comparison(user_id, self._outputs[user_id], self._expectations, findings)
        comparison.run(self._minimum_last_index.get(user_id, -1))
        return comparison


class _UserOutput:
    """What one user's committed output holds; a value of `processed` is 2 x count + flag, one of `alerts` the count."""

    def __init__(self) -> None:
        self.processed = IndexColumn()
        self.alerts = IndexColumn()
        self.awaited: set[int] = set()
        self.awaited_alerts: set[int] = set()


class _Expectations:
    """What the starts of the incarnation promise; where they disagree, either may hold."""

    def __init__(self, starts: Sequence[StartFacts]) -> None:
        if not starts:
            raise ValueError("an audit needs at least one start record: without it the rule is not known")
        sources = [start.source for start in starts if start.source is not None]
        self._starts = tuple(starts)
        self._seeds_and_ratios = {(source.seed, source.abnormal_ratio) for source in sources}
        self._users = frozenset(user for source in sources for user in source.users)
        self._all_simulated = len(sources) == len(starts)
        self._lowest_max_count = min(start.max_count for start in starts)
        self._highest_max_count = max(start.max_count for start in starts)
        self.from_path = any(start.from_path for start in starts)

    def knows(self, user_id: str) -> bool:
        return not self._all_simulated or user_id in self._users

    def flag(self, user_id: str, index: int, recorded: bool) -> bool:
        """The right flag; the recorded one where the sources disagree or are not known."""
        if not self._all_simulated:
            return recorded
        flags = {abnormal(seed, user_id, index, ratio) for seed, ratio in self._seeds_and_ratios}
        return recorded if recorded in flags else not recorded

    def alert_due(self, count: int) -> bool:
        return count >= self._highest_max_count

    def alert_right(self, count: int) -> bool:
        return count >= self._lowest_max_count

    def permitted_repeats(self, user_id: str, index: int) -> int:
        """How often the index may come again: each start that names it went back behind it once."""
        ranges = (start.possible_repeats.get(user_id) for start in self._starts)
        return sum(1 for named in ranges if named is not None and index in named)


class _Comparison:
    """The walk along one user's indexes."""

    def __init__(
        self, user_id: str, output: _UserOutput, expectations: _Expectations, findings: FindingCollector
    ) -> None:
        self._user_id = user_id
        self._output = output
        self._expectations = expectations
        self._findings = findings
        self._awaited = sorted(output.awaited)
        self._alerts_compared = 0
        self.permitted_repeats = 0
        self.not_yet_committed = 0

    @property
    def coverage(self) -> UserCoverage:
        processed = self._output.processed
        return UserCoverage(
            user_id=self._user_id,
            last_index=processed.last if processed.present else None,
            process_records=processed.present,
            alerts=self._alerts_compared,
        )

    def run(self, minimum_last_index: int) -> None:
        if not self._expectations.knows(self._user_id):
            self._find(FindingKind.UNKNOWN_USER, None, "no start of this incarnation simulates this user")
        # The highest index that anything speaks of: what is missing up to it was there once, what follows is the tail.
        last = max(minimum_last_index, self._output.processed.last, self._output.alerts.last)
        self._walk(last)
        self._compare_repeats(self._output.processed, FindingKind.DOUBLED)
        self._compare_repeats(self._output.alerts, FindingKind.DOUBLED_ALERT)
        self._compare_differing()

    def _walk(self, last: int) -> None:
        # None: the count before this index is not known.
        count: int | None = 0
        next_index = 0
        if self._expectations.from_path:
            count = None
            next_index = next((index for index, _ in self._output.processed.items()), last)
        for index, value in self._output.processed.items():
            if index > next_index:
                self._compare_gap(next_index, index - 1)
                count = None
            count = self._compare_record(index, count, value // 2, bool(value % 2))
            next_index = index + 1
        self._compare_gap(next_index, last)

    def _compare_record(self, index: int, count_before: int | None, recorded_count: int, recorded_flag: bool) -> int:
        """The right count after this index: a wrong one does not make the following ones right."""
        flag = self._expectations.flag(self._user_id, index, recorded_flag)
        if flag != recorded_flag:
            self._find(FindingKind.WRONG_FLAG, index, f"abnormal is {recorded_flag}, expected {flag}")
        if not flag:
            count = 0
        elif count_before is not None:
            count = count_before + 1
        else:
            count = min(max(recorded_count, 1), index + 1)
        if count != recorded_count:
            self._find(FindingKind.WRONG_COUNT, index, f"the count is {recorded_count}, expected {count}")
        self._compare_alert(index, count)
        return count

    def _compare_alert(self, index: int, count: int) -> None:
        alerted = self._output.alerts.get(index)
        if alerted is not None:
            self._alerts_compared += 1
            self._compare_present_alert(index, count, alerted)
        elif index in self._output.awaited_alerts:
            self.not_yet_committed += 1
        elif self._expectations.alert_due(count):
            self._find(FindingKind.MISSING_ALERT, index, f"no alert, though the count is {count}")

    def _compare_present_alert(self, index: int, count: int, alerted: int) -> None:
        if not self._expectations.alert_right(count):
            self._find(FindingKind.UNEXPECTED_ALERT, index, f"an alert, though the count is only {count}")
        elif alerted != count:
            self._find(FindingKind.WRONG_ALERT, index, f"the alert says {alerted} times, expected {count}")

    def _compare_gap(self, first: int, last: int) -> None:
        awaited = self._awaited[bisect_left(self._awaited, first) : bisect_right(self._awaited, last)]
        self.not_yet_committed += len(awaited)
        for until in [*awaited, last + 1]:
            if first < until:
                self._lost(IndexRange(first=first, last=until - 1))
            first = until + 1

    def _lost(self, indexes: IndexRange) -> None:
        message = "no process record"
        self._findings.add(Finding(kind=FindingKind.LOST, user_id=self._user_id, indexes=indexes, message=message))

    def _compare_repeats(self, column: IndexColumn, kind: FindingKind) -> None:
        for index, times in column.repeats():
            permitted = self._expectations.permitted_repeats(self._user_id, index)
            self.permitted_repeats += min(times, permitted)
            if times > permitted:
                self._find(kind, index, f"{times + 1} times, expected at most {permitted + 1}")

    def _compare_differing(self) -> None:
        for index, value in self._output.processed.differing():
            first = self._output.processed.get(index) or 0
            if value % 2 != first % 2:
                self._find(FindingKind.WRONG_FLAG, index, "a repeat has another flag than the first record")
            if value // 2 != first // 2:
                self._find(FindingKind.WRONG_COUNT, index, f"the count is {first // 2}, in a repeat {value // 2}")
        for index, value in self._output.alerts.differing():
            first = self._output.alerts.get(index) or 0
            self._find(FindingKind.WRONG_ALERT, index, f"the alert says {first} times, in a repeat {value}")

    def _find(self, kind: FindingKind, index: int | None, message: str) -> None:
        indexes = None if index is None else IndexRange(first=index, last=index)
        self._findings.add(Finding(kind=kind, user_id=self._user_id, indexes=indexes, message=message))
