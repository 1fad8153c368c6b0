"""What the operator shows beside statuses and events: the dashboard, the metrics, and the notifications that it sends.

Everything here may fail, be it wrongly configured, without a job or its reconciling noticing: it only looks on.
"""

import asyncio
import logging
from pathlib import Path
from typing import Final

from anomalyjob_operator.cluster.api import KubernetesApi
from anomalyjob_operator.cluster.pod_logs import PodLogs
from anomalyjob_operator.cluster.settings import ClusterSettings
from anomalyjob_operator.dashboard import Dashboard
from anomalyjob_operator.dashboard.listening import KeptOpen, Server
from anomalyjob_operator.dashboard.login import TokenError, read_token
from anomalyjob_operator.dashboard.metrics_server import MetricsServer
from anomalyjob_operator.notify.notifier import EmitEvent
from anomalyjob_operator.notify.target_file import read_targets
from anomalyjob_operator.notify.targets import Target, TargetsError
from anomalyjob_operator.onlookers import Onlookers

logger = logging.getLogger(__name__)

ADDRESS: Final = "0.0.0.0"  # noqa: S104 - inside the pod's network; the chart's NetworkPolicy says who gets there


class Show:
    """The onlookers of all jobs. `log_api` should not be the client that reconciling uses."""

    def __init__(self, log_api: KubernetesApi, settings: ClusterSettings, emit_event: EmitEvent) -> None:
        self.onlookers = Onlookers(PodLogs(log_api).of, targets=_targets(settings), emit_event=emit_event)
        self._served = [
            KeptOpen(server, what, ADDRESS, port, logger.info) for what, port, server in self._servers(settings)
        ]

    async def start(self) -> None:
        """Begin; what cannot listen is told, and tried again."""
        await self.onlookers.start()
        for served in self._served:
            served.begin()

    async def close(self) -> None:
        """Stop to serve, within a moment."""
        await asyncio.gather(*(served.end() for served in self._served))

    async def stop(self) -> None:
        """End the rest, within a bound."""
        await self.onlookers.stop()

    def _servers(self, settings: ClusterSettings) -> list[tuple[str, int, Server]]:
        servers: list[tuple[str, int, Server]] = []
        if settings.metrics_port:
            servers.append(("metrics", settings.metrics_port, MetricsServer(self.onlookers.metrics.render)))
        try:
            if settings.dashboard_port:
                servers.append(("dashboard", settings.dashboard_port, self._dashboard(settings)))
        except TokenError as error:
            # Never without the token that was asked for.
            logger.error("there is no dashboard: %s; then restart the operator", error)  # noqa: TRY400 - it says it all
        return servers

    def _dashboard(self, settings: ClusterSettings) -> Dashboard:
        file = settings.dashboard_token_file
        token = None if file is None else read_token(Path(file))
        return Dashboard(self.onlookers.feeds, hosts=settings.dashboard_hosts, token=token)


def _targets(settings: ClusterSettings) -> tuple[Target, ...]:
    if settings.notification_targets is None:
        return ()
    try:
        return read_targets(Path(settings.notification_targets))
    except TargetsError as error:
        logger.error("no notifications are sent: %s; then restart the operator", error)  # noqa: TRY400 - it says it all
        return ()
