"""What `up` tells from one status document to the next: each sentence once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anomalyjob_operator.ledger import LastCheckpoint
from anomalyjob_operator.local.progress import CHECKPOINT_PAUSE, Progress, age_text, size_text
from anomalyjob_operator.status import Event, Status

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOOD = {"Stalled": "False", "CheckpointingHealthy": "True", "StateSafe": "True"}


def condition(kind: str, status: str, reason: str = "Fine", message: str = "all is well") -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": NOW,
    }


def status(phase: str = "Running", message: str = "4 of 4 tasks RUNNING", **changes: Any) -> Status:
    """A status document; `changes` by condition type are (status, reason, message), all others top-level fields."""
    conditions = [
        condition(kind, *changes.pop(kind)) if kind in changes else condition(kind, good) for kind, good in GOOD.items()
    ]
    document: dict[str, Any] = {
        "phase": phase,
        "observedGeneration": 1,
        "message": message,
        "conditions": conditions,
        "job": {
            "id": "00",
            "incarnation": 1,
            "state": "RUNNING",
            "tasksRunning": None,
            "tasksTotal": None,
            "startedAt": None,
        },
        "cluster": {
            "taskManagersReady": 1,
            "taskManagersDesired": 1,
            "slotsTotal": None,
            "slotsFree": None,
            "flinkVersion": None,
        },
        "lastCheckpoint": None,
        "checkpoints": {"completed": 7, "failed": 0, "failedBeforeRunning": 0, "restored": 0},
        "lastRecovery": None,
        "recoveries": 0,
        "restarts": 0,
        "ledger": {"floor": None, "restartCounter": 0, "nextRestartAt": None},
    }
    return Status.parse(document | changes)


def checkpoint(number: int) -> LastCheckpoint:
    return LastCheckpoint(id=number, path="/v", completed_at=NOW, size_bytes=13_400, duration_milliseconds=61)


def test_a_phase_is_told_when_it_or_its_sentence_changes() -> None:
    progress = Progress()

    assert progress.lines(status("Deploying", "2 of 4"), NOW) == ("Deploying: 2 of 4",)
    assert progress.lines(status("Deploying", "2 of 4"), NOW) == ()
    assert progress.lines(status("Deploying", "3 of 4"), NOW) == ("Deploying: 3 of 4",)
    assert progress.lines(status("Running", ""), NOW) == ("Running",)


def test_that_nothing_was_started_yet_is_no_news_at_the_beginning() -> None:
    assert Progress().lines(status("Pending", "Nothing has been started yet"), NOW) == ()


def test_the_slots_in_use_are_told_once_all_tasks_run() -> None:
    job = {
        "id": "00",
        "incarnation": 1,
        "state": "RUNNING",
        "tasksRunning": 4,
        "tasksTotal": 4,
        "startedAt": None,
    }
    cluster = {
        "taskManagersReady": 1,
        "taskManagersDesired": 1,
        "slotsTotal": 4,
        "slotsFree": 1,
        "flinkVersion": "2.3.0",
    }

    assert Progress().lines(status(job=job, cluster=cluster), NOW) == (
        "Running: 4 of 4 tasks RUNNING; 3 of 4 slots used",
    )


def test_a_sentence_that_phase_conditions_and_event_share_is_told_once() -> None:
    progress, refusal = Progress(), "The volume belongs to another job."
    trouble = ("VolumeOfAnotherJob", refusal)

    lines = progress.lines(
        status("Failed", refusal, Stalled=("True", *trouble), StateSafe=("False", *trouble)),
        NOW,
    )

    assert lines == (
        f"Failed: {refusal}",
        "Stalled=True (VolumeOfAnotherJob)",
        "StateSafe=False (VolumeOfAnotherJob)",
    )
    assert progress.event_lines(Event(type="Warning", reason="StartRefused", message=refusal, at=NOW)) == ()


def test_a_condition_with_a_sentence_of_its_own_tells_it_and_its_event_does_not_again() -> None:
    progress, text = Progress(), "Only 0.0% of the volume is free"
    progress.lines(status(), NOW)

    lines = progress.lines(status(CheckpointingHealthy=("False", "VolumeNearlyFull", text)), NOW)

    assert lines == (f"CheckpointingHealthy=False (VolumeNearlyFull): {text}",)
    assert progress.event_lines(Event(type="Warning", reason="VolumeNearlyFull", message=text, at=NOW)) == ()
    assert progress.lines(status(), NOW) == ("CheckpointingHealthy=True (Fine): all is well",)


@pytest.mark.parametrize("kind,line", [("Normal", "Submit: start 2"), ("Warning", "Submit! start 2")])
def test_an_event_that_nothing_else_tells_is_told(kind: Any, line: str) -> None:
    progress = Progress()
    event = Event(type=kind, reason="Submit", message="start 2", at=NOW)

    assert progress.event_lines(event) == (line,)
    progress.lines(status(), NOW)
    assert progress.event_lines(event) == (line,)


@pytest.mark.parametrize("seen", ["False", "Unknown"])
def test_a_condition_that_is_good_at_first_or_unknown_is_no_news(seen: str) -> None:
    assert Progress().lines(status(message="", Stalled=(seen, "X", "y")), NOW) == ("Running",)


def test_checkpoints_are_told_now_and_then() -> None:
    progress = Progress()
    progress.lines(status(), NOW)

    told = progress.lines(status(lastCheckpoint=checkpoint(1)), NOW)

    assert told == ("checkpoint 1 (13.4 KB, 61 ms) completed; 7 completed, 0 failed so far",)
    soon, later = NOW + CHECKPOINT_PAUSE - timedelta(seconds=1), NOW + CHECKPOINT_PAUSE
    assert progress.lines(status(lastCheckpoint=checkpoint(2)), soon) == ()
    assert len(progress.lines(status(lastCheckpoint=checkpoint(3)), later)) == 1


@pytest.mark.parametrize(
    "size_bytes,text", [(0, "0 B"), (999, "999 B"), (13_400, "13.4 KB"), (2_100_000, "2.1 MB"), (3 * 10**9, "3.0 GB")]
)
def test_sizes_are_for_people(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


@pytest.mark.parametrize(
    "seconds,text", [(-5, "0 s"), (8, "8 s"), (119, "119 s"), (180, "3 min"), (18_000, "5 h"), (172_800, "2 d")]
)
def test_ages_are_for_people(seconds: int, text: str) -> None:
    assert age_text(timedelta(seconds=seconds)) == text


def test_the_checkpoint_of_an_earlier_run_is_not_told_as_new() -> None:
    progress = Progress()

    assert progress.lines(status(message="", lastCheckpoint=checkpoint(5)), NOW) == ("Running",)
    assert progress.lines(status(message="", lastCheckpoint=checkpoint(5)), NOW) == ()
