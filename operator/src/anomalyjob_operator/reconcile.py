"""One pass over one job: read the ledger, observe, decide, record, apply, tell. The only place where the halves meet.

The order is the point: what was decided stands in the ledger before anything happens, so a crash between two steps is
recognised by the next pass and not repeated. It decides nothing itself, and it knows no back end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from anomalyjob_operator.backend import Backend
from anomalyjob_operator.decide import Deployment, Plan, decide, status_document
from anomalyjob_operator.desired.workloads import DesiredState, desired_state
from anomalyjob_operator.ledger import Ledger, ledger_write_due
from anomalyjob_operator.observe import observe
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.spec import AnomalyJob
from anomalyjob_operator.status import Event, Status

STEP_TIMEOUT_SECONDS: Final = 20.0
APPLY_TIMEOUT_SECONDS: Final = 90.0
"""Replacing a process takes its whole grace when it does not end by itself."""

Result = TypeVar("Result")


def utc_now() -> datetime:
    """The clock that is used unless a test brings its own."""
    return datetime.now(UTC)


class Reconciler:
    """Reconciles one job through one back end. Passes must not overlap.

    Between two passes it keeps only what may be lost: counters that are not yet due to be written, and the last status.
    """

    def __init__(self, backend: Backend, clock: Callable[[], datetime] = utc_now) -> None:
        self._backend = backend
        self._clock = clock
        self._recorded: Ledger | None = None
        self._latest: Ledger | None = None
        self._status: Status | None = None

    async def reconcile(self, job: AnomalyJob, *, generation: int) -> Plan:
        """Make one pass and return what it decided.

        Raises what the back end raises, and TimeoutError when one of its steps hangs. A pass that failed leaves nothing
        that the next one does not repair: whoever calls in a loop reports the error and goes on.
        """
        recorded = await _bounded(self._backend.read_ledger())
        before = self._latest if self._latest is not None and recorded == self._recorded else recorded
        observed = await observe(job, recorded, self._backend)
        now = self._clock()
        plan = decide(job, before, observed, now)
        await self._record(plan.ledger, recorded, now, timedelta(seconds=job.spec.checkpointing.interval.seconds))
        try:
            await _bounded(self._backend.apply(self._desired(job, plan.deployment)), APPLY_TIMEOUT_SECONDS)
        finally:
            await self._tell(plan, job, observed, now, generation)
        return plan

    async def flush(self) -> None:
        """Write what passes have kept back, the floor above all. To be called before every stop of the cluster."""
        if self._latest is not None and self._latest != self._recorded:
            await self._write(self._latest, self._clock())

    def _desired(self, job: AnomalyJob, deployment: Deployment) -> DesiredState:
        deployed = job.model_copy(update={"spec": deployment.spec})
        placement = self._backend.placement(deployed)
        return desired_state(deployed, placement, deployment.intent, running=deployment.running)

    async def _record(self, ledger: Ledger, recorded: Ledger, now: datetime, interval: timedelta) -> None:
        if ledger_write_due(recorded, ledger, now, interval):
            await self._write(ledger, now)
            return
        self._recorded, self._latest = recorded, ledger

    async def _write(self, ledger: Ledger, now: datetime) -> None:
        ledger = ledger.evolve(recorded_at=now)
        await _bounded(self._backend.write_ledger(ledger))
        self._recorded = self._latest = ledger

    async def _tell(self, plan: Plan, job: AnomalyJob, observed: Observed, now: datetime, generation: int) -> None:
        if self._status is None:
            self._status = await _bounded(self._backend.read_status())
        status = status_document(job, plan, observed, now, generation=generation, previous=self._status)
        try:
            if status != self._status:
                await _bounded(self._backend.write_status(status))
                self._status = status
        finally:
            await self._emit(plan.events)

    async def _emit(self, events: tuple[Event, ...]) -> None:
        if events:
            await _bounded(self._backend.emit(events))


async def _bounded(step: Awaitable[Result], seconds: float = STEP_TIMEOUT_SECONDS) -> Result:
    async with asyncio.timeout(seconds):
        return await step
