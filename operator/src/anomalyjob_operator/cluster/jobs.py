"""What is done for one key: read the resource fresh, and make one pass over the job that it describes.

It keeps a back end and a reconciler for each living resource; both may be lost at any time. It must not decide anything
about a job.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from anomalyjob_operator.cluster.api import REFUSALS, ApiError, KubernetesApi
from anomalyjob_operator.cluster.backend import ClusterBackend, DamagedLedgerError, rest_address
from anomalyjob_operator.cluster.kinds import ANOMALY_JOB, Manifest
from anomalyjob_operator.cluster.render import RenderSettings
from anomalyjob_operator.pass_report import EventFate, Key, PassListener, nobody_listens
from anomalyjob_operator.reconcile import Reconciler, utc_now
from anomalyjob_operator.spec import AnomalyJob, InvalidResource, Metadata, parse
from anomalyjob_operator.status import Event, deleting, ledger_damaged

logger = logging.getLogger(__name__)

FLUSH_TIMEOUT_SECONDS: Final = 5.0
NAMESPACE_GOES: Final = "because it is being terminated"
"""In the sentence with which an API server refuses (403) whatever is new in a namespace that is being deleted."""
_INVALID_AGAIN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What is kept of one resource; another uid is another job, even under the same name."""

    uid: str
    backend: ClusterBackend
    reconciler: Reconciler


def nobody_misses(key: Key) -> None:
    """Be told of a resource that is gone, when nobody else is."""
    del key


class Jobs:
    """All resources that are looked at. `listener` is told of every pass, `gone` of every resource that is no more."""

    def __init__(
        self,
        api: KubernetesApi,
        settings: RenderSettings,
        clock: Callable[[], datetime] = utc_now,
        *,
        rest_address: Callable[[str], str] = rest_address,
        listener: PassListener = nobody_listens,
        gone: Callable[[Key], None] = nobody_misses,
    ) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._rest_address = rest_address
        self._listener = listener
        self._gone = gone
        self._jobs: dict[Key, _Job] = {}

    async def look(self, key: Key) -> float | None:
        """Make one pass; return after how many seconds to look again, None when the resource is gone or going."""
        resource = await self._api.get(ANOMALY_JOB, *key)
        if resource is None or "deletionTimestamp" in resource["metadata"]:
            # Its objects are collected by the API server, because they name it as their owner.
            self._jobs.pop(key, None)
            self._gone(key)
            if resource is not None:
                await self._tell_that_it_goes(resource)
            return None
        try:
            return await self._pass(self._job(key, resource), resource)
        except DamagedLedgerError as error:
            # Whoever looks next has to read the status anew: it is not what the reconciler published last.
            self._jobs.pop(key, None)
            await self._tell_of_damage(resource, error)
            raise

    def look_closely(self, key: Key) -> None:
        """Compare every object of the job at its next pass."""
        if key in self._jobs:
            self._jobs[key].backend.look_closely()

    async def emit(self, key: Key, event: Event) -> EventFate:
        """Tell an event of a job, unless the job is gone: an EmitEvent."""
        if key not in self._jobs:
            return "gone"
        try:
            await self._jobs[key].backend.emit((event,))
        except ApiError as error:
            if error.status == 404 or NAMESPACE_GOES in str(error):
                return "gone"
            if error.status not in REFUSALS:
                raise
            # It would be refused again, and others wait behind it.
            logger.warning("%s/%s: an event is not told: %s", *key, error)
            return "refused"
        return "told"

    async def flush(self) -> None:
        """Write what passes have kept back. What cannot be written in time is only older."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_TIMEOUT_SECONDS):
                results = await asyncio.gather(
                    *(job.reconciler.flush() for job in self._jobs.values()), return_exceptions=True
                )
                for error in results:
                    if isinstance(error, Exception):
                        logger.warning("a ledger could not be brought up to date: %s", error)

    def _job(self, key: Key, resource: Manifest) -> _Job:
        uid = str(resource["metadata"]["uid"])
        known = self._jobs.get(key)
        if known is None or known.uid != uid:
            if known is not None:
                self._gone(key)
            backend = self._backend(resource)
            reconciler = Reconciler(backend, self._clock, listener=self._listener)
            known = _Job(uid=uid, backend=backend, reconciler=reconciler)
            self._jobs[key] = known
        known.backend.see(resource)
        return known

    def _backend(self, resource: Manifest) -> ClusterBackend:
        return ClusterBackend(self._api, resource, self._settings, self._clock, rest_address=self._rest_address)

    async def _tell_that_it_goes(self, resource: Manifest) -> None:
        """Let the status say so, once; somebody else's finalizer may hold the resource for long."""
        backend = self._backend(resource)
        status = await backend.read_status()
        if status is None or status.phase != "Deleting":
            await backend.write_status(deleting(status, _generation(resource), self._clock()))

    async def _tell_of_damage(self, resource: Manifest, error: DamagedLedgerError) -> None:
        """Let the status say, once, why nothing is done for the job."""
        backend = self._backend(resource)
        before = await backend.read_status()
        status = ledger_damaged(before, str(error), _generation(resource), self._clock())
        if status != before:
            await backend.write_status(status)

    def _with_image(self, job: AnomalyJob) -> AnomalyJob:
        """Write the default image into the spec: an operator with a newer one changes the job as any edit does."""
        if job.spec.image is not None:
            return job
        return job.model_copy(update={"spec": job.spec.model_copy(update={"image": self._settings.job_image})})

    async def _pass(self, job: _Job, resource: Manifest) -> float:
        generation = _generation(resource)
        try:
            parsed = parse(resource)
        except InvalidResource as error:
            return await _pass_over_invalid(job, error, resource, generation)
        plan = await job.reconciler.reconcile(self._with_image(parsed), generation=generation)
        return plan.requeue_after_seconds


def _generation(resource: Manifest) -> int:
    return int(resource["metadata"].get("generation", 1))


async def _pass_over_invalid(job: _Job, error: InvalidResource, resource: Manifest, generation: int) -> float:
    """Let the last valid spec go on. It takes a definition older than the operator to get here."""
    metadata = Metadata.model_validate(resource["metadata"])
    plan = await job.reconciler.reconcile_invalid(error.errors, metadata, generation=generation)
    return _INVALID_AGAIN_SECONDS if plan is None else plan.requeue_after_seconds
