"""The one poller of a job: once a second while somebody watches, every five seconds otherwise, never more often.

It keeps what was seen last and the record of checkpoints. Silence of Flink is noted and outlived; nobody waits for it.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from anomalyjob_operator.flink_rest import FlinkRest, FlinkUnavailable
from anomalyjob_operator.live import loops
from anomalyjob_operator.live.checkpoint_record import CheckpointRecord
from anomalyjob_operator.live.checkpoints_document import CheckpointsSeen
from anomalyjob_operator.live.flink_view import NOTHING_SEEN, FlinkView
from anomalyjob_operator.live.look import Look, Wish, look
from anomalyjob_operator.live.pass_checkpoints import entries_of_pass
from anomalyjob_operator.pass_report import PassReport

if TYPE_CHECKING:
    from anomalyjob_operator.live.checkpoint_answers import Settings

logger = logging.getLogger(__name__)

WATCHED_SECONDS: Final = 1.0
UNWATCHED_SECONDS: Final = 5.0


class Poller:
    """Asks Flink about one job for as long as `run` runs; `changed` is called after each look."""

    def __init__(self, watched: Callable[[], bool], changed: Callable[[], None], clock: Callable[[], datetime]) -> None:
        self.view: FlinkView = NOTHING_SEEN
        self.checkpoints: CheckpointsSeen | None = None
        self.settings: Settings | None = None
        self.record = CheckpointRecord()
        self._settings_of: datetime | None = None
        self._checkpoint_of: tuple[datetime, int] | None = None
        self._watched = watched
        self._changed = changed
        self._clock = clock
        self._url: str | None = None
        self._job_id = ""
        self._hurry = asyncio.Event()

    def passed(self, report: PassReport) -> None:
        """Take over where to ask and for what, and what the pass itself saw of checkpoints."""
        self._url, self._job_id = report.rest_url, report.status.job.id
        if self._url is None:
            self.view = replace(self.view, answering=False)
        if report.observed.flink is not None:
            self.record.add(entries_of_pass(report.observed.flink, self._job_id))

    @property
    def version(self) -> int:
        """Another number whenever something about checkpoints has changed but the time of the answer."""
        counts = None if self.checkpoints is None else self.checkpoints.answer.counts
        return hash((self.record.version, counts, self.settings))

    def hurry(self) -> None:
        """Look again as soon as the faster pace allows: somebody has begun to watch."""
        self._hurry.set()

    async def run(self) -> None:
        """Look again and again, with one session for as long as the address stays the same; then return."""
        url = self._url
        async with AsyncExitStack() as stack:
            rest = None if url is None else await stack.enter_async_context(FlinkRest(url))
            while url == self._url:
                began = asyncio.get_running_loop().time()
                if rest is not None:
                    await self._look(rest, url)
                await self._pause(began)

    async def _pause(self, began: float) -> None:
        loop = asyncio.get_running_loop()
        if not self._watched():
            await loops.took(self._hurry, began + UNWATCHED_SECONDS - loop.time())
        await asyncio.sleep(max(0.0, began + WATCHED_SECONDS - loop.time()))

    async def _look(self, rest: FlinkRest, url: str | None) -> None:
        wish = Wish(
            job_id=self._job_id,
            details=self._watched(),
            settings_of=self._settings_of,
            checkpoint_of=self._checkpoint_of,
        )
        try:
            seen = await look(rest, wish, self._clock)
        except FlinkUnavailable as error:
            logger.debug("%s", error)
            self.view = replace(self.view, answering=False)
        else:
            # Whoever answered may be dead by now: a pass knows.
            if url == self._url:
                self._take(seen, late=wish.details and seen.view.details_at is None)
        self._changed()

    def _take(self, seen: Look, *, late: bool) -> None:
        job, before = seen.view.job, self.view
        same_start = job is not None and before.job is not None and job.started_at == before.job.started_at
        self.view = _with_details_of(before, seen.view) if late and same_start else seen.view
        kept = before.subtask_checkpoints if same_start else {}
        self.view = replace(self.view, subtask_checkpoints={**kept, **seen.subtask_checkpoints})
        if seen.checkpoint_of is not None or not same_start:
            self._checkpoint_of = seen.checkpoint_of
        if job is not None and seen.settings is not None:
            self.settings, self._settings_of = seen.settings, job.started_at
        if seen.checkpoints is not None and seen.view.answered_at is not None:
            self.checkpoints = CheckpointsSeen(answer=seen.checkpoints, at=seen.view.answered_at)
            self.record.note(seen.checkpoints)


def _with_details_of(before: FlinkView, view: FlinkView) -> FlinkView:
    """Return the view with the details of the one before: they keep their time."""
    return replace(
        view, details_at=before.details_at, vertices=before.vertices, rates=before.rates, metrics=before.metrics
    )
