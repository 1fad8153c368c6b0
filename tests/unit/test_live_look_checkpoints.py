"""One look at a recorded Flink: what it tells of checkpoints and their settings."""

from typing import Any

import pytest
from tests.unit.live_flink import JOB, VERTICES, RecordedFlink, moment
from tests.unit.live_looks import look_at, patient, seen, started

from anomalyjob.timestamps import from_epoch_milliseconds

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures(patient.__name__)]


async def test_checkpoints_are_those_of_flink() -> None:
    answer, told = (await look_at("restored")).checkpoints, moment("restored")[f"{JOB}/checkpoints"]
    assert answer is not None

    counts = answer.counts
    assert (counts.triggered, counts.completed, counts.failed, counts.in_progress, counts.restored) == (4, 4, 0, 0, 2)
    completed = {entry.checkpoint_id: entry for entry in answer.entries if entry.kind == "checkpoint"}
    assert {
        number: (entry.size_bytes, entry.full_size_bytes, entry.duration_milliseconds, entry.triggered_at)
        for number, entry in completed.items()
    } == {
        one["id"]: (
            one["checkpointed_size"],
            one["state_size"],
            one["end_to_end_duration"],
            from_epoch_milliseconds(one["trigger_timestamp"]),
        )
        for one in told["history"]
    }
    assert answer.size_bytes is not None
    assert answer.size_bytes.average == told["summary"]["checkpointed_size"]["avg"]
    assert answer.duration_milliseconds is not None
    assert answer.duration_milliseconds.maximum == told["summary"]["end_to_end_duration"]["max"]


async def test_what_was_restored_is_an_entry() -> None:
    answer, told = (await look_at("restored")).checkpoints, moment("restored")[f"{JOB}/checkpoints"]

    assert answer is not None
    [restored] = [entry for entry in answer.entries if entry.kind == "restore"]
    assert restored.checkpoint_id == told["latest"]["restored"]["id"]
    assert restored.triggered_at == from_epoch_milliseconds(told["latest"]["restored"]["restore_timestamp"])


async def test_without_completed_checkpoints_there_are_no_sizes() -> None:
    answer = (await look_at("second_start")).checkpoints

    assert answer is not None
    assert (answer.size_bytes, answer.duration_milliseconds) == (None, None)


async def test_a_failed_checkpoint_keeps_its_reason() -> None:
    async with RecordedFlink() as flink:
        flink.answers[f"{JOB}/checkpoints"]["history"].insert(0, failed(4, "Checkpoint expired before completing."))
        answer = (await seen(flink)).checkpoints

    assert answer is not None
    entry = next(entry for entry in answer.entries if entry.checkpoint_id == 4)
    assert (entry.state, entry.failure) == ("FAILED", "Checkpoint expired before completing.")
    assert (entry.size_bytes, entry.duration_milliseconds) == (None, 60_000)


def failed(number: int, message: str) -> dict[str, Any]:
    """A failed checkpoint as Flink lists it (CheckpointStatistics.FailedCheckpointStatistics)."""
    return {
        "className": "failed",
        "id": number,
        "status": "FAILED",
        "is_savepoint": False,
        "trigger_timestamp": 1795527920000,
        "latest_ack_timestamp": -1,
        "checkpointed_size": 0,
        "state_size": 0,
        "end_to_end_duration": 60_000,
        "failure_timestamp": 1795527980000,
        "failure_message": message,
    }


async def test_each_subtask_has_its_part_of_the_newest_checkpoint() -> None:
    parts, answers = (await look_at("running")).subtask_checkpoints, moment("running")

    assert len(parts) == 12
    for vertex_id in VERTICES.values():
        for one in answers[f"{JOB}/checkpoints/details/3/subtasks/{vertex_id}"]["subtasks"]:
            part = parts[vertex_id, one["index"]]
            assert part.checkpoint_id == 3
            assert (part.size_bytes, part.duration_milliseconds) == (
                one["checkpointed_size"],
                one["end_to_end_duration"],
            )


async def test_the_parts_of_a_checkpoint_are_asked_for_once() -> None:
    async with RecordedFlink() as flink:
        first = await seen(flink)
        again = await seen(flink, checkpoint_of=first.checkpoint_of, settings_of=started(flink.answers))

    assert flink.asked_for(f"subtasks/{VERTICES['sink']}") == 1
    assert flink.asked_for("/checkpoints/config") == 1
    assert (again.checkpoint_of, again.subtask_checkpoints, again.settings) == (None, {}, None)


async def test_settings_are_those_of_flink() -> None:
    settings = (await look_at("running")).settings

    assert settings is not None
    assert (settings.interval_milliseconds, settings.timeout_milliseconds) == (10_000, 60_000)
    assert (settings.mode, settings.unaligned, settings.state_backend) == ("exactly_once", True, "HashMapStateBackend")


async def test_checkpoints_that_are_never_taken_have_no_interval() -> None:
    async with RecordedFlink() as flink:
        flink.answers[f"{JOB}/checkpoints/config"]["interval"] = 2**63 - 1
        settings = (await seen(flink)).settings

    assert settings is not None
    assert settings.interval_milliseconds is None
