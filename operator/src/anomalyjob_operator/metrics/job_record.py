"""What is counted and shown of one job, kept up to date from pass to pass.

Pure. A recovery may be told by any number of passes and counts once; a count never goes back, whatever is read later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Self, get_args

from anomalyjob_operator.decide.situation import checkpoint_deadline
from anomalyjob_operator.ledger import Cause
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.status import Phase, RecoveryStatus, Status

Until = Literal["running", "safe"]

CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)
UNTIL: Final[tuple[Until, ...]] = get_args(Until)
NO_CHECKPOINT_DUE: Final[frozenset[Phase]] = frozenset({"Pending", "Deploying", "Upgrading", "Suspended"})
"""The phases in which nobody expects a checkpoint: the job is not up yet, or is not meant to be."""
JUST_NOW: Final = timedelta(minutes=1)
"""A pass takes at most some seconds from what it saw to what it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rising:
    """A count of the status document. It goes on from where it was when the document begins anew with a lower one."""

    seen: int
    total: int

    @classmethod
    def first(cls, seen: int) -> Self:
        """Take over what was counted before, so that an operator's restart is not a fall."""
        return cls(seen=seen, total=seen)

    def then(self, seen: int) -> "Rising":
        """Return the count after the document says `seen`."""
        return Rising(seen=seen, total=self.total + max(0, seen - self.seen))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """One figure of one recovery: how long it took from its detection."""

    cause: Cause
    until: Until
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job after its last pass.

    `up_since` is when it came up last, None when that is not known; no recovery, however long, moves it.
    `recoveries` counts those that this process has seen come to an end, by cause. The status document holds their sum
    only: which of them had which cause is lost with the process, as Prometheus expects of any counter.
    """

    status: Status
    up_since: datetime | None
    checkpoint_age_limit_seconds: float
    volume_free_ratio: float | None
    completed: Rising
    failed: Rising
    restarts: Rising
    recoveries: Mapping[Cause, int]

    @property
    def ready(self) -> bool:
        """Whether the condition Ready is True; Unknown is not."""
        return any(condition.type == "Ready" and condition.status == "True" for condition in self.status.conditions)

    @property
    def checkpoint_completed_seconds(self) -> float | None:
        """When the newest completed checkpoint completed, in seconds since the epoch."""
        newest = self.status.last_checkpoint
        return None if newest is None else newest.completed_at.timestamp()

    def checkpoint_age_seconds(self, now: datetime) -> float | None:
        """Return for how long there was no newer checkpoint although one was due, None while none is due.

        That is the age of the newest, but never more than the time since the job came up.
        """
        newest = self.status.last_checkpoint
        known = (self.up_since, None if newest is None else newest.completed_at)
        since = max((moment for moment in known if moment is not None), default=None)
        if since is None or self.status.phase in NO_CHECKPOINT_DUE:
            return None
        return max(0.0, (now - since).total_seconds())


def record_of(known: JobRecord | None, report: PassReport) -> JobRecord:
    """Return the record after this pass; `known` is that of the pass before, None for the first of this process."""
    status, checkpoints = report.status, report.status.checkpoints
    return JobRecord(
        status=status,
        up_since=_up_since(known, report),
        checkpoint_age_limit_seconds=_age_limit_seconds(known, report),
        volume_free_ratio=report.observed.volume_free_ratio,
        completed=_counted(None if known is None else known.completed, checkpoints.completed),
        failed=_counted(None if known is None else known.failed, checkpoints.failed),
        restarts=_counted(None if known is None else known.restarts, status.restarts),
        recoveries=_recoveries(known, report),
    )


def recovered(known: JobRecord | None, report: PassReport) -> Iterator[Recovered]:
    """Yield the figures of recoveries that this pass is the first to tell.

    What the first pass of a process finds finished was told by another process, unless it finished in that very pass.
    """
    now = report.status.last_recovery
    if now is None or (known is None and not _recovers_now(report)):
        return
    before = None if known is None else known.status.last_recovery
    for until in UNTIL:
        seconds = _figure(now, until)
        if seconds is not None and not _told(before, now, until):
            yield Recovered(cause=now.cause, until=until, seconds=seconds)


def _counted(known: Rising | None, seen: int) -> Rising:
    return Rising.first(seen) if known is None else known.then(seen)


def _up_since(known: JobRecord | None, report: PassReport) -> datetime | None:
    if known is not None and known.status.phase in NO_CHECKPOINT_DUE:
        return report.at
    known_since = None if known is None else known.up_since
    return known_since or _came_up(report.status)


def _came_up(status: Status) -> datetime | None:
    """Return when the job came up, although this process did not see it: when Flink started it, if not to recover."""
    started_at, newest, recovery = status.job.started_at, status.last_checkpoint, status.last_recovery
    if started_at is None or newest is None:
        return started_at
    recovered_since = recovery is not None and recovery.detected_at >= newest.completed_at
    return None if recovered_since or started_at < newest.completed_at else started_at


def _age_limit_seconds(known: JobRecord | None, report: PassReport) -> float:
    """Return the operator's own limit. While REST is silent it is what it was: durations of checkpoints count in it."""
    flink = report.observed.flink
    if flink is None and known is not None:
        return known.checkpoint_age_limit_seconds
    durations = () if flink is None else flink.checkpoints.recent_durations_milliseconds
    return checkpoint_deadline(report.job.spec, durations).total_seconds()


def _recoveries(known: JobRecord | None, report: PassReport) -> Mapping[Cause, int]:
    counts: Mapping[Cause, int] = dict.fromkeys(CAUSES, 0) if known is None else known.recoveries
    recovery = report.status.last_recovery
    more = int(_recovers_now(report)) if known is None else report.status.recoveries - known.status.recoveries
    if recovery is None or more <= 0:
        return counts
    return {**counts, recovery.cause: counts[recovery.cause] + more}


def _recovers_now(report: PassReport) -> bool:
    """Tell whether the last recovery came to run in this very pass: one that was not needed ends by the same event."""
    recovery = report.status.last_recovery
    if recovery is None or recovery.running_at is None or report.at - recovery.running_at > JUST_NOW:
        return False
    return any(event.reason == "Recovered" for event in report.events)


def _figure(recovery: RecoveryStatus, until: Until) -> float | None:
    return recovery.seconds_to_running if until == "running" else recovery.seconds_to_safe


def _told(before: RecoveryStatus | None, now: RecoveryStatus, until: Until) -> bool:
    """Whether the figure was told before: the moment of its detection names a recovery.

    One that is older than the one before it is shown again, because that one was not needed.
    """
    if before is None:
        return False
    if before.detected_at > now.detected_at:
        return True
    return before.detected_at == now.detected_at and _figure(before, until) is not None
