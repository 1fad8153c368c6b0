"""The operator's process: the API client, the queue of resources to look at, and the loop that forgets none.

Events of kopf's watches make it quick; the resync alone makes it right. It decides nothing about a job.
"""

import asyncio
import contextlib
import logging
import time
from typing import Final

import kopf

from anomalyjob_operator.cluster.api import ApiError, ApiUnavailableError, KubernetesApi
from anomalyjob_operator.cluster.jobs import Jobs
from anomalyjob_operator.cluster.kinds import ANOMALY_JOB
from anomalyjob_operator.cluster.render import RenderSettings
from anomalyjob_operator.cluster.settings import ClusterSettings
from anomalyjob_operator.cluster.show import Show
from anomalyjob_operator.cluster.work_queue import Key, WorkQueue
from anomalyjob_operator.status import Event

logger = logging.getLogger(__name__)

RESYNC_SECONDS: Final = 30.0
UNHEALTHY_AFTER_SECONDS: Final = 180.0
"""Longer than the longest look, and than an API server takes to come back: a restart would not help with either."""


class Operator:
    """One operator for the watched namespaces, all of them when none is named.

    `log_api` is the client that logs are read by: streams that stay open take no connection from reconciling.
    """

    def __init__(self, api: KubernetesApi, settings: ClusterSettings, log_api: KubernetesApi | None = None) -> None:
        self._api = api
        self._namespaces: tuple[str | None, ...] = settings.watched_namespaces or (None,)
        self._show = Show(log_api or api, settings, self._emit)
        self._onlookers = self._show.onlookers
        self._jobs = Jobs(
            api,
            RenderSettings(
                job_image=settings.job_image,
                image_pull_policy=settings.image_pull_policy,
                operator_namespace=settings.operator_namespace,
                metrics_namespaces=settings.metrics_namespaces,
            ),
            listener=self._onlookers.passed,
            gone=self._onlookers.forget,
        )
        self._queue = WorkQueue(self._look)
        self._resync: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look at every resource there is."""
        await self._show.start()
        self._resync = asyncio.create_task(self._resync_for_ever())

    async def stop(self) -> None:
        """End all looks, then record what was kept back. The jobs go on without their operator."""
        if self._resync is not None:
            self._resync.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._resync
        # Pages are let go first: they may hold up nothing.
        await self._show.close()
        await self._queue.stop()
        await self._jobs.flush()
        await self._show.stop()

    def resource_changed(self, namespace: str, name: str) -> None:
        """Look at the resource soon."""
        self._queue.add((namespace, name))

    def object_changed(self, namespace: str, name: str) -> None:
        """Look at the resource soon, and compare each of its objects."""
        self._jobs.look_closely((namespace, name))
        self._queue.add((namespace, name))

    def health(self) -> str:
        """Say how long ago something succeeded; raise kopf.PermanentError when that is too long ago.

        Trap: kopf answers a probe only for this exception; any other leaves the request hanging.
        """
        seconds = time.monotonic() - self._queue.progressed_at
        if seconds > UNHEALTHY_AFTER_SECONDS:
            raise kopf.PermanentError(f"no look at any resource has succeeded for {seconds:.0f} s")
        return f"{len(self._queue)} resources; the last look that succeeded was {seconds:.0f} s ago"

    async def _look(self, key: Key) -> float | None:
        began_at = time.monotonic()
        try:
            return await self._jobs.look(key)
        except BaseException:
            # A look that took too long is cancelled.
            self._onlookers.metrics.look_failed(key)
            raise
        finally:
            self._onlookers.metrics.looked(key, time.monotonic() - began_at)

    async def _emit(self, key: Key, event: Event) -> None:
        await self._jobs.emit(key, event)

    async def _resync_for_ever(self) -> None:
        while True:
            for namespace in self._namespaces:
                await self._add_all(namespace)
            await asyncio.sleep(RESYNC_SECONDS)

    async def _add_all(self, namespace: str | None) -> None:
        try:
            resources = await self._api.list(ANOMALY_JOB, namespace)
        except (ApiError, ApiUnavailableError) as error:
            logger.error("the resources cannot be listed: %s (trying again)", error)  # noqa: TRY400 - it says it all
            return
        if not resources:
            self._queue.note_progress()
        for resource in resources:
            self.resource_changed(resource["metadata"]["namespace"], resource["metadata"]["name"])
