"""Everything that is known of a job at one moment: what documents are made of. Pure records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from anomalyjob_operator.live.checkpoint_answers import Entry
from anomalyjob_operator.live.flink_view import NOTHING_SEEN, FlinkView
from anomalyjob_operator.observed import FlinkObservation
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.status import Phase, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What must be remembered from pass to pass because no single one tells it.

    `phase_since`: when the phase became what it is. `all_running_since`: the newest moment known at which the last of
    all tasks had come to run. `job_started_at`: the newest start of the job that was seen; it outlives the JobManager.
    """

    phase: Phase
    phase_since: datetime | None
    all_running_since: datetime | None = None
    job_started_at: datetime | None = None

    @classmethod
    def first(cls, report: PassReport) -> Self:
        """Return what the first report tells."""
        return cls(phase=report.status.phase, phase_since=_phase_since(report.status)).after(report)

    def after(self, report: PassReport) -> Self:
        """Return what is remembered after another pass."""
        status, flink = report.status, report.observed.flink
        return replace(
            self,
            phase=status.phase,
            phase_since=self.phase_since if status.phase == self.phase else report.at,
            all_running_since=_newer(self.all_running_since, _all_running_since(flink)),
            job_started_at=status.job.started_at or self.job_started_at,
        )

    def after_look(self, view: FlinkView) -> Self:
        """Return what is remembered after what the poller has seen."""
        if view.job is None or not view.answering:
            return self
        return replace(
            self,
            all_running_since=_newer(self.all_running_since, view.job.all_running_since),
            job_started_at=view.job.started_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All of it. `users` are those of each subtask of `process`; `restored` is the last restore of this start."""

    report: PassReport
    moments: Moments
    flink: FlinkView = NOTHING_SEEN
    last_checkpoint: Entry | None = None
    restored: Entry | None = None
    users: Mapping[int, Sequence[str]] = field(default_factory=dict)


def is_ready(status: Status) -> bool | None:
    """Return what the condition Ready says, None while it says neither yes nor no."""
    condition = next((condition for condition in status.conditions if condition.type == "Ready"), None)
    return {"True": True, "False": False}.get(condition.status) if condition is not None else None


def _phase_since(status: Status) -> datetime | None:
    """Return since when the phase holds, where the status itself tells it: whoever looks has only begun to."""
    flips = {condition.type: condition.last_transition_time for condition in status.conditions}
    recovery, operation = status.last_recovery, status.operation
    told: dict[Phase, datetime | None] = {
        "Running": flips.get("Ready") if is_ready(status) else None,
        "Recovering": None if recovery is None else recovery.detected_at,
        "Upgrading": None if operation is None else operation.started_at,
    }
    return told.get(status.phase)


def _all_running_since(flink: FlinkObservation | None) -> datetime | None:
    if flink is None or flink.job_state != "RUNNING" or not 0 < flink.tasks_running == flink.tasks_total:
        return None
    return flink.tasks_changed_at


def _newer(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((time for time in (one, other) if time is not None), default=None)
