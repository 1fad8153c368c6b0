"""The client of the API server: what its answers mean, and that it never waits without a bound."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from kubernetes.aio.client.configuration import Configuration
from tests.unit.cluster_world import SETTINGS, World, open_world
from tests.unit.gate import Fault
from tests.unit.observations import T0, at

from anomalyjob_operator.cluster import api as api_module
from anomalyjob_operator.cluster.api import ApiError, ApiUnavailableError, ConflictError, KubernetesApi
from anomalyjob_operator.cluster.backend import ClusterBackend, rest_address
from anomalyjob_operator.cluster.kinds import ANOMALY_JOB, CONFIG_MAP, EVENT, SERVICE, Manifest
from anomalyjob_operator.status import Event

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as made:
        yield made


def config_map(name: str = "one", **labels: str) -> Manifest:
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": "ä"}}


async def test_what_is_not_there_is_none(world: World) -> None:
    assert await world.api.get(CONFIG_MAP, "default", "none") is None


async def test_what_was_created_is_found_by_its_labels_in_one_namespace_and_in_all(world: World) -> None:
    await world.api.create(CONFIG_MAP, config_map("a", **{"anomalyjob.dev/job": "a"}))
    await world.api.create(CONFIG_MAP, config_map("b", **{"anomalyjob.dev/job": "b"}))

    for namespace in ("default", None):
        found = await world.api.list(CONFIG_MAP, namespace, {"anomalyjob.dev/job": "b"})
        assert [item["metadata"]["name"] for item in found] == ["b"]
    assert await world.api.list(CONFIG_MAP, "other") == []


async def test_creating_twice_is_a_conflict(world: World) -> None:
    await world.api.create(CONFIG_MAP, config_map())

    with pytest.raises(ConflictError, match=r'POST .*/configmaps: the API server answered 409: .*"one" already exists'):
        await world.api.create(CONFIG_MAP, config_map())


async def test_replacing_another_version_is_a_conflict_and_changes_nothing(world: World) -> None:
    old = await world.api.create(CONFIG_MAP, config_map())
    await world.api.replace(CONFIG_MAP, old | {"data": {"text": "new"}})

    with pytest.raises(ConflictError, match="the object has been modified"):
        await world.api.replace(CONFIG_MAP, old | {"data": {"text": "mine"}})
    found = await world.api.get(CONFIG_MAP, "default", "one")
    assert found is not None
    assert found["data"] == {"text": "new"}


async def test_a_status_of_another_version_is_a_conflict(world: World) -> None:
    old = world.submit()
    world.edit_spec(lambda spec: spec.update(detection={"maxCount": 4}))

    with pytest.raises(ConflictError):
        await world.api.set_status(ANOMALY_JOB, old, {"phase": "Running"})
    assert "status" not in world.store.get(ANOMALY_JOB, "default", "demo")


async def test_only_the_very_object_is_deleted(world: World) -> None:
    made = await world.api.create(CONFIG_MAP, config_map())
    await world.api.delete(CONFIG_MAP, "default", "one", uid="another")
    assert world.store.find(CONFIG_MAP, "default", "one") is not None

    await world.api.delete(CONFIG_MAP, "default", "one", uid=made["metadata"]["uid"])
    assert world.store.find(CONFIG_MAP, "default", "one") is None
    await world.api.delete(CONFIG_MAP, "default", "one", uid=made["metadata"]["uid"])


UNUSABLE: tuple[Fault, ...] = ("refused", "answer lost", "hangs", "hangs after it", "garbage")


@pytest.mark.parametrize("fault", UNUSABLE)
async def test_no_usable_answer_is_told_apart_from_a_refusal_and_within_a_bound(
    world: World, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "REQUEST_TIMEOUT_SECONDS", 0.2)
    world.gate.trouble = (0, fault)

    begin = time.monotonic()
    with pytest.raises(ApiUnavailableError, match=r"POST .*/configmaps: no usable answer of the API server"):
        await world.api.create(CONFIG_MAP, config_map())
    assert time.monotonic() - begin < 10


async def test_a_server_that_fails_is_a_refusal_with_its_own_words(world: World) -> None:
    world.gate.trouble = (0, "error")

    with pytest.raises(ApiError, match="answered 500: etcdserver: request timed out") as refused:
        await world.api.create(CONFIG_MAP, config_map())
    assert refused.value.status == 500
    assert not isinstance(refused.value, ConflictError)


async def test_an_api_server_that_is_not_there_is_no_usable_answer() -> None:
    async with KubernetesApi(Configuration(host="http://127.0.0.1:1")) as api:
        with pytest.raises(ApiUnavailableError, match="no usable answer"):
            await api.list(SERVICE, None)


async def test_a_client_that_was_not_opened_says_so() -> None:
    with pytest.raises(RuntimeError, match="use it with `async with`"):
        await KubernetesApi(Configuration()).list(SERVICE, None)


async def test_calls_side_by_side_get_their_own_answers(world: World) -> None:
    for number in range(5):
        world.store.create(CONFIG_MAP, config_map(f"n{number}"))

    found = await asyncio.gather(*(world.api.get(CONFIG_MAP, "default", f"n{number}") for number in range(5)))
    assert [item["metadata"]["name"] for item in found if item] == ["n0", "n1", "n2", "n3", "n4"]


async def test_an_event_told_again_stays_one_and_another_is_another(world: World) -> None:
    backend = ClusterBackend(world.api, world.submit(), SETTINGS, lambda: T0)
    told = Event(type="Warning", reason="CheckpointError", message="m" * 2_000, at=at(1))
    again = Event(type="Warning", reason="CheckpointError", message="m" * 2_000, at=at(1))
    later = Event(type="Warning", reason="CheckpointError", message="m" * 2_000, at=at(2))

    await backend.emit((told, again))
    await backend.emit((told, later))

    events = world.store.all(EVENT)
    assert sorted(event["firstTimestamp"] for event in events) == ["2026-01-02T03:00:01Z", "2026-01-02T03:00:02Z"]
    assert {len(event["message"]) for event in events} == {1_024}
    assert {event["involvedObject"]["uid"] for event in events} == {"uid-1"}


ADDRESSES = {"10.1.0.7": "http://10.1.0.7:8081", "fd00::7": "http://[fd00::7]:8081"}


@pytest.mark.parametrize("address", ADDRESSES)
async def test_flink_answers_at_the_address_of_its_pod(address: str) -> None:
    assert rest_address(address) == ADDRESSES[address]
