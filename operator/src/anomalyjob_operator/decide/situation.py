"""What was seen, read in the light of the ledger: the one input of all checks.

Pure. It drops what must not be believed: answers about another job, and answers of a JobManager that is older than one
that was already seen.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from anomalyjob.volume_layout import job_id
from anomalyjob_operator.decide.changes import spec_of
from anomalyjob_operator.document import cut_time
from anomalyjob_operator.ledger import CurrentStart, Ledger
from anomalyjob_operator.observed import FlinkObservation, Observed, Refusal, WorkloadObservation
from anomalyjob_operator.spec import AnomalyJob, Spec

FAILED_STATES: Final = frozenset({"FAILED", "CANCELED"})
"""The job has ended and nobody asked for it: the operator starts it again."""

ENDED_STATES: Final = FAILED_STATES | {"FINISHED"}
"""No job ever leaves these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One moment of one job. `flink` is None when REST told nothing that can be believed.

    `job` carries the spec that is deployed, `wanted` is the resource's. `invalid` says what is wrong with the resource
    when that cannot be read; `wanted` is then the last one that could.
    """

    job: AnomalyJob
    wanted: Spec
    invalid: tuple[str, ...]
    observed: Observed
    flink: FlinkObservation | None
    now: datetime

    @property
    def spec(self) -> Spec:
        """What is deployed."""
        return self.job.spec

    @property
    def job_state(self) -> str | None:
        """Flink's word for the job's state, None when not seen."""
        return None if self.flink is None else self.flink.job_state

    @property
    def all_running(self) -> bool:
        """Whether Flink says that every task runs."""
        flink = self.flink
        if flink is None or flink.job_state != "RUNNING" or flink.job_started_at is None:
            return False
        return 0 < flink.tasks_total == flink.tasks_running and flink.tasks_changed_at is not None

    @property
    def job_failed(self) -> bool:
        """Whether the job has ended without being asked to."""
        return self.job_state in FAILED_STATES

    @property
    def job_finished(self) -> bool:
        """Whether the job has come to an end of its own: it is stopped deliberately in no other way here."""
        return self.job_state == "FINISHED"

    @property
    def workloads(self) -> tuple[WorkloadObservation, ...]:
        """Every workload that exists, the JobManager first."""
        first = () if self.observed.jobmanager is None else (self.observed.jobmanager,)
        return (*first, *self.observed.taskmanagers)

    @property
    def refusal(self) -> Refusal | None:
        """Why a launcher would not start Flink, unless the job runs all the same."""
        if self.all_running:
            return None
        return next((workload.refusal for workload in self.workloads if workload.refusal is not None), None)

    @property
    def taskmanagers_ready(self) -> int:
        """How many TaskManagers live and, where REST tells, are registered."""
        alive = sum(taskmanager.alive for taskmanager in self.observed.taskmanagers)
        return alive if self.flink is None else min(alive, self.flink.taskmanagers)


def situation_of(
    job: AnomalyJob, ledger: Ledger, observed: Observed, now: datetime, *, invalid: tuple[str, ...] = ()
) -> Situation:
    """Return the situation; `now` has a zone. Times are cut as the ledger cuts them, so that they can be compared."""
    jobmanager = None if observed.jobmanager is None else _cut(observed.jobmanager)
    observed = replace(observed, jobmanager=jobmanager, taskmanagers=tuple(map(_cut, observed.taskmanagers)))
    deployed = spec_of(ledger.deployed) or job.spec
    return Situation(
        job=job.model_copy(update={"spec": deployed}),
        wanted=job.spec,
        invalid=invalid,
        observed=observed,
        flink=_believable(job, ledger, observed),
        now=cut_time(now),
    )


def checkpoint_deadline(spec: Spec, recent_durations_milliseconds: tuple[int, ...] = ()) -> timedelta:
    """Return how old the newest checkpoint may be: factor x max(interval, median duration), or interval + timeout."""
    checkpointing = spec.checkpointing
    typical = median(recent_durations_milliseconds) if recent_durations_milliseconds else 0
    longest = spec.recovery.checkpoint_timeout_factor * max(checkpointing.interval.milliseconds, typical)
    least = checkpointing.interval.milliseconds + checkpointing.timeout.milliseconds
    return timedelta(milliseconds=max(longest, least))


def _believable(job: AnomalyJob, ledger: Ledger, observed: Observed) -> FlinkObservation | None:
    flink, jobmanager = observed.flink, observed.jobmanager
    if jobmanager is None or not jobmanager.alive:
        # Whoever answers there is not ours.
        return None
    if flink is None or flink.job_id is None:
        return flink
    if flink.job_id != job_id(job.metadata.namespace, job.metadata.name, ledger.incarnation):
        return replace(flink, job_id=None, job_state=None, job_started_at=None, tasks_running=0, tasks_total=0)
    return None if _is_outdated(flink, ledger.current, jobmanager.alive_since) else flink


def _is_outdated(flink: FlinkObservation, known: CurrentStart | None, alive_since: datetime | None) -> bool:
    """Whether the answer is from before what was already seen: of an older start, or of a job before it ended.

    A job that began after the living JobManager did is believed whatever the ledger says: clocks are put back at times.
    """
    if known is None or flink.job_started_at is None:
        return False
    if flink.job_started_at == known.started_at and known.job_state in ENDED_STATES:
        return flink.job_state not in ENDED_STATES
    older = flink.job_started_at < known.started_at
    return older and (alive_since is None or flink.job_started_at < alive_since)


def _cut(workload: WorkloadObservation) -> WorkloadObservation:
    return replace(workload, alive_since=_cut_any(workload.alive_since), died_at=_cut_any(workload.died_at))


def _cut_any(time: datetime | None) -> datetime | None:
    return None if time is None else cut_time(time)
