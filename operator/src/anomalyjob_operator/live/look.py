"""One look at a job through Flink's REST endpoint: everything that is shown of it, within a bound of time and size.

It asks and has the answers translated. It must not make Flink do anything, nor remember anything.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from anomalyjob_operator.flink_rest import FlinkRest, FlinkUnavailable
from anomalyjob_operator.joined_tasks import all_of
from anomalyjob_operator.live import checkpoint_answers, flink_answers
from anomalyjob_operator.live.checkpoint_answers import CheckpointAnswer, Settings
from anomalyjob_operator.live.flink_view import (
    JOB_MANAGER,
    FlinkView,
    JobView,
    JvmMetrics,
    Rates,
    SubtaskCheckpoint,
    SubtaskKey,
    VertexView,
)

logger = logging.getLogger(__name__)

NEEDED_SECONDS: Final = 1.5
"""With the pause of a second, or with the details, before it: a silent endpoint is known to be silent within 3 s."""
DETAILS_SECONDS: Final = 1.2
"""On a busy machine what is needed may come in time and details not: then Flink answers all the same."""
AT_ONCE: Final = 4
"""So many answers are read at the same time at most: each may take some megabytes."""
MAXIMUM_VERTICES: Final = 20
MAXIMUM_RATE_REQUESTS: Final = 60
"""The job's four vertices need 44 at the largest parallelism."""
MAXIMUM_TASK_MANAGERS: Final = 100

_SENSELESS: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to look at. `details`: tasks and TaskManagers as well, for whoever watches.

    `settings_of` and `checkpoint_of` say what is known already: the start whose settings, and the start and id of the
    checkpoint whose parts were told.
    """

    job_id: str
    details: bool = True
    settings_of: datetime | None = None
    checkpoint_of: tuple[datetime, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen. None: not asked, or not told."""

    view: FlinkView
    checkpoints: CheckpointAnswer | None = None
    settings: Settings | None = None
    checkpoint_of: tuple[datetime, int] | None = None
    subtask_checkpoints: Mapping[SubtaskKey, SubtaskCheckpoint] = field(default_factory=dict)


async def look(rest: FlinkRest, wish: Wish, clock: Callable[[], datetime]) -> Look:
    """Take a look. Raises FlinkUnavailable when what is needed was not told in time, or makes no sense."""
    looker = _Looker(rest, wish, clock())
    try:
        async with asyncio.timeout(NEEDED_SECONDS):
            seen, vertices = await looker.needed()
        if not wish.details:
            return seen
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DETAILS_SECONDS):
                return await looker.with_details(seen, vertices)
    except TimeoutError:
        raise FlinkUnavailable(f"no answer within {NEEDED_SECONDS} s") from None
    except _SENSELESS as error:
        raise FlinkUnavailable(f"an answer makes no sense: {error!r}") from error
    return seen


class _Looker:
    def __init__(self, rest: FlinkRest, wish: Wish, at: datetime) -> None:
        self._rest = rest
        self._wish = wish
        self._at = at
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def needed(self) -> tuple[Look, tuple[VertexView, ...]]:
        """Look at the cluster, the job and its checkpoints; the vertices do not have their subtasks yet."""
        overview, jobs, managers = await _together(map(self._told, ("/overview", "/jobs/overview", "/taskmanagers")))
        view = FlinkView(
            answering=True,
            answered_at=self._at,
            version=str(overview["flink-version"]),
            slots_total=int(overview["slots-total"]),
            slots_free=int(overview["slots-available"]),
            task_managers=flink_answers.task_manager_views(managers),
        )
        listed = next((job for job in jobs["jobs"] if job["jid"] == self._wish.job_id), None)
        return (Look(view=view), ()) if listed is None else await self._of_job(view, listed)

    async def _of_job(self, view: FlinkView, listed: Mapping[str, Any]) -> tuple[Look, tuple[VertexView, ...]]:
        path = f"/jobs/{self._wish.job_id}"
        details, checkpoints = await _together(map(self._told, (path, f"{path}/checkpoints")))
        if details is None:
            return Look(view=view), ()
        job = flink_answers.job_view(listed, details)
        vertices = flink_answers.vertex_views(details)[:MAXIMUM_VERTICES]
        answer = _optional(checkpoint_answers.checkpoint_answer, checkpoints, job.started_at)
        return Look(view=replace(view, job=job), checkpoints=answer, settings=await self._settings(job)), vertices

    async def _settings(self, job: JobView) -> Settings | None:
        if self._wish.settings_of == job.started_at:
            return None
        answer = await self._told(f"/jobs/{job.job_id}/checkpoints/config")
        return _optional(checkpoint_answers.settings, answer)

    async def with_details(self, seen: Look, vertices: Sequence[VertexView]) -> Look:
        """Look at the tasks and TaskManagers as well."""
        subtasks = asyncio.create_task(_together(map(self._with_subtasks, vertices)))
        rates = asyncio.create_task(self._rates(vertices))
        metrics = asyncio.create_task(self._metrics(sorted(seen.view.task_managers)))
        parts = asyncio.create_task(self._parts(seen.checkpoints, vertices))
        await all_of((subtasks, rates, metrics, parts))
        view = replace(
            seen.view,
            details_at=self._at,
            vertices=tuple(subtasks.result()),
            rates=rates.result(),
            metrics=metrics.result(),
        )
        checkpoint_of, subtask_checkpoints = parts.result()
        return replace(seen, view=view, checkpoint_of=checkpoint_of, subtask_checkpoints=subtask_checkpoints)

    async def _with_subtasks(self, vertex: VertexView) -> VertexView:
        answer = await self._told(f"/jobs/{self._wish.job_id}/vertices/{vertex.vertex_id}")
        return replace(vertex, subtasks=_optional(flink_answers.subtask_views, answer) or ())

    async def _rates(self, vertices: Sequence[VertexView]) -> dict[SubtaskKey, Rates]:
        paths = [
            (vertex.vertex_id, path)
            for vertex in vertices
            for path in flink_answers.rates_paths(self._wish.job_id, vertex)
        ][:MAXIMUM_RATE_REQUESTS]
        answers = await _together(self._told(path) for _, path in paths)
        told: dict[SubtaskKey, Rates] = {}
        for vertex_id in dict.fromkeys(vertex_id for vertex_id, _ in paths):
            of_vertex = [answer for (other, _), answer in zip(paths, answers, strict=True) if other == vertex_id]
            told |= _optional(flink_answers.rates, vertex_id, of_vertex) or {}
        return told

    async def _metrics(self, task_managers: Sequence[str]) -> dict[str, JvmMetrics]:
        asked = (JOB_MANAGER, *task_managers[:MAXIMUM_TASK_MANAGERS])
        answers = await _together(self._told(flink_answers.jvm_metrics_path(name)) for name in asked)
        told = {
            name: _optional(flink_answers.jvm_metrics, answer, self._at)
            for name, answer in zip(asked, answers, strict=True)
        }
        return {name: metrics for name, metrics in told.items() if metrics is not None}

    async def _parts(
        self, answer: CheckpointAnswer | None, vertices: Sequence[VertexView]
    ) -> tuple[tuple[datetime, int] | None, dict[SubtaskKey, SubtaskCheckpoint]]:
        """Ask what each subtask wrote for the newest checkpoint, once for each checkpoint."""
        newest = None if answer is None else answer.newest_completed
        if answer is None or newest is None or self._wish.checkpoint_of == (answer.start, newest.checkpoint_id):
            return None, {}
        path = f"/jobs/{self._wish.job_id}/checkpoints/details/{newest.checkpoint_id}/subtasks"
        answers = await _together(self._told(f"{path}/{vertex.vertex_id}") for vertex in vertices)
        told: dict[SubtaskKey, SubtaskCheckpoint] = {}
        for vertex, parts in zip(vertices, answers, strict=True):
            told |= _optional(checkpoint_answers.subtask_checkpoints, vertex.vertex_id, parts) or {}
        return ((answer.start, newest.checkpoint_id) if told else None), told

    async def _told(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON it is; the translations find out
        async with self._gate:
            return await self._rest.told(path)


def _optional(translate: Callable[..., Result], *answers: object) -> Result | None:
    """Translate a part that may be missing: None when it is, or makes no sense."""
    try:
        return translate(*answers)
    except _SENSELESS as error:
        logger.debug("%s: %r", translate.__name__, error)
        return None


async def _together(work: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Wait for all; the first that fails ends the others."""
    tasks = [asyncio.create_task(one) for one in work]
    await all_of(tasks)
    return [task.result() for task in tasks]
