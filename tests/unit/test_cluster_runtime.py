"""The operator's process: kopf's real event loop against a fake API server; what makes it quick, and what right."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import kopf
import pytest
from aiohttp.test_utils import unused_port
from kubernetes.aio.client.configuration import Configuration
from tests.unit.fake_objects import ObjectStore
from tests.unit.gate import Gate
from tests.unit.watched_kubernetes import WatchedKubernetes

from anomalyjob_operator.cluster import objects as objects_module
from anomalyjob_operator.cluster import runtime as runtime_module
from anomalyjob_operator.cluster import show as show_module
from anomalyjob_operator.cluster.api import KubernetesApi
from anomalyjob_operator.cluster.handlers import OWN_OBJECTS, configure, register
from anomalyjob_operator.cluster.kinds import ANOMALY_JOB, DEPLOYMENT, SERVICE, Kind
from anomalyjob_operator.cluster.runtime import UNHEALTHY_AFTER_SECONDS, Operator
from anomalyjob_operator.cluster.settings import ClusterSettings

SETTINGS = ClusterSettings(
    job_image="anomalyjob:dev",
    image_pull_policy="IfNotPresent",
    operator_namespace="anomalyjob-system",
    watched_namespaces=("default",),
    liveness_port=8080,
    dashboard_port=0,
    metrics_port=0,
)
BOUND_SECONDS = 20.0
"""Longer than anything here takes on the busiest machine, shorter than the time between two resyncs."""


@dataclass
class Process:
    """A running operator and the API server that it works with."""

    server: WatchedKubernetes
    operator: Operator
    probe: str
    stop: asyncio.Event
    task: asyncio.Task[None]

    @property
    def store(self) -> ObjectStore:
        """What the API server keeps."""
        return self.server.store

    def there(self, kind: Kind, name: str) -> bool:
        """Whether there is such an object."""
        return self.store.find(kind, "default", name) is not None

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something holds, looking whenever the store changes."""
        changed = asyncio.Event()
        self.store.on_change.append(changed.set)
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                while not condition():
                    assert not self.task.done(), "the operator ended"
                    changed.clear()
                    waiter = asyncio.ensure_future(changed.wait())
                    await asyncio.wait({waiter, self.task}, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
                    waiter.cancel()
        except TimeoutError:
            raise AssertionError(f"it never came about that {what}") from None
        finally:
            self.store.on_change.remove(changed.set)


@asynccontextmanager
async def running_operator(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: ClusterSettings = SETTINGS
) -> AsyncIterator[Process]:
    """The operator as `python -m anomalyjob_operator.cluster` runs it, from kubeconfig to probe."""
    gate, port = Gate(), unused_port()
    async with AsyncExitStack() as stack:
        server = WatchedKubernetes(ObjectStore(lambda: datetime.now(UTC)), gate)
        server.watches = []
        await stack.enter_async_context(server)
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(folder, server.url)))
        api = await stack.enter_async_context(KubernetesApi(Configuration(host=server.url)))
        operator, registry, stop = Operator(api, settings), kopf.OperatorRegistry(), asyncio.Event()
        register(registry, operator)
        probe = f"http://127.0.0.1:{port}/healthz"
        task = asyncio.ensure_future(
            kopf.operator(
                registry=registry,
                standalone=True,
                clusterwide=False,
                namespaces=SETTINGS.watched_namespaces,
                liveness_endpoint=probe,
                stop_flag=stop,
            )
        )
        process = Process(server, operator, probe, stop, task)
        try:
            await process.until(lambda: len(server.watches) == 3, "everything is watched")
            yield process
        finally:
            stop.set()
            # kopf waits in vain for all tasks in its loop: here those of the server, too.
            await server.close()
            async with asyncio.timeout(BOUND_SECONDS):
                await task
        assert server.mistakes == []


def kubeconfig(folder: Path, url: str) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "clusters": [{"name": "fake", "cluster": {"server": url}}],
        "users": [{"name": "fake", "user": {"token": "none"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _levels() -> Iterator[None]:
    """Put back what `configure` does to loggers."""
    names = ("kopf.objects", "kopf.activities.probe", "aiohttp.access")
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def submit(process: Process, name: str = "demo") -> None:
    manifest = {"metadata": {"name": name, "namespace": "default"}, "spec": {}}
    process.store.create(ANOMALY_JOB, manifest)


@pytest.mark.asyncio
async def test_events_lead_to_a_deployment_and_to_its_repair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_module, "COMPARED_EVERY", timedelta(hours=1))
    async with running_operator(tmp_path, monkeypatch) as process:
        assert sorted(process.server.watches) == [
            ("anomalyjobs", ""),
            ("deployments", OWN_OBJECTS),
            ("pods", OWN_OBJECTS),
        ]
        submit(process)
        await process.until(lambda: process.there(DEPLOYMENT, "demo-taskmanager-3"), "the job is deployed")
        await process.until(lambda: "status" in process.store.get(ANOMALY_JOB, "default", "demo"), "it is told")

        process.store.delete(DEPLOYMENT, "default", "demo-jobmanager")
        process.store.delete(SERVICE, "default", "demo-rest")
        await process.until(lambda: process.there(DEPLOYMENT, "demo-jobmanager"), "the Deployment is back")
        await process.until(lambda: process.there(SERVICE, "demo-rest"), "the Service is found missing on the way")

        metadata = process.store.get(ANOMALY_JOB, "default", "demo")["metadata"]
        assert "finalizers" not in metadata
        assert "annotations" not in metadata
        async with aiohttp.ClientSession() as session, session.get(process.probe) as answer:
            assert answer.status == 200
            assert "1 resources" in await answer.text()


@pytest.mark.asyncio
async def test_the_resync_alone_finds_a_resource_that_no_event_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_module, "RESYNC_SECONDS", 0.1)
    async with running_operator(tmp_path, monkeypatch) as process:
        process.server.silent = True
        submit(process)
        await process.until(lambda: process.there(DEPLOYMENT, "demo-taskmanager-3"), "the job is deployed")


@pytest.mark.asyncio
async def test_an_operator_without_progress_fails_its_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_operator(tmp_path, monkeypatch) as process:
        process.server.unreachable = True
        process.operator._queue.progressed_at -= UNHEALTHY_AFTER_SECONDS + 1
        timeout = aiohttp.ClientTimeout(total=BOUND_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(process.probe) as answer:
            assert answer.status == 500
        assert "no look at any resource has succeeded for 181 s" in caplog.text
        process.server.unreachable = False


@pytest.mark.asyncio
async def test_the_operator_shows_its_jobs_and_lets_open_pages_hold_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show_module, "ADDRESS", "127.0.0.1")
    settings = replace(SETTINGS, dashboard_port=unused_port(), metrics_port=unused_port())
    client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=BOUND_SECONDS))
    async with client, running_operator(tmp_path, monkeypatch, settings) as process:
        submit(process)
        await process.until(lambda: "status" in process.store.get(ANOMALY_JOB, "default", "demo"), "a pass is told")
        jobs = f"http://127.0.0.1:{settings.dashboard_port}/api/jobs"
        await until_it_says(client, jobs, '"demo"')
        async with client.get(f"http://127.0.0.1:{settings.metrics_port}/metrics") as answer:
            metrics = await answer.text()
        assert 'anomalyjob_ready{name="demo",namespace="default"} 0.0' in metrics
        assert "anomalyjob_reconcile_seconds_count 0.0" not in metrics
        page = await client.get(f"http://127.0.0.1:{settings.dashboard_port}/api/stream/jobs/default/demo")
        assert (await page.content.readline()) == b"event: overview\n"
        began_at = time.monotonic()
        await process.operator.stop()
        assert time.monotonic() - began_at < 9
        with pytest.raises(aiohttp.ClientError):
            await page.read()


async def until_it_says(client: aiohttp.ClientSession, address: str, text: str) -> None:
    """Wait until a page answers with a text: it comes from a thread of its own."""
    async with asyncio.timeout(BOUND_SECONDS):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with client.get(address) as answer:
                    if text in await answer.text():
                        return
            await asyncio.sleep(0.05)


def registered() -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    register(registry, Operator(KubernetesApi(Configuration()), SETTINGS))
    return registry


def test_nothing_is_registered_that_would_put_a_finalizer_or_an_annotation_on_anything() -> None:
    registry = registered()

    assert len(registry._watching.get_all_handlers()) == 3
    assert list(registry._changing.get_all_handlers()) == []
    assert list(registry._spawning.get_all_handlers()) == []
    assert list(registry._webhooks.get_all_handlers()) == []
    assert list(registry._indexing.get_all_handlers()) == []
    activities = {str(handler.id) for handler in registry._activities.get_all_handlers()}
    assert {identifier.rpartition(".")[2] for identifier in activities} == {"login", "startup", "cleanup", "progress"}


def test_watches_are_bounded_and_nothing_is_posted_or_scanned() -> None:
    settings = kopf.OperatorSettings()
    configure(settings)

    assert settings.watching.server_timeout is not None
    assert settings.watching.client_timeout is not None
    assert settings.watching.server_timeout < settings.watching.client_timeout
    assert settings.posting.enabled is False
    assert settings.scanning.disabled is True


@pytest.mark.parametrize("seconds, healthy", [(0, True), (UNHEALTHY_AFTER_SECONDS - 5, True), (200, False)])
def test_the_operator_is_healthy_as_long_as_looks_come_to_an_end(seconds: float, healthy: bool) -> None:
    operator = Operator(KubernetesApi(Configuration()), SETTINGS)
    operator._queue.progressed_at -= seconds

    if healthy:
        assert "the last look that succeeded" in operator.health()
        return
    with pytest.raises(kopf.PermanentError, match="no look at any resource has succeeded for 200 s"):
        operator.health()
