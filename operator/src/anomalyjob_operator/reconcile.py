"""One pass over one job: read the ledger, observe, decide, record, ask, apply, tell. Only here the halves meet.

The order is the point: what was decided stands in the ledger before anything happens, so a crash between two steps is
recognised by the next pass and not repeated. It decides nothing itself, and it knows no back end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from anomalyjob.volume_layout import JobFolder
from anomalyjob_operator.backend import Backend
from anomalyjob_operator.decide import (
    Deployment,
    FlinkRequest,
    Plan,
    decide,
    invalid_from_the_start,
    last_valid_spec,
    status_document,
)
from anomalyjob_operator.desired.workloads import DesiredState, desired_state
from anomalyjob_operator.flink_rest import FlinkRest, FlinkUnavailable
from anomalyjob_operator.ledger import Ledger, ledger_write_due
from anomalyjob_operator.observe import observe
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.pass_report import PassListener, PassReport, nobody_listens
from anomalyjob_operator.spec import API_VERSION, KIND, AnomalyJob, FieldError, Metadata
from anomalyjob_operator.status import QUIET_WRITES, Event, Status, status_write_due

logger = logging.getLogger(__name__)

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
    `quiet_writes` is how often a status is published that differs by nothing but a newer checkpoint. `listener` is told
    of every pass, whether or not something was published; what it raises is logged and changes nothing.
    """

    def __init__(
        self,
        backend: Backend,
        clock: Callable[[], datetime] = utc_now,
        *,
        quiet_writes: timedelta = QUIET_WRITES,
        listener: PassListener = nobody_listens,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._quiet_writes = quiet_writes
        self._listener = listener
        self._recorded: Ledger | None = None
        self._latest: Ledger | None = None
        self._status: Status | None = None
        self._published_at: datetime | None = None
        self._has_looked = False

    async def reconcile(self, job: AnomalyJob, *, generation: int) -> Plan:
        """Make one pass and return what it decided.

        Raises what the back end raises, and TimeoutError when one of its steps hangs. A pass that failed leaves nothing
        that the next one does not repair: whoever calls in a loop reports the error and goes on.
        """
        return await self._pass(job, await _bounded(self._backend.read_ledger()), generation, ())

    async def reconcile_invalid(
        self, errors: Sequence[FieldError], metadata: Metadata, *, generation: int
    ) -> Plan | None:
        """Make one pass over a resource that cannot be read: its last valid spec goes on, and the status says why.

        None when there never was a valid spec: then the status is all there is. Raises like `reconcile`.
        """
        recorded, invalid = await _bounded(self._backend.read_ledger()), tuple(error.line for error in errors)
        spec = last_valid_spec(recorded)
        if spec is None:
            previous, now = await self._previous_status(), self._clock()
            status, events = invalid_from_the_start(invalid, now, generation=generation, previous=previous)
            await self._publish(status, events, now, timedelta())
            return None
        job = AnomalyJob.model_validate({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})
        return await self._pass(job, recorded, generation, invalid)

    async def flush(self) -> None:
        """Write what passes have kept back, the floor above all. To be called before every stop of the cluster."""
        if self._latest is not None and self._latest != self._recorded:
            await self._write(self._latest, self._clock())

    async def _pass(self, job: AnomalyJob, recorded: Ledger, generation: int, invalid: tuple[str, ...]) -> Plan:
        before = self._latest if self._latest is not None and recorded == self._recorded else recorded
        observed = replace(await observe(job, before, self._backend), first_look=not self._has_looked)
        self._has_looked = True
        now, interval = self._clock(), timedelta(seconds=job.spec.checkpointing.interval.seconds)
        plan = decide(job, before, observed, now, invalid=invalid)
        await self._record(plan.ledger, recorded, now, interval)
        try:
            await self._ask(job, plan.requests)
            await _bounded(self._backend.apply(self._desired(job, plan.deployment)), APPLY_TIMEOUT_SECONDS)
        finally:
            await self._tell(plan, job, observed, now, generation)
        return plan

    def _desired(self, job: AnomalyJob, deployment: Deployment) -> DesiredState:
        deployed = job.model_copy(update={"spec": deployment.spec})
        placement = self._backend.placement(deployed)
        return desired_state(deployed, placement, deployment.intent, running=deployment.running)

    async def _ask(self, job: AnomalyJob, requests: tuple[FlinkRequest, ...]) -> None:
        """Ask Flink. What did not arrive is asked again by the next pass, and what did is not done twice."""
        rest_url, metadata = self._backend.rest_url, job.metadata
        if rest_url is None or not requests:
            return
        volume = Path(self._backend.placement(job).volume)
        folder = JobFolder(volume=volume, namespace=metadata.namespace, name=metadata.name).path
        async with FlinkRest(rest_url) as rest:
            for request in requests:
                directory = None if request.folder is None else f"file://{folder / request.folder}"
                try:
                    await rest.ask(request, directory)
                except FlinkUnavailable as error:
                    logger.warning("the %s could not be asked for: %s", request.kind, error)

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
        previous = await self._previous_status()
        status = status_document(job, plan, observed, now, generation=generation, previous=previous)
        interval = timedelta(seconds=job.spec.checkpointing.interval.seconds)
        pause = max(interval, self._quiet_writes) if self._quiet_writes else timedelta()
        try:
            await self._publish(status, plan.events, now, pause)
        finally:
            deployed = job.model_copy(update={"spec": plan.deployment.spec})
            self._report(deployed, observed, status, plan.events, now)

    def _report(
        self, job: AnomalyJob, observed: Observed, status: Status, events: tuple[Event, ...], now: datetime
    ) -> None:
        report = PassReport(
            job=job, observed=observed, status=status, events=events, rest_url=self._backend.rest_url, at=now
        )
        try:
            self._listener(report)
        except Exception:
            logger.exception("a listener of %s/%s failed", job.metadata.namespace, job.metadata.name)

    async def _previous_status(self) -> Status | None:
        if self._status is None:
            self._status = await _bounded(self._backend.read_status())
        return self._status

    async def _publish(self, status: Status, events: tuple[Event, ...], now: datetime, pause: timedelta) -> None:
        since = None if self._published_at is None else now - self._published_at
        try:
            if status_write_due(self._status, status, since, pause):
                await _bounded(self._backend.write_status(status))
                self._status, self._published_at = status, now
        finally:
            if events:
                await _bounded(self._backend.emit(events))


async def _bounded(step: Awaitable[Result], seconds: float = STEP_TIMEOUT_SECONDS) -> Result:
    async with asyncio.timeout(seconds):
        return await step
