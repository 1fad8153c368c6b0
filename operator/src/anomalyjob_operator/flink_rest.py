"""What Flink's REST endpoint tells about one job, read within a bound of time and size.

It asks and translates; only `ask` makes Flink do something. A timeout, an error of the server or an answer that makes
no sense is all the same to it: FlinkUnavailable, which says nothing about the job. Shapes: flink.apache.org, REST API
v1 of Flink 2.3.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import aiohttp

from anomalyjob.timestamps import from_epoch_milliseconds
from anomalyjob_operator.decide import FlinkRequest
from anomalyjob_operator.flink_job_report import free_ratio, free_ratio_path, start_observation, start_path
from anomalyjob_operator.flink_requests import fate, fate_path, trigger_body, trigger_path
from anomalyjob_operator.observed import (
    CheckpointStatistics,
    CompletedCheckpoint,
    FlinkObservation,
    JobFailure,
    RequestObservation,
)

logger = logging.getLogger(__name__)

TOTAL_TIMEOUT_SECONDS: Final = 2.0
MAXIMUM_BODY_BYTES: Final = 4 * 1024 * 1024
MAXIMUM_FAILURES: Final = 16
"""As many as Flink keeps (`web.exception-history-size`)."""
MAXIMUM_MESSAGE_CHARACTERS: Final = 500

Json = Mapping[str, Any]
T = TypeVar("T")


class FlinkUnavailable(Exception):  # noqa: N818 - it says what Flink is
    """The endpoint did not give an answer that can be used. Not evidence of anything about the job."""


class HttpStatusError(ValueError):
    """An answer of another HTTP status than the one that was hoped for."""

    def __init__(self, path: str, status: int) -> None:
        """Keep the status."""
        super().__init__(f"{path}: HTTP status {status}")
        self.status = status


class FlinkRest:
    """The REST endpoint at `url`, e.g. http://127.0.0.1:8081. To be used as an async context manager."""

    def __init__(self, url: str, timeout_seconds: float = TOTAL_TIMEOUT_SECONDS) -> None:
        self._url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connections."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_seconds))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def observe(
        self, job_id: str, asked: Sequence[FlinkRequest] = (), *, volume: bool = False
    ) -> FlinkObservation:
        """Return what is told about the cluster, the job, what was `asked` of it, and if wanted the job's volume.

        All requests together take at most the timeout. Raises FlinkUnavailable.
        """
        async with self._bounded():
            seen = await self._observe(job_id)
            if seen.job_id is None:
                return seen
            fates = [await self._fate(request) for request in asked]
            start = await self._optional(start_path(job_id), start_observation)
            free = await self._optional(free_ratio_path(job_id), free_ratio) if volume else None
        requests = tuple(fate for fate in fates if fate is not None)
        return replace(seen, requests=requests, start=start, volume_free_ratio=free)

    async def ask(self, request: FlinkRequest, directory: str | None) -> None:
        """Ask for a checkpoint, or for a savepoint in the absolute folder `directory`. Raises FlinkUnavailable."""
        async with self._bounded():
            await self._post(trigger_path(request), trigger_body(request, directory))

    async def told(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON it is
        """Return the answer to one question, None where Flink says that there is none: any HTTP status but 200.

        Raises FlinkUnavailable.
        """
        async with self._bounded():
            try:
                return await self._decoded(path)
            except HttpStatusError as error:
                logger.debug("%s", error)
                return None

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise FlinkUnavailable(f"{self._url} did not answer: {error!r}") from error
        except (KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError) as error:
            raise FlinkUnavailable(f"{self._url} gave an answer that makes no sense: {error!r}") from error

    async def _observe(self, job_id: str) -> FlinkObservation:
        overview = await self._get("/overview")
        jobs = await self._get("/jobs/overview")
        job = next((job for job in jobs["jobs"] if job["jid"] == job_id), None)
        if job is None:
            return observation(overview, None, None, None)
        # Asked after the tasks' states: whatever the running tasks were restored from is known by then.
        runs = job["state"] == "RUNNING"
        checkpoints = await self._get_part(f"/jobs/{job_id}/checkpoints", needed=runs)
        exceptions = await self._get_part(f"/jobs/{job_id}/exceptions?maxExceptions={MAXIMUM_FAILURES}", needed=runs)
        return observation(overview, job, checkpoints, exceptions)

    async def _fate(self, request: FlinkRequest) -> RequestObservation | None:
        try:
            return fate(request, await self._get(fate_path(request)))
        except (KeyError, TypeError, ValueError):
            # Status 404: Flink knows nothing of it. Whatever else it is must not hide the state of the job.
            return None

    async def _optional(self, path: str, translate: Callable[[Any], T]) -> T | None:
        """Return a part of the answer that may be missing, None when it is, or makes no sense."""
        try:
            return translate(await self._decoded(path))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError, RecursionError) as error:
            logger.debug("%s%s tells nothing: %r", self._url, path, error)
            return None

    async def _get_part(self, path: str, *, needed: bool) -> Json | None:
        """Return a part of the answer, None when the job has no such part.

        A job that failed before it had an execution graph has no checkpoint statistics (404), and one that is being
        initialized cannot be asked for them (500); neither must hide the job's state.
        """
        try:
            return await self._get(path)
        except HttpStatusError as error:
            if needed and error.status != 404:
                raise
            return None

    async def _post(self, path: str, body: Json) -> None:
        async with self._open.post(self._url + path, json=body, allow_redirects=False) as response:
            if response.status not in {200, 202}:
                raise HttpStatusError(path, response.status)

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("FlinkRest is not open: use it with `async with`")
        return self._session

    async def _get(self, path: str) -> Json:
        document = await self._decoded(path)
        if not isinstance(document, dict):
            raise TypeError(f"{path}: not a JSON object")
        return document

    async def _decoded(self, path: str) -> object:
        async with self._open.get(self._url + path, allow_redirects=False) as response:
            if response.status != 200:
                raise HttpStatusError(path, response.status)
            body = await _body(response)
        document: object = json.loads(body)
        return document


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Read at most MAXIMUM_BODY_BYTES; raise ValueError when there is more."""
    body = bytearray()
    async for part in response.content.iter_chunked(65_536):
        body += part
        if len(body) > MAXIMUM_BODY_BYTES:
            raise ValueError(f"an answer of more than {MAXIMUM_BODY_BYTES} bytes")
    return bytes(body)


def observation(
    overview: Json, job: Json | None, checkpoints: Json | None, exceptions: Json | None
) -> FlinkObservation:
    """Translate the four answers; `job` is one entry of /jobs/overview. Raises KeyError, TypeError or ValueError."""
    changed_at = None if job is None else _time(job["last-modification"])
    running, total = (0, 0) if job is None else (int(job["tasks"]["running"]), int(job["tasks"]["total"]))
    return FlinkObservation(
        job_id=None if job is None else str(job["jid"]),
        job_state=None if job is None else str(job["state"]),
        job_started_at=None if job is None else _time(job["start-time"]),
        tasks_running=running,
        tasks_total=total,
        taskmanagers=int(overview["taskmanagers"]),
        slots_total=int(overview["slots-total"]),
        slots_free=int(overview["slots-available"]),
        flink_version=str(overview["flink-version"]),
        checkpoints=_statistics(checkpoints, changed_at if 0 < running == total else None),
        tasks_changed_at=changed_at,
        failures=() if exceptions is None else _failures(exceptions["exceptionHistory"]["entries"]),
    )


def _statistics(answer: Json | None, running_since: datetime | None) -> CheckpointStatistics:
    if answer is None:
        return CheckpointStatistics()
    counts, latest, history = answer["counts"], answer["latest"], answer["history"]
    completed, failed, restored = latest["completed"], latest["failed"], latest["restored"]
    savepoint = latest["savepoint"]
    return CheckpointStatistics(
        completed=int(counts["completed"]),
        failed=int(counts["failed"]),
        failed_before_running=_failed_before_running(counts, history, running_since),
        in_progress=int(counts["in_progress"]),
        restored=int(counts["restored"]),
        latest_completed=None if completed is None else _completed(completed),
        latest_savepoint=None if savepoint is None else _completed(savepoint),
        latest_restored_id=None if restored is None else int(restored["id"]),
        latest_restored_at=None if restored is None else _time(restored["restore_timestamp"]),
        latest_failure=None if failed is None else _shortened(failed["failure_message"] or "no reason given"),
        latest_failed_at=None if failed is None else _time(failed["failure_timestamp"]),
        recent_durations_milliseconds=_recent_durations(history),
    )


def _failed_before_running(counts: Json, history: Sequence[Json], running_since: datetime | None) -> int:
    """Count failures from before all tasks ran, as far as the history shows.

    A trigger that is refused because not all tasks run is counted by Flink but never enters the history
    (CheckpointFailureManager: reportFailedCheckpointsWithoutInProgress).
    """
    failed = int(counts["failed"])
    if running_since is None:
        return failed
    recorded = [entry for entry in history if entry["status"] == "FAILED"]
    early = sum(_time(entry["trigger_timestamp"]) < running_since for entry in recorded)
    all_shown = len(history) >= int(counts["total"]) - (failed - len(recorded))
    return early + (failed - len(recorded) if all_shown else 0)


def _completed(entry: Json) -> CompletedCheckpoint:
    return CompletedCheckpoint(
        checkpoint_id=int(entry["id"]),
        path=str(entry["external_path"]),
        completed_at=_time(entry["latest_ack_timestamp"]),
        size_bytes=int(entry["state_size"]),
        duration_milliseconds=int(entry["end_to_end_duration"]),
        is_savepoint=bool(entry["is_savepoint"]),
    )


def _recent_durations(history: Sequence[Json]) -> tuple[int, ...]:
    """Return the durations of the last five completed checkpoints, newest last; the history begins with the newest."""
    completed = [entry for entry in history if entry["status"] == "COMPLETED" and not entry["is_savepoint"]]
    return tuple(int(entry["end_to_end_duration"]) for entry in reversed(completed[:5]))


def _failures(entries: Sequence[Json]) -> tuple[JobFailure, ...]:
    failures = [JobFailure(at=_time(entry["timestamp"]), message=_failure_message(entry)) for entry in entries]
    return tuple(sorted(failures, key=lambda failure: failure.at, reverse=True)[:MAXIMUM_FAILURES])


def _failure_message(entry: Json) -> str:
    """Return the first line of the stack trace and its causes: what a person needs, without the frames."""
    lines = str(entry.get("stacktrace") or entry.get("exceptionName") or "no reason given").splitlines()
    causes = [line.strip() for line in lines[1:] if line.lstrip().startswith("Caused by:")]
    task = entry.get("taskName")
    return _shortened("; ".join([*((f"task {task}",) if task else ()), *lines[:1], *causes]))


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAXIMUM_MESSAGE_CHARACTERS else text[: MAXIMUM_MESSAGE_CHARACTERS - 1] + "…"


def _time(milliseconds: object) -> datetime:
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        raise TypeError(f"not a time in milliseconds: {milliseconds!r}")
    return from_epoch_milliseconds(milliseconds)
