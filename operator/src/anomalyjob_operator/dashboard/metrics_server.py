"""`/metrics` on a port of its own, for a Prometheus that comes by the pod's address: no token, any host name.

It shows numbers only. It must never serve what the dashboard does.
"""

from aiohttp import web

from anomalyjob_operator.dashboard.listening import Listener
from anomalyjob_operator.dashboard.security import add_headers, plain_errors
from anomalyjob_operator.dashboard.server import Metrics


class MetricsServer(Listener):
    """Serves what `render` returns."""

    def __init__(self, render: Metrics) -> None:
        super().__init__(self.application)
        self._render = render

    def application(self) -> web.Application:
        """Return the application that answers."""
        application = web.Application(middlewares=[plain_errors])
        application.on_response_prepare.append(add_headers)
        application.router.add_get("/metrics", self._show)
        return application

    async def _show(self, request: web.Request) -> web.StreamResponse:
        del request
        content, content_type = self._render()
        return web.Response(body=content, headers={"Content-Type": content_type})
