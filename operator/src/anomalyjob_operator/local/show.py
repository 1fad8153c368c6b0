"""What `up` shows beside its lines: the dashboard with the metrics, and the notifications that it sends.

Everything here may fail without the job noticing: it only looks on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anomalyjob_operator.dashboard import Dashboard
from anomalyjob_operator.dashboard.listening import KeptOpen
from anomalyjob_operator.local.job_log import JobLog
from anomalyjob_operator.local.ports import ADDRESS
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.notify.targets import Target
from anomalyjob_operator.onlookers import Onlookers
from anomalyjob_operator.pass_report import EmitEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOptions:
    """What the user wants. No `dashboard_port`: no dashboard; no `token`: whoever uses this machine may read it."""

    dashboard_port: int | None = None
    token: str | None = None
    targets: tuple[Target, ...] = ()


@asynccontextmanager
async def show(
    folder: StateFolder, options: ShowOptions, tell: Callable[[str], None], emit_event: EmitEvent
) -> AsyncIterator[Onlookers]:
    """Serve and send as long as it is entered. `tell` is called in the loop that it is entered in."""
    onlookers = Onlookers(lambda _: JobLog(folder), targets=options.targets, emit_event=emit_event)
    served = _served(onlookers, options, tell)
    await onlookers.start()
    for one in served:
        one.begin()
    try:
        yield onlookers
    finally:
        await asyncio.gather(*(one.end() for one in served))
        await onlookers.stop()


def _served(onlookers: Onlookers, options: ShowOptions, tell: Callable[[str], None]) -> list[KeptOpen]:
    if options.dashboard_port is None:
        return []
    try:
        dashboard = Dashboard(onlookers.feeds, token=options.token, metrics=onlookers.metrics.render)
    except OSError as error:
        # Not at the cost of notifications.
        tell(f"there is no dashboard: {error}; install the package again, then start anew")
        return []
    return [KeptOpen(dashboard, "Dashboard", ADDRESS, options.dashboard_port, tell)]
