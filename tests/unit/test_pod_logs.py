"""The live log's source on Kubernetes, against an API server whose logs break off, fall silent and are refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client.configuration import Configuration
from tests.unit.cluster_pods import pod, waits

from anomalyjob_operator.cluster import api as api_module
from anomalyjob_operator.cluster import pod_logs as module
from anomalyjob_operator.cluster.api import KubernetesApi
from anomalyjob_operator.cluster.pod_logs import PodLogs
from anomalyjob_operator.live.log_source import LogBatch

pytestmark = pytest.mark.asyncio

BOUND_SECONDS = 30.0
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WORKLOAD = "demo-taskmanager-1"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PODS_SECONDS", "SETTLED_PODS_SECONDS", "FIRST_RETRY_SECONDS", "LARGEST_RETRY_SECONDS"):
        monkeypatch.setattr(module, name, 0.02)


def line(number: int, text: str | None = None) -> str:
    return f"2026-01-02T03:04:{number // 10:02}.{number % 10}00000000Z {text or f'line {number}'}"


@dataclass
class Logs:
    """The API server: pods and the lines of each; `cut_after` ends every answer after so many lines."""

    pods: list[dict[str, Any]] = field(default_factory=lambda: [pod(WORKLOAD, CREATED)])
    lines: dict[str, list[str]] = field(default_factory=dict)
    cut_after: int | None = None
    refusal: int | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    open: int = 0
    looks: int = 0

    async def list_pods(self, request: web.Request) -> web.Response:
        """Answer."""
        assert request.query["labelSelector"] == "anomalyjob.dev/job=demo,app.kubernetes.io/component=taskmanager"
        assert request.query["resourceVersion"] == "0", "the server answers from its memory"
        self.looks += 1
        return web.json_response({"items": self.pods})

    async def log(self, request: web.Request) -> web.StreamResponse:
        """Answer with what is there, and go on as it grows."""
        self.asked.append(dict(request.query))
        if self.refusal is not None:
            return web.json_response({"message": "not allowed, says the test"}, status=self.refusal)
        workload = request.match_info["pod"].removesuffix("-5d4f8-abcde")
        response = web.StreamResponse()
        await response.prepare(request)
        self.open += 1
        try:
            await self._send(request, response, self.lines.setdefault(workload, []))
        finally:
            self.open -= 1
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, lines: list[str]) -> None:
        since, sent = request.query.get("sinceTime"), 0
        position = max(0, len(lines) - int(request.query["tailLines"])) if since is None else 0
        while self.cut_after is None or sent < self.cut_after:
            for one in lines[position:][: None if self.cut_after is None else self.cut_after - sent]:
                position += 1
                if since is None or one[:19] >= since[:19]:
                    sent += 1
                    await response.write(f"{one}\n".encode())
            await asyncio.sleep(0.01)

    async def until(self, **values: int) -> None:
        """Wait until a number is as wanted."""
        async with asyncio.timeout(BOUND_SECONDS):
            while any(getattr(self, name) != value for name, value in values.items()):  # noqa: ASYNC110 - polls a fake
                await asyncio.sleep(0.01)

    async def until_looks(self, count: int) -> None:
        """Wait until pods were looked for so often."""
        async with asyncio.timeout(BOUND_SECONDS):
            while self.looks < count:  # noqa: ASYNC110 - polls a fake
                await asyncio.sleep(0.01)


@asynccontextmanager
async def follow(logs: Logs, history: int = 100) -> AsyncIterator[AsyncIterator[LogBatch]]:
    application = web.Application()
    application.router.add_get("/api/v1/namespaces/default/pods", logs.list_pods)
    application.router.add_get("/api/v1/namespaces/default/pods/{pod}/log", logs.log)
    server = TestServer(application)
    await server.start_server()
    host = str(server.make_url("")).rstrip("/")
    try:
        async with KubernetesApi(Configuration(host=host)) as api:
            following = PodLogs(api).of(("default", "demo")).follow(history)
            async with aclosing(following):  # type: ignore[type-var]
                yield following
    finally:
        await server.close()


async def take(following: AsyncIterator[LogBatch], count: int) -> list[tuple[str, str]]:
    """So many lines, each with its workload."""
    taken: list[tuple[str, str]] = []
    async with asyncio.timeout(BOUND_SECONDS):
        while len(taken) < count:
            batch = await anext(following)
            taken += [(batch.workload, text) for text in batch.lines]
    assert len(taken) == count
    return taken


def numbered(*numbers: int) -> list[tuple[str, str]]:
    return [(WORKLOAD, f"line {number}") for number in numbers]


async def test_it_begins_with_the_last_lines_and_goes_on() -> None:
    logs = Logs(lines={WORKLOAD: [line(number) for number in range(5)]})
    async with follow(logs, history=2) as following:
        assert await take(following, 2) == numbered(3, 4)
        logs.lines[WORKLOAD].append(line(5))
        assert await take(following, 1) == numbered(5)
    assert logs.asked == [{"container": "flink", "follow": "true", "timestamps": "true", "tailLines": "2"}]


async def test_a_log_that_breaks_off_goes_on_without_a_line_twice_or_lost() -> None:
    logs = Logs(lines={WORKLOAD: [line(number) for number in range(40)]}, cut_after=11)
    async with follow(logs) as following:
        assert await take(following, 40) == numbered(*range(40))
        assert logs.asked[1]["sinceTime"] == "2026-01-02T03:04:01Z"


async def test_a_pod_that_comes_later_is_read_from_its_beginning() -> None:
    logs = Logs(lines={WORKLOAD: [line(1)]})
    async with follow(logs, history=1) as following:
        assert await take(following, 1) == numbered(1)
        logs.lines["demo-taskmanager-2"] = [line(number) for number in range(3)]
        logs.pods.append(pod("demo-taskmanager-2", CREATED))
        assert await take(following, 3) == [("demo-taskmanager-2", f"line {number}") for number in range(3)]


async def test_a_pod_that_does_not_run_is_not_asked() -> None:
    waiting = pod(WORKLOAD, CREATED)
    waiting["status"]["containerStatuses"][1]["state"] = waits("ContainerCreating")
    logs = Logs(pods=[waiting, pod("demo-taskmanager-2", CREATED)], lines={"demo-taskmanager-2": [line(1)]})
    async with follow(logs) as following:
        await take(following, 1)
        assert len(logs.asked) == 1


async def test_the_stream_of_a_pod_that_is_gone_is_closed() -> None:
    logs = Logs(lines={WORKLOAD: [line(1)]})
    async with follow(logs) as following:
        await take(following, 1)
        logs.pods.clear()
        waiter = asyncio.ensure_future(anext(following))
        await logs.until(open=0)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)


async def test_nothing_stays_open_when_nobody_follows_any_more() -> None:
    logs = Logs(lines={WORKLOAD: [line(1)]})
    async with follow(logs) as following:
        await take(following, 1)
        assert logs.open == 1
        await following.aclose()  # type: ignore[attr-defined]
        await logs.until(open=0)


async def test_an_answer_that_falls_silent_is_asked_for_again_and_no_trouble(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(api_module, "STREAM_SILENCE_SECONDS", 0.1)
    logs = Logs(lines={WORKLOAD: [line(1)]})
    async with follow(logs) as following:
        assert await take(following, 1) == numbered(1)
        waiter = asyncio.ensure_future(anext(following))
        async with asyncio.timeout(BOUND_SECONDS):
            while len(logs.asked) < 3:  # noqa: ASYNC110 - polls a fake
                await asyncio.sleep(0.01)
        logs.lines[WORKLOAD].append(line(2))
        assert (await asyncio.wait_for(waiter, BOUND_SECONDS)).lines == ("line 2",)
    assert caplog.text == ""


async def test_a_missing_permission_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    logs = Logs(lines={WORKLOAD: [line(1)]}, refusal=403)
    async with follow(logs) as following:
        waiter = asyncio.ensure_future(anext(following))
        async with asyncio.timeout(BOUND_SECONDS):
            while len(logs.asked) < 5:  # noqa: ASYNC110 - polls a fake
                await asyncio.sleep(0.01)
        logs.refusal = None
        assert (await asyncio.wait_for(waiter, BOUND_SECONDS)).lines == ("line 1",)
    assert caplog.text.count("the log of default/demo cannot be followed") == 1
    assert "not allowed, says the test" in caplog.text


async def test_pods_that_stay_are_looked_for_seldom_until_a_stream_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLED_PODS_SECONDS", 60.0)
    monkeypatch.setattr(module, "QUIET_LOOKS", 2)
    logs, waits = Logs(lines={WORKLOAD: [line(1)]}), list[float]()

    async def noted(event: asyncio.Event, seconds: float) -> None:
        waits.append(seconds)
        await wait(event, seconds)

    wait = module._wait
    monkeypatch.setattr(module, "_wait", noted)
    async with follow(logs) as following:
        await take(following, 1)
        async with asyncio.timeout(BOUND_SECONDS):
            while not waits:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        looks = logs.looks
        assert looks == 3
        assert waits == [60.0 - module.PODS_SECONDS]
        logs.cut_after = 0
        waiter = asyncio.ensure_future(anext(following))
        async with asyncio.timeout(BOUND_SECONDS):
            while logs.looks == looks:  # noqa: ASYNC110 - polls a fake
                await asyncio.sleep(0.01)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)


async def test_pods_that_are_still_to_come_are_looked_for_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLED_PODS_SECONDS", 60.0)
    monkeypatch.setattr(module, "QUIET_LOOKS", 2)
    logs = Logs(pods=[], lines={WORKLOAD: [line(1)]})
    async with follow(logs) as following:
        waiter = asyncio.ensure_future(take(following, 1))
        async with asyncio.timeout(BOUND_SECONDS):
            while logs.looks < 6:  # noqa: ASYNC110 - polls a fake
                await asyncio.sleep(0.01)
        logs.pods.append(pod(WORKLOAD, CREATED))
        assert await asyncio.wait_for(waiter, BOUND_SECONDS) == numbered(1)


async def test_a_container_that_starts_again_is_asked_for_soon(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LARGEST_RETRY_SECONDS", 60.0)
    logs = Logs(lines={WORKLOAD: [line(1)]}, refusal=400)
    async with follow(logs) as following:
        waiter = asyncio.ensure_future(take(following, 1))
        async with asyncio.timeout(BOUND_SECONDS):
            while len(logs.asked) < 15:  # noqa: ASYNC110 - polls a fake
                await asyncio.sleep(0.01)
        logs.refusal = None
        assert await asyncio.wait_for(waiter, BOUND_SECONDS) == numbered(1)
    assert caplog.text == ""


async def test_more_pods_than_there_are_places_take_turns_without_a_loss(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAXIMUM_STREAMS", 1)
    monkeypatch.setattr(module, "TURN_SECONDS", 0.03)
    monkeypatch.setattr(module, "TURN_CHECK_SECONDS", 0.01)
    workloads = [f"demo-taskmanager-{number}" for number in (1, 2, 3)]
    logs = Logs(pods=[pod(name, CREATED) for name in workloads], lines={name: [line(0)] for name in workloads})
    taken: list[tuple[str, str]] = []
    async with follow(logs) as following:
        for number in range(1, 30):
            for name in workloads:
                logs.lines[name].append(line(number))
            await asyncio.sleep(0.01)
        taken = await take(following, 90)
        assert logs.open <= 1
    for name in workloads:
        assert [text for workload, text in taken if workload == name] == [f"line {number}" for number in range(30)]
    assert caplog.text.count("they take turns, lines come late") == 1


async def test_more_pods_than_there_are_places_wait_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_STREAMS", 1)
    second = "demo-taskmanager-2"
    logs = Logs(pods=[pod(WORKLOAD, CREATED), pod(second, CREATED)], lines={WORKLOAD: [line(1)], second: [line(1)]})
    async with follow(logs) as following:
        await take(following, 1)
        assert logs.open == 1
        logs.pods.pop(0)
        assert await take(following, 1) == [(second, "line 1")]
        assert logs.open == 1


async def test_as_many_pods_as_a_job_may_have_are_read_while_each_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN_SECONDS", 0.1)
    monkeypatch.setattr(module, "TURN_CHECK_SECONDS", 0.02)
    workloads = [f"demo-taskmanager-{number}" for number in range(2 * 100)]
    logs = Logs(pods=[pod(name, CREATED) for name in workloads], lines={name: [line(1)] for name in workloads})
    async with follow(logs) as following:
        assert {workload for workload, _ in await take(following, 200)} == set(workloads)


async def test_an_answer_that_makes_no_sense_is_told_once_and_the_next_look_is_taken(
    caplog: pytest.LogCaptureFixture,
) -> None:
    senseless = pod("demo-taskmanager-2", CREATED)
    senseless["status"]["containerStatuses"] = 7
    logs = Logs(pods=[senseless], lines={WORKLOAD: [line(1)]})
    async with follow(logs) as following:
        waiter = asyncio.ensure_future(take(following, 1))
        await logs.until_looks(5)
        logs.pods[:] = [pod(WORKLOAD, CREATED)]
        assert await asyncio.wait_for(waiter, BOUND_SECONDS) == numbered(1)
    assert caplog.text.count("the log of default/demo cannot be followed: 'int' object is not iterable") == 1


async def test_the_task_of_a_pod_that_ended_by_itself_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    logs, read, broken = Logs(lines={WORKLOAD: [line(1)]}), module.PodLogSource._read, [True]

    async def read_or_break(*arguments: Any) -> None:
        if broken.pop() if broken else False:
            raise ValueError("a defect")
        await read(*arguments)

    monkeypatch.setattr(module.PodLogSource, "_read", read_or_break)
    async with follow(logs) as following:
        assert await take(following, 1) == numbered(1)
    assert broken == []


async def test_pods_that_are_too_many_to_be_read_are_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAXIMUM_PODS", 1)
    logs = Logs(pods=[pod(WORKLOAD, CREATED), pod("demo-taskmanager-2", CREATED)], lines={WORKLOAD: [line(1)]})
    async with follow(logs) as following:
        await take(following, 1)
        await logs.until_looks(logs.looks + 3)
    assert caplog.text.count("default/demo has 2 TaskManager pods: the logs of 1 of them are followed") == 1
