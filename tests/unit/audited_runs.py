"""What an undisturbed run commits, for tests of the audit: runs of all kinds, and one example to damage."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from anomalyjob.audit import AuditReport, FindingKind, StartFacts, audit
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
