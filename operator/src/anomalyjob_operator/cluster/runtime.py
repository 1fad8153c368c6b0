"""The operator's process: the API client, the queue of resources to look at, and the loop that forgets none.

Events of kopf's watches make it quick; the resync alone makes it right. It decides nothing about a job.
"""

import asyncio
import contextlib
import logging
import time
from contextlib import AbstractAsyncContextManager
from typing import Final

import kopf

from anomalyjob_operator.aside import Aside, carried_over
from anomalyjob_operator.cluster.api import ApiError, ApiUnavailableError, KubernetesApi
from anomalyjob_operator.cluster.jobs import Jobs
from anomalyjob_operator.cluster.kinds import ANOMALY_JOB
from anomalyjob_operator.cluster.render import RenderSettings
from anomalyjob_operator.cluster.settings import ClusterSettings
from anomalyjob_operator.cluster.show import show
from anomalyjob_operator.cluster.work_queue import WorkQueue
from anomalyjob_operator.onlookers import Onlookers
from anomalyjob_operator.pass_report import Key

logger = logging.getLogger(__name__)

RESYNC_SECONDS: Final = 30.0
UNHEALTHY_AFTER_SECONDS: Final = 180.0
"""Longer than the longest look, and than an API server takes to come back: a restart would not help with either."""


class Operator:
    """One operator for the watched namespaces, all of them when none is named."""

    def __init__(self, api: KubernetesApi, settings: ClusterSettings) -> None:
        self._api = api
        self._namespaces: tuple[str | None, ...] = settings.watched_namespaces or (None,)
        self._settings = settings
        self._aside = Aside(self._onlooking)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs = Jobs(
            api,
            RenderSettings(
                job_image=settings.job_image,
                image_pull_policy=settings.image_pull_policy,
                operator_namespace=settings.operator_namespace,
                metrics_namespaces=settings.metrics_namespaces,
            ),
            listener=self._aside.passed,
            gone=self._aside.forget,
        )
        self._queue = WorkQueue(self._look)
        self._resync: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look at every resource there is."""
        self._loop = asyncio.get_running_loop()
        self._aside.start()
        self._resync = asyncio.create_task(self._resync_for_ever())

    async def stop(self) -> None:
        """End all looks, then record what was kept back. The jobs go on without their operator."""
        if self._resync is not None:
            self._resync.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._resync
        await self._queue.stop()
        await self._jobs.flush()
        await self._aside.stop()

    @property
    def is_left_behind(self) -> bool:
        """Whether something did not end with the operator: then `end_process` has to be called."""
        return self._aside.is_left_behind

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
        began_at, failed = time.monotonic(), True
        try:
            pause = await self._jobs.look(key)
            failed = False
        finally:
            self._aside.looked(key, time.monotonic() - began_at, failed=failed)
        return pause

    def _onlooking(self) -> AbstractAsyncContextManager[Onlookers]:
        assert self._loop is not None  # noqa: S101 - set before the thread starts
        return show(self._api.configuration, self._settings, carried_over(self._jobs.emit, self._loop))

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
