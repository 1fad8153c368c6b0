"""The REST client against recorded answers of Flink 2.3.0, and against everything that can go wrong."""

import asyncio
from typing import Any

import pytest
from tests.unit.fake_flink import RECORDED_JOB_ID, FakeFlink, Fault

from anomalyjob.timestamps import from_epoch_milliseconds
from anomalyjob_operator.flink_rest import FlinkRest, FlinkUnavailable
from anomalyjob_operator.observed import CompletedCheckpoint, FlinkObservation

pytestmark = pytest.mark.asyncio


async def ask(fake: FakeFlink, job_id: str = RECORDED_JOB_ID, timeout_seconds: float = 2.0) -> FlinkObservation:
    async with FlinkRest(fake.url, timeout_seconds) as rest:
        return await rest.observe(job_id)


def failed(number: int, triggered: int, message: str = "Checkpoint expired before completing.") -> dict[str, Any]:
    """A failed checkpoint as Flink lists it (CheckpointStatistics.FailedCheckpointStatistics)."""
    return {
        "className": "failed",
        "id": number,
        "status": "FAILED",
        "is_savepoint": False,
        "trigger_timestamp": triggered,
        "latest_ack_timestamp": -1,
        "state_size": 0,
        "end_to_end_duration": 60_000,
        "failure_timestamp": triggered + 60_000,
        "failure_message": message,
    }


async def test_a_recorded_running_job_is_read_as_it_is() -> None:
    async with FakeFlink() as fake:
        seen = await ask(fake)

    assert (seen.job_id, seen.job_state, seen.tasks_running, seen.tasks_total) == (RECORDED_JOB_ID, "RUNNING", 12, 12)
    assert (seen.taskmanagers, seen.slots_total, seen.slots_free, seen.flink_version) == (3, 9, 0, "2.3.0")
    assert seen.job_started_at == from_epoch_milliseconds(1795500125229)
    assert seen.tasks_changed_at == from_epoch_milliseconds(1795500137121)
    assert seen.failures == ()
    statistics = seen.checkpoints
    assert (statistics.completed, statistics.failed, statistics.restored, statistics.in_progress) == (10, 0, 0, 0)
    assert statistics.recent_durations_milliseconds[-2:] == (117, 73)
    assert len(statistics.recent_durations_milliseconds) == 5
    assert statistics.latest_completed == CompletedCheckpoint(
        checkpoint_id=10,
        path=f"file:/volume/default.demo/checkpoints/1/{RECORDED_JOB_ID}/chk-10",
        completed_at=from_epoch_milliseconds(1795500156196),
        size_bytes=18_006,
        duration_milliseconds=73,
        is_savepoint=False,
    )


async def test_a_jobmanager_that_does_not_know_the_job_says_so() -> None:
    async with FakeFlink() as fake:
        seen = await ask(fake, job_id="f" * 32)

    assert (seen.job_id, seen.job_state, seen.job_started_at, seen.tasks_total) == (None, None, None, 0)
    assert seen.taskmanagers == 3
    assert fake.requests == ["/overview", "/jobs/overview"]


@pytest.mark.parametrize(
    "state, status", [("FAILED", 404), ("RUNNING", 404), ("INITIALIZING", 500), ("INITIALIZING", 503)]
)
@pytest.mark.parametrize("part", ["/checkpoints", "/exceptions"])
async def test_a_job_without_a_part_of_the_answer_still_has_its_state(state: str, status: int, part: str) -> None:
    async with FakeFlink() as fake:
        assert fake.job is not None
        fake.job["state"] = state
        fake.statuses[part] = status
        seen = await ask(fake)

    assert seen.job_state == state
    assert (seen.checkpoints.latest_completed is None) is (part == "/checkpoints")


@pytest.mark.parametrize("part", ["/checkpoints", "/exceptions"])
async def test_a_running_job_with_a_broken_part_was_not_seen(part: str) -> None:
    async with FakeFlink() as fake:
        fake.statuses[part] = 500
        with pytest.raises(FlinkUnavailable, match="HTTP status 500"):
            await ask(fake)


async def test_what_was_restored_is_read() -> None:
    async with FakeFlink() as fake:
        fake.checkpoints["counts"]["restored"] = 1
        fake.checkpoints["latest"]["restored"] = {
            "id": 9,
            "restore_timestamp": 1795500140000,
            "is_savepoint": False,
            "external_path": "file:/volume/chk-9",
        }
        statistics = (await ask(fake)).checkpoints

    assert (statistics.restored, statistics.latest_restored_id) == (1, 9)
    assert statistics.latest_restored_at == from_epoch_milliseconds(1795500140000)


async def test_how_the_job_began_is_read_from_its_global_parameters() -> None:
    async with FakeFlink() as fake:
        seen = (await ask(fake)).start

    assert seen is not None
    chosen = f"/volume/default.demo/checkpoints/1/{RECORDED_JOB_ID}/chk-3"
    assert (seen.start, seen.incarnation, seen.restart_counter, seen.skipped) == (2, 1, 0, 0)
    assert seen.started_at == from_epoch_milliseconds(1795516070161)
    assert (seen.chosen_checkpoint_id, seen.chosen_path) == (3, chosen)
    assert seen.message == (
        f"start 2 of default/demo, incarnation 1, goes on from checkpoint 3 at {chosen}: "
        "the newest usable of 3 on the volume, floor 1"
    )


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({}, id="no settings"),
        pytest.param({"execution-config": {"user-config": {}}}, id="a job of another launcher"),
        pytest.param({"execution-config": {"user-config": []}}, id="a list of settings"),
        pytest.param({"execution-config": {"user-config": {"anomalyjob.start": "{"}}}, id="half a record"),
        pytest.param({"execution-config": {"user-config": {"anomalyjob.start": 7}}}, id="a number for a record"),
        pytest.param({"execution-config": {"user-config": {"anomalyjob.start": '{"start": 0}'}}}, id="no such start"),
    ],
)
async def test_a_start_that_makes_no_sense_hides_nothing_else(config: dict[str, Any]) -> None:
    async with FakeFlink() as fake:
        fake.config = config
        seen = await ask(fake)

    assert seen.start is None
    assert seen.tasks_running == 12


@pytest.mark.parametrize("status", [404, 500])
async def test_a_job_that_does_not_tell_its_settings_is_seen_all_the_same(status: int) -> None:
    async with FakeFlink() as fake:
        fake.statuses["/config"] = status
        seen = await ask(fake)

    assert (seen.start, seen.job_state) == (None, "RUNNING")


async def free_ratio(answer: Any, status: int = 200) -> float | None:
    """What is told of the volume when Flink answers so; the rest is seen all the same."""
    async with FakeFlink() as fake:
        fake.volume_used = answer
        fake.statuses["/subtasks/metrics"] = status
        async with FlinkRest(fake.url) as rest:
            seen = await rest.observe(RECORDED_JOB_ID, volume=True)
    assert seen.tasks_running == 12
    return seen.volume_free_ratio


async def test_how_full_the_volume_is_is_asked_of_the_tasks() -> None:
    async with FakeFlink() as fake, FlinkRest(fake.url) as rest:
        seen = await rest.observe(RECORDED_JOB_ID, volume=True)

    assert seen.volume_free_ratio == pytest.approx(0.235)
    vertex = f"/jobs/{RECORDED_JOB_ID}/vertices/2e588ce1c86a9d46e2e85186773ce4fd"
    assert fake.requests[-1] == f"{vertex}/subtasks/metrics?get=sink.volumeUsedPermille"


@pytest.mark.parametrize("used, free", [(1000.0, 0.0), (1.0, 0.999)])
async def test_the_fullest_that_a_task_saw_counts(used: float, free: float) -> None:
    assert await free_ratio([{"id": "sink.volumeUsedPermille", "min": 0.0, "max": used}]) == pytest.approx(free)


@pytest.mark.parametrize(
    "answer", [[], {}, [{}], [5], None, [{"max": 0.0}], [{"max": 1001.0}], [{"max": -1}], [{"max": "NaN"}]]
)
async def test_a_volume_of_which_nothing_sensible_is_told_was_not_seen(answer: Any) -> None:
    assert await free_ratio(answer) is None


@pytest.mark.parametrize("status", [404, 500])
async def test_metrics_that_are_not_there_hide_nothing_else(status: int) -> None:
    assert await free_ratio([], status) is None


async def test_a_failed_checkpoint_is_read_with_its_reason_on_one_short_line() -> None:
    async with FakeFlink() as fake:
        entry = failed(11, 1795500160000, "java.io.IOException:\n  No space left on device\n" + "x" * 5_000)
        fake.checkpoints["latest"]["failed"] = entry
        fake.checkpoints["counts"]["failed"] = 1
        statistics = (await ask(fake)).checkpoints

    assert statistics.failed == 1
    assert statistics.latest_failed_at == from_epoch_milliseconds(1795500220000)
    assert statistics.latest_failure is not None
    assert statistics.latest_failure.startswith("java.io.IOException: No space left on device xxx")
    assert len(statistics.latest_failure) == 500


@pytest.mark.parametrize(
    "counted, listed, running, early",
    [
        pytest.param(0, [], 12, 0, id="nothing failed"),
        pytest.param(2, [], 12, 2, id="refused triggers are counted but never listed"),
        pytest.param(1, [failed(1, 1795500137120)], 12, 1, id="listed, triggered before the last task ran"),
        pytest.param(1, [failed(1, 1795500137121)], 12, 0, id="listed, triggered when all tasks ran"),
        pytest.param(3, [failed(1, 1795500137120), failed(2, 1795500150000)], 12, 2, id="some of each"),
        pytest.param(3, [failed(2, 1795500150000)], 11, 3, id="not all tasks run: all of them"),
    ],
)
async def test_failures_from_before_all_tasks_ran(
    counted: int, listed: list[dict[str, Any]], running: int, early: int
) -> None:
    async with FakeFlink() as fake:
        assert fake.job is not None
        fake.job["tasks"]["running"] = running
        fake.checkpoints["counts"] |= {"failed": counted, "total": 10 + counted}
        fake.checkpoints["history"] += listed
        statistics = (await ask(fake)).checkpoints

    assert (statistics.failed, statistics.failed_before_running) == (counted, early)


async def test_a_history_that_lost_its_beginning_tells_nothing_about_unlisted_failures() -> None:
    async with FakeFlink() as fake:
        fake.checkpoints["counts"] |= {"completed": 500, "failed": 2, "total": 502}

        assert (await ask(fake)).checkpoints.failed_before_running == 0


async def test_failures_of_the_job_are_read_newest_first_without_stack_frames() -> None:
    stack = (
        "java.lang.Exception: Exception while creating StreamOperatorStateContext.\n"
        "\tat org.apache.flink.streaming.api.operators.StreamTaskStateInitializerImpl(…:330)\n"
        "Caused by: org.apache.flink.util.FlinkException: Could not restore keyed state backend\n"
        "\tat org.apache.flink.streaming.api.operators.BackendRestorerProcedure(…:160)\n"
    )
    entry = {
        "exceptionName": "java.lang.Exception",
        "stacktrace": stack,
        "failureLabels": {},
        "concurrentExceptions": [],
    }
    async with FakeFlink() as fake:
        fake.exceptions["exceptionHistory"]["entries"] = [
            entry | {"timestamp": 1795500140000, "taskName": None},
            entry | {"timestamp": 1795500150000, "taskName": "process (1/3)"},
        ]
        newest, oldest = (await ask(fake)).failures

    assert newest.at == from_epoch_milliseconds(1795500150000)
    assert newest.message == (
        "task process (1/3); java.lang.Exception: Exception while creating StreamOperatorStateContext.; "
        "Caused by: org.apache.flink.util.FlinkException: Could not restore keyed state backend"
    )
    assert oldest.at == from_epoch_milliseconds(1795500140000)


FAULTS: list[Fault] = ["down", "hangs", "error", "garbage", "truncated", "wrong shape", "endless", "redirects"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_says_unavailable_within_its_time_when_the_endpoint_is(fault: Fault) -> None:
    async with FakeFlink() as fake:
        await fake.set_fault(fault)
        async with asyncio.timeout(5):
            with pytest.raises(FlinkUnavailable, match=fake.url):
                await ask(fake, timeout_seconds=0.5)


async def test_a_redirect_is_not_followed() -> None:
    async with FakeFlink() as fake:
        await fake.set_fault("redirects")
        with pytest.raises(FlinkUnavailable):
            await ask(fake)

    assert fake.requests == ["/overview"]


async def test_an_answer_beyond_all_measure_is_not_read_to_its_end() -> None:
    async with FakeFlink() as fake:
        fake.overview["taskmanagers-ballast"] = "x" * 5_000_000
        with pytest.raises(FlinkUnavailable, match="more than 4194304 bytes"):
            await ask(fake, timeout_seconds=30)


async def test_many_slow_answers_share_one_timeout() -> None:
    """Four answers of 0.4 s each: every single one is in time, together they are not."""
    async with FakeFlink() as fake:
        await fake.set_fault("slow")
        fake.slow_seconds = 0.4
        with pytest.raises(FlinkUnavailable):
            await ask(fake, timeout_seconds=1.0)


async def test_slow_answers_in_time_are_answers() -> None:
    async with FakeFlink() as fake:
        await fake.set_fault("slow")
        fake.slow_seconds = 0.01

        assert (await ask(fake)).tasks_running == 12


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"start-time": None}, id="no time"),
        pytest.param({"start-time": 10**30}, id="a time beyond all calendars"),
        pytest.param({"last-modification": True}, id="a truth value for a time"),
        pytest.param({"tasks": {}}, id="no tasks"),
        pytest.param({"tasks": []}, id="a list of tasks"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_no_answer(damage: dict[str, Any]) -> None:
    async with FakeFlink() as fake:
        assert fake.job is not None
        fake.job |= damage
        with pytest.raises(FlinkUnavailable, match="makes no sense"):
            await ask(fake)


async def test_it_only_asks_and_never_changes_anything() -> None:
    async with FakeFlink() as fake:
        await ask(fake)

    assert fake.requests == [
        "/overview",
        "/jobs/overview",
        f"/jobs/{RECORDED_JOB_ID}/checkpoints",
        f"/jobs/{RECORDED_JOB_ID}/exceptions?maxExceptions=16",
        f"/jobs/{RECORDED_JOB_ID}/config",
    ]


async def test_it_must_be_opened_before_it_is_asked() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await FlinkRest("http://127.0.0.1:1").observe(RECORDED_JOB_ID)
