"""The status document: its exact keys, its figures, and the times of its conditions."""

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.observations import JOB_ID, T0, at, checkpoints, completed, flink, resource, seen, taskmanagers

from anomalyjob_operator.decide import decide, status_document
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.status import Condition, Status, Verdict, deleting, merged_conditions, status_write_due

READY = Verdict(type="Ready", status="True", reason="Running", message="12 of 12 tasks RUNNING")
NOT_READY = Verdict(type="Ready", status="False", reason="Recovering", message="0 of 12 tasks RUNNING")


def status(*moments: tuple[float, Observed], generation: int = 1) -> Status:
    """The status after these passes."""
    ledger, document = Ledger(), None
    for seconds, observed in moments:
        plan = decide(resource(), ledger, observed, at(seconds))
        ledger = plan.ledger
        document = status_document(resource(), plan, observed, at(seconds), generation=generation, previous=document)
    assert document is not None
    return document


def test_the_document_of_a_healthy_job() -> None:
    document = status((13, seen()), (32, seen(checkpoints(completed(1, 30)))), generation=4).document()
    conditions = document.pop("conditions")

    assert document == {
        "phase": "Running",
        "observedGeneration": 4,
        "message": "12 of 12 tasks RUNNING",
        "job": {
            "id": JOB_ID,
            "incarnation": 1,
            "state": "RUNNING",
            "tasksRunning": 12,
            "tasksTotal": 12,
            "startedAt": "2026-01-02T03:00:05.000Z",
        },
        "cluster": {
            "taskManagersReady": 3,
            "taskManagersDesired": 3,
            "slotsTotal": 9,
            "slotsFree": 0,
            "flinkVersion": "2.3.0",
        },
        "lastCheckpoint": {
            "id": 1,
            "path": completed(1, 30).path,
            "completedAt": "2026-01-02T03:00:30.000Z",
            "sizeBytes": 14000,
            "durationMilliseconds": 60,
        },
        "checkpoints": {"completed": 1, "failed": 0, "failedBeforeRunning": 0, "restored": 0},
        "lastRecovery": None,
        "recoveries": 0,
        "restarts": 0,
        "ledger": {
            "floor": {"checkpointId": 1, "path": completed(1, 30).path, "isSavepoint": False},
            "restartCounter": 0,
            "nextRestartAt": None,
            "rule": "latest",
            "rulePath": None,
            "restoreNonce": None,
        },
        "operation": None,
        "lastGood": {"specHash": resource().spec.content_hash(), "spec": resource().spec.document()},
        "savepoints": [],
        "taskManager": {
            "replicas": 3,
            "selector": "anomalyjob.dev/job=demo,app.kubernetes.io/component=taskmanager",
        },
    }
    assert conditions[0] == {
        "type": "Ready",
        "status": "True",
        "reason": "Running",
        "message": "12 of 12 tasks RUNNING; checkpoint 1 is the newest",
        "observedGeneration": 4,
        "lastTransitionTime": "2026-01-02T03:00:32.000Z",
    }


def test_what_was_not_seen_is_null() -> None:
    document = status((13, seen(flink=None))).document()

    assert document["job"] == {
        "id": JOB_ID,
        "incarnation": 1,
        "state": None,
        "tasksRunning": None,
        "tasksTotal": None,
        "startedAt": None,
    }
    assert document["cluster"]["slotsTotal"] is None
    assert document["lastCheckpoint"] is None


def test_a_status_that_was_written_and_read_back_is_the_same() -> None:
    written = status((32, seen(checkpoints(completed(1, 30)))))

    assert Status.parse(json.loads(json.dumps(written.document()))) == written


def test_the_figures_of_a_recovery_count_from_its_detection() -> None:
    again = taskmanagers(alive_since=at(40.5), died_at=at(40))
    back = flink(
        checkpoints(completed(4, 60), latest_restored_id=3, latest_restored_at=at(51)), tasks_changed_at=at(52.25)
    )

    document = status((31, seen(checkpoints(completed(3, 30)))), (61, seen(flink=back, taskmanagers=again))).document()

    assert document["lastRecovery"] == {
        "cause": "TaskManagerLost",
        "fromCheckpoint": 3,
        "detectedAt": "2026-01-02T03:00:40.000Z",
        "runningAt": "2026-01-02T03:00:52.250Z",
        "safeAt": "2026-01-02T03:01:00.000Z",
        "secondsToRunning": 12.25,
        "secondsToSafe": 20.0,
    }
    assert document["recoveries"] == 1


def test_an_open_recovery_is_shown_while_it_lasts() -> None:
    dead = taskmanagers(alive=False, alive_since=None, died_at=at(40))

    document = status(
        (31, seen(checkpoints(completed(3, 30)))), (41, seen(checkpoints(completed(3, 30)), taskmanagers=dead))
    ).document()

    assert document["lastRecovery"]["cause"] == "TaskManagerLost"
    assert document["lastRecovery"]["runningAt"] is None
    assert document["lastRecovery"]["secondsToRunning"] is None
    assert document["cluster"]["taskManagersReady"] == 2


@pytest.mark.parametrize(
    "verdict, seconds",
    [
        pytest.param(READY, 0, id="nothing changed"),
        pytest.param(Verdict(type="Ready", status="True", reason="Other", message="other"), 0, id="only its reason"),
        pytest.param(NOT_READY, 50, id="its status"),
    ],
)
def test_the_time_of_a_condition_moves_only_when_its_status_flips(verdict: Verdict, seconds: float) -> None:
    before = merged_conditions((READY,), (), 1, T0)

    after = merged_conditions((verdict,), before, 2, at(50))

    assert after == (
        Condition(
            type="Ready",
            status=verdict.status,
            reason=verdict.reason,
            message=verdict.message,
            observed_generation=2,
            last_transition_time=at(seconds),
        ),
    )


def test_a_passing_second_changes_nothing_in_the_document() -> None:
    """Or every pass would be a write."""
    moment = seen(checkpoints(completed(1, 30)))

    assert status((32, moment)) == status((32, moment), (33.5, moment))


def without_nulls(document: Any) -> Any:
    """What an API server gives back of a document."""
    if isinstance(document, dict):
        return {key: without_nulls(value) for key, value in document.items() if value is not None}
    return [without_nulls(item) for item in document] if isinstance(document, list) else document


@pytest.mark.parametrize("observed", [seen(flink=None), seen(checkpoints(completed(1, 30))), Observed(jobmanager=None)])
def test_a_status_whose_nulls_were_dropped_reads_the_same(observed: Observed) -> None:
    written = status((32, observed))

    assert Status.parse(without_nulls(written.document())) == written


def test_a_status_with_nothing_in_it_can_be_read() -> None:
    assert Status.parse({}) == Status()


PAUSE = timedelta(seconds=30)


def test_a_newer_checkpoint_is_published_after_a_pause_and_no_earlier() -> None:
    moments = [(number * 10 + 2.0, seen(checkpoints(completed(number, number * 10.0)))) for number in (2, 3, 4)]
    before, after = status(*moments[:2]), status(*moments)

    assert before != after
    assert not status_write_due(before, after, timedelta(seconds=29.9), PAUSE)
    assert status_write_due(before, after, timedelta(seconds=30), PAUSE)


def test_what_did_not_change_is_never_published_again() -> None:
    same = status((32, seen(checkpoints(completed(1, 30)))))

    assert not status_write_due(same, same, timedelta(days=1), PAUSE)
    assert not status_write_due(same, same, None, PAUSE)


@pytest.mark.parametrize(
    "changes",
    [
        {"phase": "Degraded"},
        {"observed_generation": 2},
        {"recoveries": 1},
        {"message": "another sentence"},
        {"conditions": ()},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_else_changes_is_published_at_once(changes: dict[str, Any]) -> None:
    before = status((32, seen(checkpoints(completed(1, 30)))))

    assert status_write_due(before, before.evolve(**changes), timedelta(), PAUSE)


def test_a_status_that_was_never_published_is_published() -> None:
    assert status_write_due(None, Status(), None, PAUSE)


def test_the_status_of_a_resource_that_is_being_deleted_keeps_what_was_known() -> None:
    before = status((32, seen(checkpoints(completed(1, 30)))))

    after = deleting(before, 2, at(50))

    assert (after.phase, after.observed_generation, after.last_checkpoint) == ("Deleting", 2, before.last_checkpoint)
    assert [(condition.type, condition.status) for condition in after.conditions[:2]] == [
        ("Ready", "False"),
        ("Reconciling", "False"),
    ]
    assert len(after.conditions) == 5
