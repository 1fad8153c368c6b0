"""What the operator shows beside statuses and events: the dashboard, the metrics, and the notifications that it sends.

Everything here may fail, be it wrongly configured, without a job or its reconciling noticing: it only looks on.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from kubernetes.aio.client.configuration import Configuration

from anomalyjob_operator.cluster.api import KubernetesApi
from anomalyjob_operator.cluster.pod_logs import PodLogs
from anomalyjob_operator.cluster.settings import ClusterSettings
from anomalyjob_operator.dashboard import Dashboard
from anomalyjob_operator.dashboard.listening import KeptOpen, Server
from anomalyjob_operator.dashboard.login import TokenError, read_token
from anomalyjob_operator.dashboard.metrics_server import MetricsServer
from anomalyjob_operator.notify.target_file import read_targets
from anomalyjob_operator.notify.targets import Target, TargetsError
from anomalyjob_operator.onlookers import Onlookers
from anomalyjob_operator.pass_report import EmitEvent

logger = logging.getLogger(__name__)

ADDRESS: Final = "0.0.0.0"  # noqa: S104 - inside the pod's network; the chart's NetworkPolicy says who gets there


@asynccontextmanager
async def show(configuration: Configuration, settings: ClusterSettings, emit: EmitEvent) -> AsyncIterator[Onlookers]:
    """Serve and send as long as it is entered; logs are read by connections of its own."""
    async with KubernetesApi(configuration) as log_api:
        onlookers = Onlookers(PodLogs(log_api).of, targets=targets(settings), emit_event=emit)
        served = [
            KeptOpen(server, what, ADDRESS, port, logger.info) for what, port, server in servers(onlookers, settings)
        ]
        await onlookers.start()
        for one in served:
            one.begin()
        try:
            yield onlookers
        finally:
            await asyncio.gather(*(one.end() for one in served))
            await onlookers.stop()


def servers(onlookers: Onlookers, settings: ClusterSettings) -> list[tuple[str, int, Server]]:
    """Return what is served: its name, its port, the server."""
    found: list[tuple[str, int, Server]] = []
    if settings.metrics_port:
        found.append(("metrics", settings.metrics_port, MetricsServer(onlookers.metrics.render)))
    try:
        if settings.dashboard_port:
            found.append(("dashboard", settings.dashboard_port, _dashboard(onlookers, settings)))
    except (TokenError, OSError) as error:
        # Never without the token that was asked for, nor at the cost of metrics and notifications.
        logger.error("there is no dashboard: %s; then restart the operator", error)  # noqa: TRY400 - it says it all
    return found


def targets(settings: ClusterSettings) -> tuple[Target, ...]:
    """Return where notifications may be sent; nowhere when that cannot be read."""
    if settings.notification_targets is None:
        return ()
    try:
        return read_targets(Path(settings.notification_targets))
    except TargetsError as error:
        logger.error("no notifications are sent: %s; then restart the operator", error)  # noqa: TRY400 - it says it all
        return ()


def _dashboard(onlookers: Onlookers, settings: ClusterSettings) -> Dashboard:
    file = settings.dashboard_token_file
    token = None if file is None else read_token(Path(file))
    return Dashboard(onlookers.feeds, hosts=settings.dashboard_hosts, token=token)
