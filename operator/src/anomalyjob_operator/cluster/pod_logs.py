"""The lines that Flink's TaskManagers write on Kubernetes, for the live log: one stream of the API server a pod.

It has connections of its own, so that streams that stay open take none from reconciling; it reads while somebody
follows, and asks again, with growing pauses, for what breaks off. It must not interpret the lines.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from anomalyjob_operator.cluster.api import ApiError, KubernetesApi
from anomalyjob_operator.cluster.kinds import POD, Manifest
from anomalyjob_operator.cluster.log_lines import LineCutter, NewLines
from anomalyjob_operator.live.log_source import LogBatch
from anomalyjob_operator.names import FLINK_CONTAINER, WORKLOAD_LABEL, role_selector
from anomalyjob_operator.pass_report import Key

logger = logging.getLogger(__name__)

PODS_SECONDS: Final = 2.0
SETTLED_PODS_SECONDS: Final = 10.0
"""Between two looks for pods when QUIET_LOOKS of them saw no change; a stream that ends brings the next at once."""
QUIET_LOOKS: Final = 15
FIRST_RETRY_SECONDS: Final = 1.0
LARGEST_RETRY_SECONDS: Final = 30.0
LONG_SECONDS: Final = 10.0
"""A stream that lived that long was none that failed."""
MAXIMUM_STREAMS: Final = 60
"""Over all jobs; when there are more pods, they take turns, and no line is lost by that."""
TURN_SECONDS: Final = 30.0
TURN_CHECK_SECONDS: Final = 1.0
MAXIMUM_PODS: Final = 200
"""Of one job: as many TaskManagers as the spec allows, and the replacement of each."""
QUEUED_BATCHES: Final = 16
WHOLE_LOG_LINES: Final = 1_000
"""How much of the log of a pod that is new is read from its beginning."""


class PodLogs:
    """All streams of one process; `api` should be nobody else's."""

    def __init__(self, api: KubernetesApi) -> None:
        self.api = api
        self._places = asyncio.Semaphore(MAXIMUM_STREAMS)
        self._waiting = 0
        self._told = False

    @property
    def is_crowded(self) -> bool:
        """Whether somebody waits for a place."""
        return self._waiting > 0

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for one of the places, and take it."""
        if self._places.locked() and not self._told:
            self._told = True
            logger.warning("more than %d pods' logs are followed: they take turns, lines come late", MAXIMUM_STREAMS)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    def of(self, key: Key) -> "PodLogSource":
        """Return the source of one job's lines."""
        return PodLogSource(self, key)


@dataclass(slots=True, kw_only=True)
class _Following:
    """What one call of `follow` has under way: a task for each pod, by its uid."""

    history: int
    batches: asyncio.Queue[LogBatch] = field(default_factory=lambda: asyncio.Queue(QUEUED_BATCHES))
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class PodLogSource:
    """A LogSource over the pods of one job."""

    def __init__(self, logs: PodLogs, key: Key) -> None:
        self._logs = logs
        self._namespace, self._name = key

    async def follow(self, history: int) -> AsyncIterator[LogBatch]:
        """Begin with the last `history` lines of each pod, then go on for ever, with pods that come later too."""
        following = _Following(history=history)
        watching = asyncio.create_task(self._watch_pods(following))
        try:
            while True:
                yield await following.batches.get()
        finally:
            tasks = (watching, *following.tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_pods(self, following: _Following) -> None:
        """Let there be a stream for every pod that runs, and none for a pod that is gone."""
        quiet_looks = 0
        while True:
            quiet_looks = 0 if following.ended.is_set() else quiet_looks + 1
            following.ended.clear()
            try:
                labels = role_selector(self._name, "taskmanager")
                pods = await self._logs.api.list(POD, self._namespace, labels, recent_enough=True)
                changed = self._adjust(following, pods)
                if changed or not pods or not all(map(_stays, pods)):
                    quiet_looks = 0
                following.history = WHOLE_LOG_LINES
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may not meet it
                self._tell(following, error)
            await asyncio.sleep(PODS_SECONDS)
            if quiet_looks >= QUIET_LOOKS:
                await _wait(following.ended, SETTLED_PODS_SECONDS - PODS_SECONDS)

    def _adjust(self, following: _Following, pods: list[Manifest]) -> bool:
        """Begin and end streams; return whether there was anything to begin or end."""
        present = {str(pod["metadata"]["uid"]): pod for pod in pods}
        before = set(following.tasks)
        for uid, task in tuple(following.tasks.items()):
            if uid not in present or task.done():
                # What it wrote last has come by now, or never will.
                following.tasks.pop(uid).cancel()
        for uid, pod in present.items():
            if len(following.tasks) == MAXIMUM_PODS:
                self._tell_too_many(following, len(pods))
                break
            if uid not in following.tasks and _runs(pod):
                following.tasks[uid] = asyncio.create_task(self._read(following, pod, following.history))
        return before != set(following.tasks)

    async def _read(self, following: _Following, pod: Manifest, history: int) -> None:
        """Read one pod's log for ever: a container that is started again goes on in it."""
        lines, pause, loop = NewLines(), FIRST_RETRY_SECONDS, asyncio.get_running_loop()
        while True:
            async with self._logs.place():
                began_at = loop.time()
                is_good = await self._try_to_stream(following, pod, lines, history)
            following.ended.set()
            is_good |= loop.time() - began_at > LONG_SECONDS
            pause = FIRST_RETRY_SECONDS if is_good else min(2 * pause, LARGEST_RETRY_SECONDS)
            await asyncio.sleep(pause)

    async def _try_to_stream(self, following: _Following, pod: Manifest, lines: NewLines, history: int) -> bool:
        """Stream; return whether that brought lines, or the container was only not running yet, or again."""
        came = False
        try:
            before = lines.since
            try:
                await self._stream(following, pod, lines, history)
            finally:
                came = lines.since != before
        except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may not meet it
            self._tell(following, error)
            return came or (isinstance(error, ApiError) and error.status == 400)
        return came

    async def _stream(self, following: _Following, pod: Manifest, lines: NewLines, history: int) -> None:
        """Read until the log ends, falls silent, or it is somebody else's turn."""
        query = {"container": FLINK_CONTAINER, "follow": "true", "timestamps": "true"}
        query |= {"tailLines": str(history)} if lines.since is None else {"sinceTime": lines.since}
        path, cutter = POD.path(self._namespace, pod["metadata"]["name"], "log"), LineCutter()
        workload = pod["metadata"]["labels"][WORKLOAD_LABEL]
        turn_ends_at = asyncio.get_running_loop().time() + TURN_SECONDS
        lines.ask_again()
        async with contextlib.aclosing(self._logs.api.stream(path, query)) as chunks:
            while chunk := await self._chunk_in_turn(chunks, turn_ends_at):
                new = tuple(text for line in cutter.lines(chunk) if (text := lines.take(line)) is not None)
                if new:
                    await following.batches.put(LogBatch(workload=workload, lines=new))

    async def _chunk_in_turn(self, chunks: AsyncGenerator[bytes, None], turn_ends_at: float) -> bytes:
        """Return what comes next; nothing at the end, or when it is somebody else's turn."""
        chunk = asyncio.ensure_future(_next(chunks))
        try:
            while not chunk.done():
                await asyncio.wait((chunk,), timeout=TURN_CHECK_SECONDS)
                if self._logs.is_crowded and asyncio.get_running_loop().time() > turn_ends_at:
                    return b""
            return chunk.result()
        finally:
            # What has come and was not taken is asked for again.
            chunk.cancel()
            await asyncio.gather(chunk, return_exceptions=True)

    def _tell(self, following: _Following, error: Exception) -> None:
        """Log a problem; the same kind of it once for as long as somebody follows."""
        kind = str(error.status) if isinstance(error, ApiError) else type(error).__name__
        # 400: the container does not run at the moment. 404: the pod has just gone.
        if kind in following.told | {"400", "404"}:
            return
        following.told.add(kind)
        logger.warning("the log of %s/%s cannot be followed: %s (trying again)", self._namespace, self._name, error)

    def _tell_too_many(self, following: _Following, count: int) -> None:
        if count <= MAXIMUM_PODS or "too many" in following.told:
            return
        following.told.add("too many")
        logger.warning(
            "%s/%s has %d TaskManager pods: the logs of %d of them are followed",
            *(self._namespace, self._name, count, MAXIMUM_PODS),
        )


def _runs(pod: Manifest) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return any(one.get("name") == FLINK_CONTAINER and "running" in one.get("state", {}) for one in statuses)


async def _next(chunks: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(chunks, b"")


def _stays(pod: Manifest) -> bool:
    return _runs(pod) and "deletionTimestamp" not in pod["metadata"]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
