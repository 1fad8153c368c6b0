"""Starts the operator: `python -m anomalyjob_operator.cluster`. It reads settings, connects, and hands over to kopf."""

import asyncio
import logging
import os
import sys

import kopf
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from anomalyjob_operator.aside import end_process
from anomalyjob_operator.cluster.api import KubernetesApi
from anomalyjob_operator.cluster.handlers import register
from anomalyjob_operator.cluster.runtime import Operator
from anomalyjob_operator.cluster.settings import ClusterSettings, SettingsError


def main() -> int:
    """Run until a signal; return the exit status, 2 for wrong settings."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    try:
        settings = ClusterSettings.of(os.environ)
        left_behind = asyncio.run(_run(settings))
    except (SettingsError, ConfigException) as error:
        sys.stderr.write(f"anomalyjob operator: {error}\n")
        return 2
    return end_process(0) if left_behind else 0


async def _run(settings: ClusterSettings) -> bool:
    """Return whether something was left behind that the process would wait for."""
    registry = kopf.OperatorRegistry()
    async with KubernetesApi(await _configuration()) as api:
        operator = Operator(api, settings)
        register(registry, operator)
        await kopf.operator(
            registry=registry,
            standalone=True,
            clusterwide=not settings.watched_namespaces,
            namespaces=settings.watched_namespaces,
            liveness_endpoint=f"http://0.0.0.0:{settings.liveness_port}/healthz",
        )
        return operator.is_left_behind


async def _configuration() -> Configuration:
    """Return how to reach the API server: from inside the cluster, else as kubectl would."""
    configuration = Configuration()
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        load_incluster_config(client_configuration=configuration)
    else:
        await load_kube_config(client_configuration=configuration)
    return configuration


if __name__ == "__main__":
    sys.exit(main())
