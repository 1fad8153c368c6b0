"""What kopf calls: a table of contents. Every handler says which resource to look at again, and nothing else.

Only event handlers are used: they put no finalizer on a resource and no annotation either, so that a resource can
always be deleted, and a quiet pass writes nothing (docs/decisions/0011).
"""

import logging
from typing import Any

import kopf

from anomalyjob_operator.cluster.runtime import Operator
from anomalyjob_operator.names import GROUP, JOB_LABEL, MANAGER, PLURAL, VERSION

OWN_OBJECTS = f"app.kubernetes.io/managed-by={MANAGER},{JOB_LABEL}"
"""Label selector of everything that belongs to some job."""


def register(registry: kopf.OperatorRegistry, operator: Operator) -> None:
    """Enter all handlers."""
    by_job = {JOB_LABEL: kopf.PRESENT}

    @kopf.on.login(registry=registry)
    def login(**context: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - kopf's keyword arguments
        return kopf.login_with_service_account(**context) or kopf.login_with_kubeconfig(**context)

    @kopf.on.startup(registry=registry)
    async def startup(settings: kopf.OperatorSettings, **_: Any) -> None:  # noqa: ANN401
        configure(settings)
        await operator.start()

    @kopf.on.cleanup(registry=registry)
    async def cleanup(**_: Any) -> None:  # noqa: ANN401
        await operator.stop()

    @kopf.on.probe(registry=registry, id="progress")
    async def progress(**_: Any) -> str:  # noqa: ANN401
        return operator.health()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def resource_changed(namespace: str | None, name: str, **_: Any) -> None:  # noqa: ANN401
        operator.resource_changed(str(namespace), name)

    @kopf.on.event("", "v1", "pods", labels=by_job, registry=registry)
    async def pod_changed(namespace: str | None, labels: kopf.Labels, **_: Any) -> None:  # noqa: ANN401
        operator.resource_changed(str(namespace), labels[JOB_LABEL])

    @kopf.on.event("apps", "v1", "deployments", labels=by_job, registry=registry)
    async def deployment_changed(namespace: str | None, labels: kopf.Labels, **_: Any) -> None:  # noqa: ANN401
        operator.object_changed(str(namespace), labels[JOB_LABEL])


def configure(settings: kopf.OperatorSettings) -> None:
    """Bound what kopf leaves open: a watch that went silent is opened again, and nothing is kept in annotations."""
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 30
    settings.networking.request_timeout = 30
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.finalizer = f"{GROUP}/unused"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    for resource in (("", "v1", "pods"), ("apps", "v1", "deployments")):
        settings.watching.label_selectors[resource] = OWN_OBJECTS
    for talkative in ("kopf.objects", "kopf.activities.probe", "aiohttp.access"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
