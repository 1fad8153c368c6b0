"""What a back end must be able to do; reconcile talks to nothing else.

A back end carries out and reports. It must not decide: no choice of checkpoints, no restart of a failed job.
"""

from typing import Protocol

from anomalyjob_operator.desired.placement import Placement
from anomalyjob_operator.desired.workloads import DesiredState
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import Refusal, StartObservation, WorkloadObservation
from anomalyjob_operator.spec import AnomalyJob
from anomalyjob_operator.status import Event, Status


class Backend(Protocol):
    """One job's cluster. Every method is bounded in time and idempotent."""

    @property
    def rest_url(self) -> str | None:
        """Where the living JobManager's REST endpoint answers, e.g. http://127.0.0.1:8081.

        As the last `observe_workloads()` found it; None when no JobManager lives.
        """

    def placement(self, job: AnomalyJob) -> Placement:
        """Where the processes of this job are placed; the same for the same job, or processes would be replaced."""

    async def read_ledger(self) -> Ledger:
        """The recorded ledger; the initial one when none was ever written."""

    async def write_ledger(self, ledger: Ledger) -> None:
        """Records the ledger durably before anything that it announces happens."""

    async def observe_workloads(self) -> tuple[WorkloadObservation, ...]:
        """Every workload that is there, JobManager and TaskManagers: with a process, or one to come.

        A stopped workload is listed until its last process has ended, also one that is only ending; then no more.
        """

    async def observe_start(self) -> StartObservation | None:
        """The newest start record, if it can be seen."""

    async def volume_free_ratio(self) -> float | None:
        """Free part of the volume, 0 to 1, if it can be seen."""

    @property
    def refused_object(self) -> Refusal | None:
        """What the cluster would not accept at the last `apply`, or will not carry out; None when there is nothing."""

    async def apply(self, desired: DesiredState) -> None:
        """Makes the workloads be as desired: starts what is missing, replaces what differs, removes what is extra.

        What is not `running` is stopped: every process ended, nothing started again.
        """

    async def read_status(self) -> Status | None:
        """The status document as published last; None when there is none or it cannot be read."""

    async def write_status(self, status: Status) -> None:
        """Publishes the status document."""

    async def emit(self, events: tuple[Event, ...]) -> None:
        """Tells the user what happened."""
