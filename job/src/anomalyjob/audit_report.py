"""What an audit says: each damage by name, how much was compared, and both as text for people.

Pure data and wording. It must not decide what is damage: that is the audit's business.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# A wholly damaged run must not fill the memory: beyond this many of one kind, findings are counted but not kept.
KEPT_FINDINGS_PER_KIND = 1000
SHOWN_FINDINGS = 20
SHOWN_USERS = 20


class FindingKind(StrEnum):
    """Each kind of damage, by the name that people read."""

    LOST = "lost"
    DOUBLED = "doubled"
    WRONG_COUNT = "wrong count"
    WRONG_FLAG = "wrong abnormal flag"
    WRONG_ALERT = "wrong alert"
    MISSING_ALERT = "missing alert"
    UNEXPECTED_ALERT = "unexpected alert"
    DOUBLED_ALERT = "doubled alert"
    UNKNOWN_USER = "unknown user"
    UNREADABLE = "unreadable"
    NOTHING_COMPARED = "nothing compared"


_LOSSES = frozenset({FindingKind.LOST, FindingKind.MISSING_ALERT})
_DOUBLES = frozenset({FindingKind.DOUBLED, FindingKind.DOUBLED_ALERT})


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRange:
    """Indexes of one user from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many indexes these are."""
        return self.last - self.first + 1

    def describe(self) -> str:
        """For people: index 17, or indexes 17 to 19."""
        return f"index {self.first}" if self.first == self.last else f"indexes {self.first} to {self.last}"

    def __contains__(self, index: int) -> bool:
        return self.first <= index <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One damage; `user_id` and `indexes` are None where it belongs to no user or no index."""

    kind: FindingKind
    message: str
    user_id: str | None = None
    indexes: IndexRange | None = None

    def describe(self) -> str:
        """One line for people."""
        where = "" if self.user_id is None else f"{shown_user(self.user_id)} "
        what = "" if self.indexes is None else f"{self.indexes.describe()}: "
        return f"{self.kind}: {where}{what}{self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCoverage:
    """How much of one user was compared; `last_index` is None where nothing of the user was committed."""

    user_id: str
    last_index: int | None
    process_records: int
    alerts: int

    def describe(self) -> str:
        """One line for people."""
        far = "nothing committed" if self.last_index is None else f"up to index {self.last_index}"
        return f"{shown_user(self.user_id)}: {far}, {self.process_records} process records, {self.alerts} alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What was compared and what was wrong; `findings` keeps the first ones of each kind, `totals` counts all.

    `totals` counts single records and alerts (a lost range counts each index), and so do `permitted_repeats` (what
    start records allow) and `not_yet_committed` (what waits in part files that are not committed yet).
    """

    incarnation: int
    users: tuple[UserCoverage, ...]
    findings: tuple[Finding, ...]
    totals: Mapping[FindingKind, int]
    permitted_repeats: int = 0
    not_yet_committed: int = 0
    part_files: int | None = None

    @property
    def clean(self) -> bool:
        """Whether something was compared and nothing was wrong."""
        return self.process_records > 0 and not self.findings

    @property
    def process_records(self) -> int:
        """How many process records were compared."""
        return sum(user.process_records for user in self.users)

    @property
    def alerts(self) -> int:
        """How many alerts were compared."""
        return sum(user.alerts for user in self.users)

    @property
    def last_indexes(self) -> dict[str, int]:
        """Per user, the highest index that is committed; users without one are not in it."""
        return {user.user_id: user.last_index for user in self.users if user.last_index is not None}

    @property
    def lost(self) -> int:
        """How many process records and alerts are not there."""
        return sum(self.totals.get(kind, 0) for kind in _LOSSES)

    @property
    def doubled(self) -> int:
        """How many process records and alerts are there once too often."""
        return sum(self.totals.get(kind, 0) for kind in _DOUBLES)

    @property
    def wrong(self) -> int:
        """How many things are wrong in any other way; having compared nothing is one."""
        return sum(self.totals.values()) - self.lost - self.doubled

    def summary_lines(self) -> tuple[str, ...]:
        """The verdict, how much was compared, and per user how far; without the findings."""
        verdict = "clean" if self.clean else "NOT CLEAN"
        files = "" if self.part_files is None else f" in {self.part_files} committed part files"
        figures = f"{self.lost} lost, {self.doubled} doubled, {self.wrong} wrong"
        users = [user.describe() for user in self.users]
        return (
            f"audit of incarnation {self.incarnation}: {verdict}: {figures}",
            f"compared {self.process_records} process records and {self.alerts} alerts of {len(users)} users{files}",
            *_shortened(users, SHOWN_USERS),
            *([f"{self.permitted_repeats} repeats that start records allow"] if self.permitted_repeats else []),
            *([f"{self.not_yet_committed} not yet committed"] if self.not_yet_committed else []),
        )

    def describe(self) -> str:
        """All of it for people, several lines: the summary, then the total of each kind and the first findings."""
        totals = [f"{kind}: {total}" for kind, total in self.totals.items()]
        findings = [finding.describe() for finding in self.findings]
        return "\n".join([*self.summary_lines(), *totals, *_shortened(findings, SHOWN_FINDINGS)])


class FindingCollector:
    """Gathers findings within the bound, and counts them all."""

    def __init__(self) -> None:
        self._kept: dict[FindingKind, list[Finding]] = {}
        self._totals: Counter[FindingKind] = Counter()

    def add(self, finding: Finding) -> None:
        """Takes one finding; one over several indexes counts each of them."""
        self._totals[finding.kind] += 1 if finding.indexes is None else finding.indexes.size
        kept = self._kept.setdefault(finding.kind, [])
        if len(kept) < KEPT_FINDINGS_PER_KIND:
            kept.append(finding)

    def copy(self) -> "FindingCollector":
        """A collector that holds the same and takes more on its own."""
        copied = FindingCollector()
        copied._kept = {kind: [*kept] for kind, kept in self._kept.items()}
        copied._totals = self._totals.copy()
        return copied

    def findings(self) -> tuple[Finding, ...]:
        """The kept ones, kind by kind."""
        return tuple(finding for kind in FindingKind for finding in self._kept.get(kind, ()))

    def totals(self) -> dict[FindingKind, int]:
        """How many of each kind there were, without the kinds that there were none of."""
        return {kind: self._totals[kind] for kind in FindingKind if kind in self._totals}


def shown_user(user_id: str) -> str:
    """The user id as it is if it prints plainly, else quoted with escapes: it may hold any character."""
    return user_id if user_id.isprintable() and user_id.strip() == user_id != "" else repr(user_id)


def _shortened(lines: list[str], limit: int) -> list[str]:
    more = len(lines) - limit
    return [f"  {line}" for line in lines[:limit]] + ([f"  and {more} more"] if more > 0 else [])
