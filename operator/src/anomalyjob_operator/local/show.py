"""What `up` shows beside its lines: the dashboard with the metrics, and the notifications that it sends.

Everything here may fail without the job noticing: it only looks on.
"""

from collections.abc import Callable
from dataclasses import dataclass

from anomalyjob_operator.dashboard import Dashboard
from anomalyjob_operator.dashboard.listening import KeptOpen
from anomalyjob_operator.local.job_log import JobLog
from anomalyjob_operator.local.ports import ADDRESS
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.notify.notifier import EmitEvent
from anomalyjob_operator.notify.targets import Target
from anomalyjob_operator.onlookers import Onlookers


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOptions:
    """What the user wants. No `dashboard_port`: no dashboard; no `token`: whoever uses this machine may read it."""

    dashboard_port: int | None = None
    token: str | None = None
    targets: tuple[Target, ...] = ()


class Show:
    """The onlookers of one job on this machine; to be made in the event loop that they work in."""

    def __init__(
        self, folder: StateFolder, options: ShowOptions, tell: Callable[[str], None], emit_event: EmitEvent
    ) -> None:
        self.onlookers = Onlookers(lambda _: JobLog(folder), targets=options.targets, emit_event=emit_event)
        self._served = None
        if options.dashboard_port is not None:
            dashboard = Dashboard(self.onlookers.feeds, token=options.token, metrics=self.onlookers.metrics.render)
            self._served = KeptOpen(dashboard, "Dashboard", ADDRESS, options.dashboard_port, tell)

    async def start(self) -> None:
        """Begin; a dashboard that cannot listen is told, and tried again."""
        await self.onlookers.start()
        if self._served is not None:
            self._served.begin()

    async def stop(self) -> None:
        """End within a moment, or as long as a notification that waits may take."""
        if self._served is not None:
            await self._served.end()
        await self.onlookers.stop()
