"""The one poller: everything that is seen of a job in one pass, asked for at the same time, each within a bound.

What cannot be seen in time is None. It must not guess, remember or decide.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Final

from anomalyjob.volume_layout import job_id
from anomalyjob_operator.backend import Backend
from anomalyjob_operator.decide import FlinkRequest, requests_on_record
from anomalyjob_operator.flink_rest import FlinkRest, FlinkUnavailable
from anomalyjob_operator.joined_tasks import all_of
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import FlinkObservation, Observed, WorkloadObservation
from anomalyjob_operator.spec import AnomalyJob

logger = logging.getLogger(__name__)

BACKEND_TIMEOUT_SECONDS: Final = 10.0


async def observe(job: AnomalyJob, ledger: Ledger, backend: Backend) -> Observed:
    """Return what is seen now. Raises what the back end raises, and TimeoutError when that takes longer than 10 s."""
    metadata = job.metadata
    wanted = job_id(metadata.namespace, metadata.name, ledger.incarnation)
    async with asyncio.timeout(BACKEND_TIMEOUT_SECONDS):
        start = asyncio.create_task(backend.observe_start())
        free = asyncio.create_task(backend.volume_free_ratio())
        flink = asyncio.create_task(_workloads_and_flink(job, ledger, backend, wanted, free))
        await all_of((start, free, flink))
    workloads, seen = flink.result()
    return Observed(
        jobmanager=next((workload for workload in workloads if workload.role == "jobmanager"), None),
        taskmanagers=tuple(workload for workload in workloads if workload.role == "taskmanager"),
        flink=seen,
        start=start.result() or (seen.start if seen else None),
        volume_free_ratio=seen.volume_free_ratio if seen and free.result() is None else free.result(),
        refused_object=backend.refused_object,
    )


async def _workloads_and_flink(
    job: AnomalyJob, ledger: Ledger, backend: Backend, wanted: str, free_ratio: Awaitable[float | None]
) -> tuple[tuple[WorkloadObservation, ...], FlinkObservation | None]:
    """Look at the workloads first: the back end knows only then where the living JobManager answers."""
    workloads = await backend.observe_workloads()
    return workloads, await _flink(backend.rest_url, wanted, requests_on_record(job, ledger), free_ratio)


async def _flink(
    rest_url: str | None, wanted_job_id: str, asked: Sequence[FlinkRequest], free_ratio: Awaitable[float | None]
) -> FlinkObservation | None:
    """Ask Flink, also how full the volume is where the back end cannot see that."""
    if rest_url is None:
        return None
    volume = await free_ratio is None
    try:
        async with FlinkRest(rest_url) as rest:
            return await rest.observe(wanted_job_id, asked, volume=volume)
    except FlinkUnavailable as error:
        logger.debug("%s", error)
        return None
