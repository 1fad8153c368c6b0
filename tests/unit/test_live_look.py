"""What is shown equals what Flink says, to the number: one look at recorded moments, and everything that goes wrong."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from tests.unit.fake_flink import Fault
from tests.unit.live_flink import JOB, VERTICES, RecordedFlink, moment
from tests.unit.live_looks import NOW, look_at, patient, seen, started
from typing_extensions import override

from anomalyjob.key_groups import MAX_PARALLELISM
from anomalyjob.timestamps import from_epoch_milliseconds
from anomalyjob_operator.flink_rest import FlinkUnavailable
from anomalyjob_operator.live import look as look_module
from anomalyjob_operator.live.flink_answers import jvm_metrics, subtask_views
from anomalyjob_operator.live.flink_view import JOB_MANAGER

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures(patient.__name__)]


async def test_the_cluster_and_the_job_are_as_flink_says() -> None:
    view, answers = (await look_at("running")).view, moment("running")

    assert (view.answering, view.answered_at, view.version) == (True, NOW, "2.3.0")
    assert (view.slots_total, view.slots_free) == (9, 0)
    assert view.job is not None
    assert (view.job.state, view.job.tasks_running, view.job.tasks_total) == ("RUNNING", 12, 12)
    assert view.job.started_at == started(answers)
    assert view.job.state_since == from_epoch_milliseconds(answers[JOB]["timestamps"]["RUNNING"])


async def test_the_pipeline_is_named_by_the_first_operator_of_each_vertex() -> None:
    vertices = (await look_at("running")).view.vertices

    assert {vertex.name: vertex.vertex_id for vertex in vertices} == VERTICES
    inputs = {vertex.name: [(one.vertex_id, one.strategy) for one in vertex.inputs] for vertex in vertices}
    assert inputs == {
        "clock": [],
        "source": [(VERTICES["clock"], "HASH")],
        "process": [(VERTICES["source"], "HASH")],
        "sink": [(VERTICES["process"], "FORWARD")],
    }


@pytest.mark.parametrize("name", ["running", "restarting", "restored", "second_start"])
@pytest.mark.parametrize("vertex", list(VERTICES))
async def test_each_subtask_counts_what_flink_counts(name: str, vertex: str) -> None:
    views, answers = (await look_at(name)).view.vertices, moment(name)
    shown = next(view for view in views if view.name == vertex).subtasks
    told = answers[f"{JOB}/vertices/{VERTICES[vertex]}"]["subtasks"]

    assert [(one.index, one.state, one.attempt) for one in shown] == [
        (one["subtask"], one["status"], one["attempt"]) for one in told
    ]
    counts = [(one.records_in, one.records_out, one.bytes_in, one.bytes_out) for one in shown]
    names = ("read-records", "write-records", "read-bytes", "write-bytes")
    assert counts == [
        tuple(one["metrics"][key] if one["metrics"][f"{key}-complete"] else None for key in names) for one in told
    ]


async def test_a_subtask_without_a_taskmanager_has_none() -> None:
    async with RecordedFlink() as flink:
        told = flink.answers[f"{JOB}/vertices/{VERTICES['process']}"]["subtasks"][0]
        told |= {"taskmanager-id": "(unassigned)", "status": "SCHEDULED", "start-time": -1}
        shown = (await seen(flink)).view.vertices[2].subtasks[0]

    assert (shown.task_manager, shown.state) == (None, "SCHEDULED")


@pytest.mark.parametrize(
    "told, since",
    [
        ({"status": "RUNNING", "status-duration": {"RUNNING": 4_000}}, 6_000),
        ({"status": "RUNNING", "status-duration": {"RUNNING": 0}}, 10_000),
        ({"status": "RUNNING", "status-duration": {"RUNNING": -1}}, None),
        ({"status": "SCHEDULED", "status-duration": {"RUNNING": 4_000}}, None),
        ({"status": "FAILED", "status-duration": {"FAILED": 4_000}, "end-time": 9_000}, 9_000),
        ({"status": "CANCELED", "end-time": -1}, None),
    ],
)
async def test_a_subtask_has_its_state_since_it_began_or_has_ended(told: dict[str, Any], since: int | None) -> None:
    subtask = moment("running")[f"{JOB}/vertices/{VERTICES['process']}"]["subtasks"][0] | told
    [view] = subtask_views({"now": 10_000, "subtasks": [subtask]})

    assert view.since == (None if since is None else from_epoch_milliseconds(since))


@pytest.mark.parametrize("vertex", ["source", "process", "sink"])
async def test_rates_are_those_of_flink(vertex: str) -> None:
    view, answers = (await look_at("running")).view, moment("running")
    told = {one["id"]: one["value"] for one in answers[f"{JOB}/vertices/{VERTICES[vertex]}/metrics"]}

    for index in range(3):
        rates = view.rates[VERTICES[vertex], index]
        assert rates.records_in == float(told[f"{index}.numRecordsInPerSecond"])
        assert rates.records_out == float(told[f"{index}.numRecordsOutPerSecond"])
        assert rates.bytes_in == float(told[f"{index}.numBytesInPerSecond"])
        assert rates.bytes_out == float(told[f"{index}.numBytesOutPerSecond"])
        assert rates.busy == float(told[f"{index}.busyTimeMsPerSecond"]) / 1000
        assert rates.backpressured == float(told[f"{index}.backPressuredTimeMsPerSecond"]) / 1000
        assert rates.idle == float(told[f"{index}.idleTimeMsPerSecond"]) / 1000


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
async def test_a_rate_that_is_no_number_is_not_known(text: str) -> None:
    async with RecordedFlink() as flink:
        path = f"{JOB}/vertices/{VERTICES['process']}/metrics"
        flink.answers[path] = [{"id": "0.busyTimeMsPerSecond", "value": text}]
        rates = (await seen(flink)).view.rates

    assert rates[VERTICES["process"], 0].busy is None


async def test_a_taskmanager_tells_its_memory_and_load() -> None:
    view, answers = (await look_at("running")).view, moment("running")
    name = "demo-taskmanager-2"
    told = {one["id"]: float(one["value"]) for one in answers[f"/taskmanagers/{name}/metrics"]}
    listed = next(one for one in answers["/taskmanagers"]["taskmanagers"] if one["id"] == name)

    metrics = view.metrics[name]
    assert metrics.at == NOW
    assert metrics.cpu_load == told["Status.JVM.CPU.Load"]
    assert metrics.heap_used_bytes == told["Status.JVM.Memory.Heap.Used"]
    assert metrics.heap_max_bytes == told["Status.JVM.Memory.Heap.Max"]
    assert metrics.non_heap_used_bytes == told["Status.JVM.Memory.NonHeap.Used"]
    assert (metrics.managed_used_bytes, metrics.managed_total_bytes) == (0, 0)
    assert view.task_managers[name].memory_total_bytes == listed["memoryConfiguration"]["totalProcessMemory"]
    assert view.task_managers[name].slots_total == 3


async def test_the_jobmanager_tells_its_memory_and_load() -> None:
    view, answers = (await look_at("running")).view, moment("running")
    told = {one["id"]: float(one["value"]) for one in answers["/jobmanager/metrics"]}

    metrics = view.metrics[JOB_MANAGER]
    assert metrics.cpu_load == told["Status.JVM.CPU.Load"]
    assert metrics.heap_used_bytes == told["Status.JVM.Memory.Heap.Used"]
    assert metrics.heap_max_bytes == told["Status.JVM.Memory.Heap.Max"]
    assert (metrics.managed_used_bytes, metrics.managed_total_bytes) == (None, None)


async def test_what_a_jvm_does_not_know_it_tells_as_a_negative_number() -> None:
    told = [("Status.JVM.CPU.Load", "-1.0"), ("Status.JVM.Memory.Heap.Max", "-1"), ("Status.JVM.Memory.Heap.Used", "0")]
    metrics = jvm_metrics([{"id": name, "value": value} for name, value in told], NOW)

    assert metrics is not None
    assert (metrics.cpu_load, metrics.heap_max_bytes, metrics.heap_used_bytes) == (None, None, 0)


async def test_a_taskmanager_without_metrics_yet_has_none() -> None:
    view = (await look_at("second_start")).view

    assert view.metrics == {}
    assert set(view.task_managers) == {"demo-taskmanager-1", "demo-taskmanager-2", "demo-taskmanager-3"}


async def test_a_killed_taskmanager_is_no_longer_registered() -> None:
    view = (await look_at("restarting")).view

    assert set(view.task_managers) == {"demo-taskmanager-1", "demo-taskmanager-3"}
    assert view.job is not None
    assert (view.job.state, view.job.tasks_running, view.job.all_running_since) == ("RESTARTING", 0, None)


async def test_a_job_that_is_being_initialized_is_seen_without_its_parts() -> None:
    answered = await look_at("initializing")

    assert answered.view.job is not None
    assert (answered.view.job.state, answered.view.job.tasks_total) == ("INITIALIZING", 0)
    assert (answered.checkpoints, answered.settings, answered.view.vertices) == (None, None, ())


async def test_a_jobmanager_without_the_job_answers_all_the_same() -> None:
    async with RecordedFlink() as flink:
        flink.answers["/jobs/overview"]["jobs"] = []
        answered = await seen(flink)

    assert (answered.view.answering, answered.view.job) == (True, None)
    assert len(answered.view.task_managers) == 3


async def test_without_a_watcher_tasks_are_not_asked_for() -> None:
    async with RecordedFlink() as flink:
        answered = await seen(flink, details=False)

    assert answered.view.job is not None
    assert answered.checkpoints is not None
    assert [request for request in flink.requests if "/vertices/" in request or "metrics" in request] == []


@pytest.mark.parametrize(
    "path",
    [
        f"{JOB}/checkpoints",
        f"{JOB}/checkpoints/config",
        f"{JOB}/vertices/{VERTICES['process']}",
        f"{JOB}/vertices/{VERTICES['process']}/metrics",
        f"{JOB}/checkpoints/details/3/subtasks/{VERTICES['process']}",
        "/taskmanagers/demo-taskmanager-1/metrics",
    ],
)
@pytest.mark.parametrize("answer", [None, [], {}, "text", 7, {"subtasks": [{}]}, [{"id": "x", "value": "y"}]])
async def test_a_part_that_makes_no_sense_hides_nothing_else(path: str, answer: Any) -> None:
    async with RecordedFlink() as flink:
        flink.answers[path] = answer
        view = (await seen(flink)).view

    assert view.job is not None
    assert view.job.tasks_running == 12
    assert len(view.vertices[3].subtasks) == 3
    assert "demo-taskmanager-2" in view.metrics


@pytest.mark.parametrize("path", ["/overview", "/jobs/overview", "/taskmanagers"])
@pytest.mark.parametrize("answer", [None, [], {}, "text", {"jobs": 3, "taskmanagers": 3}])
async def test_what_is_needed_must_make_sense(path: str, answer: Any) -> None:
    async with RecordedFlink() as flink:
        flink.answers[path] = answer
        with pytest.raises(FlinkUnavailable):
            await seen(flink)


@pytest.mark.parametrize(
    "fault", ["down", "hangs", "error", "garbage", "truncated", "wrong shape", "endless", "redirects"]
)
async def test_whatever_is_wrong_with_flink_a_look_ends(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_module, "NEEDED_SECONDS", 1.0)
    async with RecordedFlink() as flink:
        await flink.set_fault(fault)
        async with asyncio.timeout(20):
            with pytest.raises(FlinkUnavailable):
                await seen(flink)


async def test_the_rates_of_many_subtasks_are_asked_for_in_requests_that_flink_takes() -> None:
    async with RecordedFlink() as flink:
        for vertex in flink.answers[JOB]["vertices"]:
            vertex["parallelism"] = MAX_PARALLELISM
        await seen(flink)

    assert max(map(len, flink.requests)) < 4_000
    for vertex_id in VERTICES.values():
        asked = "".join(request for request in flink.requests if vertex_id in request)
        assert all(f"{index}.idleTimeMsPerSecond" in asked for index in range(MAX_PARALLELISM))


async def test_as_many_taskmanagers_as_a_job_may_have_tell_their_memory_and_load() -> None:
    async with RecordedFlink() as flink:
        managers = flink.answers["/taskmanagers"]["taskmanagers"]
        managers[:] = [managers[0] | {"id": f"demo-taskmanager-{number}"} for number in range(100)]
        await seen(flink)

        assert sum(flink.asked_for(f"{one['id']}/metrics") for one in managers) == 100


class CountingFlink(RecordedFlink):
    """Notes how many requests it had at the same time at most."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0
        self.at_once = 0

    @override
    async def _answer_none(self, request: web.Request) -> web.StreamResponse:
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        await asyncio.sleep(0.01)
        self._now -= 1
        return await super()._answer_none(request)


async def test_few_answers_are_read_at_the_same_time_however_large_they_are() -> None:
    async with CountingFlink() as flink:
        await seen(flink)

    assert 1 < flink.at_once <= look_module.AT_ONCE == 4
