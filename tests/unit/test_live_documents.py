"""The documents' shape, and that what is not known is null."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from tests.unit.live_flink import JOB, moment
from tests.unit.live_reports import Passes, healthy_report
from tests.unit.observations import at, checkpoints, completed, flink, seen, taskmanagers

from anomalyjob.timestamps import from_epoch_milliseconds
from anomalyjob_operator.live import flink_answers
from anomalyjob_operator.live.checkpoint_answers import checkpoint_answer, settings
from anomalyjob_operator.live.checkpoint_record import CheckpointRecord
from anomalyjob_operator.live.checkpoints_document import CheckpointsSeen, checkpoints_document
from anomalyjob_operator.live.encoding import encoded
from anomalyjob_operator.live.flink_view import JOB_MANAGER, FlinkView, JvmMetrics, Rates
from anomalyjob_operator.live.jobs_document import jobs_document
from anomalyjob_operator.live.known import Known, Moments
from anomalyjob_operator.live.overview import overview_document
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.pass_report import PassReport

NOW: Final = at(100)
OVERVIEW: Final[Mapping[str, str]] = {
    "": "serverTime namespace name status flink job taskManagers workloads lastCheckpoint restored pipeline",
    "status": "observedAt phase phaseSince ready message recoveries restarts incarnation conditions recovery operation "
    "volumeFreeRatio",
    "status.conditions": "type status reason message lastTransitionTime",
    "flink": "answering observedAt version",
    "job": "id state stateSince startedAt tasksRunning tasksTotal",
    "taskManagers": "ready desired slotsTotal slotsFree",
    "workloads": "name shortName role state reason since diedAt restarts registered metricsAt cpuLoad heapUsedBytes "
    "heapMaxBytes nonHeapUsedBytes memoryTotalBytes managedUsedBytes managedTotalBytes slots slotsTotal",
    "lastCheckpoint": "id kind triggeredAt completedAt sizeBytes durationMilliseconds path",
    "pipeline": "observedAt vertices",
    "pipeline.vertices": "id name parallelism state inputs subtasks",
    "pipeline.vertices.subtasks": "index state since attempt taskManager recordsIn recordsOut bytesIn bytesOut "
    "recordsInPerSecond recordsOutPerSecond bytesInPerSecond bytesOutPerSecond busyRatio backpressuredRatio idleRatio "
    "checkpointId checkpointSizeBytes checkpointDurationMilliseconds users",
    "workloads.slots": "group tasks users",
    "workloads.slots.tasks": "vertex vertexId subtask state",
}
CHECKPOINTS: Final[Mapping[str, str]] = {
    "": "serverTime observedAt counts kept summary settings entries",
    "counts": "triggered inProgress completed failed restored",
    "kept": "completed failed restored",
    "summary": "sizeBytes durationMilliseconds",
    "summary.sizeBytes": "minimum average maximum",
    "settings": "intervalMilliseconds timeoutMilliseconds mode unaligned stateBackend",
    "entries": "entry id status triggeredAt endedAt durationMilliseconds sizeBytes fullSizeBytes failure "
    "jobManagerStart",
}


def known(report: PassReport, **parts: Any) -> Known:
    return Known(report=report, moments=Moments.first(report), **parts)


def view_of(name: str) -> FlinkView:
    """What a look at a recorded moment sees of the tasks."""
    answers = moment(name)
    vertices = flink_answers.vertex_views(answers[JOB])
    with_subtasks = tuple(
        replace(vertex, subtasks=flink_answers.subtask_views(answers[f"{JOB}/vertices/{vertex.vertex_id}"]))
        for vertex in vertices
    )
    managers = flink_answers.task_manager_views(answers["/taskmanagers"])
    return FlinkView(answering=True, answered_at=NOW, details_at=NOW, vertices=with_subtasks, task_managers=managers)


def parts_of(document: Any, path: str) -> list[Any]:
    """All parts of a document at a path, whatever list they stand in."""
    parts = [document]
    for key in filter(None, path.split(".")):
        parts = [part[key] for part in parts]
        parts = [one for part in parts for one in (part if isinstance(part, list) else [part])]
    return parts


@pytest.mark.parametrize("path", OVERVIEW)
def test_the_overview_has_exactly_these_keys(path: str) -> None:
    report = Passes().report(seen(checkpoints(completed(3, 15))), at(20))
    document = overview_document(known(report, flink=view_of("running")), NOW)
    parts = parts_of(document, path)

    assert parts
    for part in parts:
        assert list(part) == OVERVIEW[path].split()


@pytest.mark.parametrize("path", CHECKPOINTS)
def test_the_document_of_checkpoints_has_exactly_these_keys(path: str) -> None:
    answers, record = moment("restored"), CheckpointRecord()
    answer = checkpoint_answer(answers[f"{JOB}/checkpoints"], from_epoch_milliseconds(answers[JOB]["start-time"]))
    record.note(answer)
    told = settings(answers[f"{JOB}/checkpoints/config"])
    document = checkpoints_document(CheckpointsSeen(answer=answer, at=NOW), told, record, NOW)
    parts = parts_of(document, path)

    assert parts
    for part in parts:
        assert list(part) == CHECKPOINTS[path].split()


def test_of_a_job_of_which_nothing_was_seen_nothing_is_zero() -> None:
    report = Passes().report(Observed(jobmanager=None), at(0))
    document = overview_document(known(report), NOW)

    assert document["flink"] == {"answering": False, "observedAt": None, "version": None}
    assert {key: value for key, value in document["job"].items() if key != "id"} == dict.fromkeys(
        ("state", "stateSince", "startedAt", "tasksRunning", "tasksTotal")
    )
    assert (document["taskManagers"]["slotsTotal"], document["lastCheckpoint"], document["restored"]) == (None,) * 3
    assert document["pipeline"] == {"observedAt": None, "vertices": []}
    assert document["workloads"][1]["registered"] is None
    assert encoded(document)


def test_of_a_suspended_job_nobody_is_silent() -> None:
    passes = Passes(job={"state": "suspended"})
    passes.report(Observed(jobmanager=None), at(0))
    document = overview_document(known(passes.report(Observed(jobmanager=None), at(1))), NOW)

    assert (document["status"]["phase"], document["flink"]["answering"]) == ("Suspended", None)


def test_the_newest_checkpoint_that_only_the_status_knows_is_shown() -> None:
    report = Passes().report(seen(checkpoints(completed(3, 15))), at(20))
    shown = overview_document(known(report), NOW)["lastCheckpoint"]

    assert (shown["id"], shown["kind"], shown["sizeBytes"], shown["durationMilliseconds"]) == (
        3,
        "checkpoint",
        14_000,
        60,
    )
    assert (shown["triggeredAt"], shown["completedAt"]) == (at(14.94), at(15))


def test_a_recovery_is_told_while_it_goes_on() -> None:
    passes = Passes()
    passes.report(seen(), at(20))
    dead = taskmanagers(alive=False, alive_since=None, died_at=at(30))
    report = passes.report(seen(taskmanagers=dead, flink=flink(tasks_running=8, tasks_changed_at=at(33))), at(34))
    recovery = overview_document(known(report), NOW)["status"]["recovery"]

    assert recovery == {
        "cause": "TaskManagerLost",
        "fromCheckpoint": None,
        "detectedAt": at(30),
        "runningAt": None,
        "safeAt": None,
        "secondsToRunning": None,
        "secondsToSafe": None,
    }


@pytest.mark.parametrize("answering, slots", [(True, (9, 2)), (False, (6, 1))])
def test_slots_are_those_of_flink_while_it_answers_and_else_those_of_the_last_pass(
    answering: bool, slots: tuple[int, int]
) -> None:
    report = healthy_report()
    cluster = report.status.cluster.evolve(slots_total=6, slots_free=1)
    report = replace(report, status=report.status.evolve(cluster=cluster))
    view = FlinkView(answering=answering, slots_total=9, slots_free=2)
    shown = overview_document(known(report, flink=view), NOW)["taskManagers"]

    assert (shown["slotsTotal"], shown["slotsFree"]) == slots


@pytest.mark.parametrize("answering, start", [(True, 200), (False, 5)])
def test_what_a_silent_flink_said_last_is_no_news(answering: bool, start: float) -> None:
    job = flink_answers.job_view(moment("running")["/jobs/overview"]["jobs"][0], moment("running")[JOB])
    view = FlinkView(answering=answering, job=replace(job, started_at=at(200)))

    assert Moments.first(healthy_report()).after_look(view).job_started_at == at(start)


def test_a_phase_holds_since_the_pass_that_first_had_it() -> None:
    passes = Passes()
    moments = Moments.first(passes.report(Observed(jobmanager=None), at(0)))
    for second in (20, 21, 22):
        moments = moments.after(passes.report(seen(), at(second)))

    assert (moments.phase, moments.phase_since) == ("Running", at(20))


def test_whoever_begins_to_look_at_a_running_job_knows_since_when_it_is_ready() -> None:
    passes = Passes()
    healthy = seen(checkpoints(completed(1, 15)))
    passes.report(healthy, at(20))
    moments = Moments.first(passes.report(healthy, at(50)))

    assert moments.phase_since == at(20)


def test_the_list_has_a_line_for_each_job() -> None:
    report = healthy_report()
    document = jobs_document([(report, Moments.first(report))], NOW)

    assert (
        list(document["jobs"][0])
        == (
            "namespace name phase phaseSince ready message observedAt jobState tasksRunning tasksTotal "
            "taskManagersReady taskManagersDesired lastCheckpointAt recoveries"
        ).split()
    )


def test_what_does_not_run_has_no_rates_any_more() -> None:
    view, rates = view_of("running"), Rates(records_in=0.2, busy=0.5)
    stopped = tuple(replace(one, state="CANCELED") for one in view.vertices[2].subtasks[:1])
    vertices = (replace(view.vertices[2], subtasks=stopped + view.vertices[2].subtasks[1:]),)
    told = {(vertices[0].vertex_id, index): rates for index in range(3)}
    document = overview_document(known(healthy_report(), flink=replace(view, vertices=vertices, rates=told)), NOW)
    shown = document["pipeline"]["vertices"][0]["subtasks"]

    assert [(one["recordsInPerSecond"], one["busyRatio"]) for one in shown] == [(None, None), (0.2, 0.5), (0.2, 0.5)]


def test_the_jobmanager_has_its_memory_and_load_too() -> None:
    metrics = {JOB_MANAGER: JvmMetrics(at=NOW, cpu_load=0.02, heap_used_bytes=100, heap_max_bytes=200)}
    document = overview_document(known(healthy_report(), flink=FlinkView(answering=True, metrics=metrics)), NOW)
    shown = document["workloads"][0]

    assert (shown["role"], shown["metricsAt"], shown["cpuLoad"]) == ("jobmanager", NOW, 0.02)
    assert (shown["heapUsedBytes"], shown["heapMaxBytes"], shown["memoryTotalBytes"]) == (100, 200, 2**30)
    assert (shown["managedTotalBytes"], shown["slotsTotal"]) == (None, None)
