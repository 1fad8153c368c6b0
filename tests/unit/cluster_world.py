"""A whole cluster in one process: a fake API server and a fake Flink on real ports, and the real operator's passes.

The clock moves only when told to. An operator that is killed does nothing more; the next one remembers nothing.
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from kubernetes.aio.client.configuration import Configuration
from tests.unit.fake_controllers import Controllers
from tests.unit.fake_kubernetes import FakeKubernetes
from tests.unit.fake_objects import ObjectStore
from tests.unit.gate import Gate, Write
from tests.unit.observations import T0
from tests.unit.played_flink import GatedFlink, PlayedFlink

from anomalyjob_operator.cluster.api import KubernetesApi
from anomalyjob_operator.cluster.jobs import Jobs
from anomalyjob_operator.cluster.kinds import ANOMALY_JOB, CONFIG_MAP, DEPLOYMENT, EVENT, Kind, Manifest
from anomalyjob_operator.cluster.render import RenderSettings
from anomalyjob_operator.ledger import Ledger

KEY: Final = ("default", "demo")
SETTINGS: Final = RenderSettings(job_image="anomalyjob:dev", operator_namespace="anomalyjob-system")


HEALTHY: Final = {
    "Ready": "True",
    "Reconciling": "False",
    "Stalled": "False",
    "CheckpointingHealthy": "True",
    "StateSafe": "True",
}
"""The conditions of a job about which nothing is wrong."""


class KilledError(BaseException):
    """The operator's process ended here."""


@dataclass
class World:
    """One cluster with one resource. What is looked at in tests stands in `store`, `flink` and `gate`."""

    store: ObjectStore
    controllers: Controllers
    flink: PlayedFlink
    gate: Gate
    server: FakeKubernetes
    api: KubernetesApi
    now: datetime = T0
    checkpoint_every: timedelta | None = None
    errors: list[Exception] = field(default_factory=list)
    jobs: Jobs = field(init=False)
    _last_checkpoint: datetime = T0

    def __post_init__(self) -> None:
        """Begin with an operator."""
        self.start_operator()

    def saved(self) -> dict[str, Any]:
        """Everything that is there, to begin another world with."""
        kept = {name: {key: getattr(part, key) for key in keys} for name, (part, keys) in self._parts().items()}
        # Objects in the store are never changed.
        return copy.deepcopy(kept) | {"objects": (dict(self.store._objects), dict(self.store._applied))}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Let everything be as it was saved, with an operator that remembers nothing."""
        for name, (part, keys) in self._parts().items():
            for key in keys:
                setattr(part, key, copy.deepcopy(saved[name][key]))
        self.store._objects, self.store._applied = map(dict, saved["objects"])
        self.gate.forget()
        self.start_operator()

    def _parts(self) -> dict[str, tuple[object, tuple[str, ...]]]:
        return {
            "world": (self, ("now", "checkpoint_every", "_last_checkpoint")),
            "store": (self.store, ("_version", "_uids")),
            "controllers": (self.controllers, ("pods_made",)),
            "flink": (self.flink, ("starts", "newest", "needs", "_pod", "_taskmanagers")),
            "fake": (self.flink.fake, ("job", "fates", "asked", "overview", "checkpoints", "exceptions", "config")),
        }

    def submit(self, name: str = "demo", **spec: Any) -> Manifest:
        """Apply a resource, as a user does."""
        manifest = {"metadata": {"name": name, "namespace": "default"}, "spec": spec}
        return self.store.create(ANOMALY_JOB, manifest)

    def edit_spec(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the resource's spec, as a user does."""
        self.store.edit(ANOMALY_JOB, *KEY, lambda resource: change(resource["spec"]))

    def start_operator(self, settings: RenderSettings = SETTINGS) -> None:
        """Start an operator, which remembers nothing; whatever ran before is gone."""
        self.gate.reopen()
        self.jobs = Jobs(self.api, settings, lambda: self.now, rest_address=self._rest_address)

    async def look(self, seconds: float = 1.0) -> float | None:
        """Let time pass and the cluster act, then make one pass. Raise KilledError when the operator dies in it."""
        self.step(seconds)
        look = asyncio.ensure_future(self.jobs.look(KEY))
        killed = asyncio.ensure_future(self.gate.killed.wait())
        await asyncio.wait({look, killed}, return_when=asyncio.FIRST_COMPLETED)
        killed.cancel()
        if self.gate.closed:
            look.cancel()
            await asyncio.gather(look, killed, return_exceptions=True)
            raise KilledError
        return await look

    async def looks(self, count: int, seconds: float = 1.0) -> None:
        """Several passes."""
        for _ in range(count):
            await self.look(seconds)

    async def looks_through_trouble(self, count: int, seconds: float = 1.0) -> None:
        """Several passes, whatever happens to the operator: after its death the next one goes on."""
        for _ in range(count):
            try:
                await self.look(seconds)
            except KilledError:
                self.start_operator()
            except Exception as error:  # noqa: BLE001 - the queue takes whatever a look raises, too
                self.errors.append(error)

    def step(self, seconds: float = 1.0) -> None:
        """Let time pass, and everybody but the operator act."""
        self.now += timedelta(seconds=seconds)
        self.controllers.step()
        self.flink.step(
            self.controllers.running("jobmanager"), self.controllers.running("taskmanager"), self._start_files()
        )
        if self.checkpoint_every is not None and self.now - self._last_checkpoint >= self.checkpoint_every:
            self._checkpoint()

    @property
    def ledger(self) -> Ledger:
        """What is on record."""
        return Ledger.model_validate_json(self.store.get(CONFIG_MAP, "default", "demo-ledger")["data"]["ledger.json"])

    @property
    def status(self) -> dict[str, Any]:
        """What was published last."""
        status: dict[str, Any] = self.store.get(ANOMALY_JOB, *KEY).get("status", {})
        return status

    @property
    def conditions(self) -> dict[str, str]:
        """The conditions that were published last."""
        return {condition["type"]: condition["status"] for condition in self.status["conditions"]}

    @property
    def reasons(self) -> list[str]:
        """The reasons of all Kubernetes events, in the order of their messages' times."""
        events = sorted(self.store.all(EVENT), key=lambda event: str(event["firstTimestamp"]))
        return [event["reason"] for event in events]

    @property
    def writes(self) -> list[Write]:
        """What the operator wrote since `gate.forget()`."""
        return self.gate.writes

    def _checkpoint(self) -> None:
        self._last_checkpoint = self.now
        if self.flink.fake.job is not None and self.flink.job["state"] == "RUNNING":
            self.flink.complete_checkpoint()

    def _rest_address(self, pod_address: str) -> str:
        """The fake Flink, for the address of the JobManager that runs; nobody listens at any other."""
        living = [pod["status"]["podIP"] for pod in self.controllers.running("jobmanager")]
        return self.flink.fake.url if pod_address in living else "http://127.0.0.1:1"

    def _start_files(self) -> dict[str, str] | None:
        """The files that the running JobManager was started with."""
        for pod in self.controllers.running("jobmanager"):
            names = [volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume]
            for name in names:
                found = self.store.find(CONFIG_MAP, "default", name)
                if found is not None and "start.json" in (found["data"] or {}):
                    files: dict[str, str] = found["data"]
                    return files
        return None

    def deployment(self, name: str) -> Manifest:
        """One Deployment."""
        return self.store.get(DEPLOYMENT, "default", name)


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    """An empty cluster with an operator."""
    made: list[World] = []

    def clock() -> datetime:
        return made[0].now if made else T0

    gate = Gate()
    store = ObjectStore(clock)
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(GatedFlink(gate))
        server = await stack.enter_async_context(FakeKubernetes(store, gate))
        api = await stack.enter_async_context(KubernetesApi(Configuration(host=server.url)))
        world = World(store, Controllers(store, clock), PlayedFlink(fake, clock), gate, server, api)
        made.append(world)
        yield world
        assert server.mistakes == []
        assert world.controllers.violations == []


_SAVED: Final[dict[Callable[[World], Awaitable[None]], dict[str, Any]]] = {}


@asynccontextmanager
async def open_world_after(story: Callable[[World], Awaitable[None]]) -> AsyncIterator[World]:
    """A cluster to which the story has happened; it happens once, and what came of it is restored for whoever asks."""
    async with open_world() as world:
        if story not in _SAVED:
            await story(world)
            _SAVED[story] = world.saved()
        world.restore(_SAVED[story])
        yield world


async def a_small_resource_that_was_just_applied(world: World) -> None:
    """The smallest job there is: many writes of a larger one are alike."""
    world.flink.needs = 1
    world.submit(job={"parallelism": 1}, taskManager={"replicas": 1})


async def a_small_job_that_runs(world: World) -> None:
    """The smallest job, with a checkpoint."""
    await a_small_resource_that_was_just_applied(world)
    await world.looks(4)
    world.flink.complete_checkpoint()
    await world.looks(2)


async def a_job_that_runs(world: World) -> None:
    """A job with a checkpoint, about which nothing is left to be written."""
    world.submit()
    await world.looks(4)
    world.flink.complete_checkpoint()
    await world.looks(2)


def names(world: World, kind: Kind) -> list[str]:
    """The names of all objects of a kind."""
    return [item["metadata"]["name"] for item in world.store.all(kind)]


def workload_configurations(world: World) -> list[str]:
    """The names of the ConfigMaps that pods are started with."""
    return [name for name in names(world, CONFIG_MAP) if name != "demo-ledger"]


def stalled(world: World) -> tuple[str, str, str]:
    """Status, reason and message of the condition Stalled."""
    condition = next(one for one in world.status["conditions"] if one["type"] == "Stalled")
    return condition["status"], condition["reason"], condition["message"]
