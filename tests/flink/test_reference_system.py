"""The reference system as a newcomer starts it: the very manifest, on this machine, stopped, started again, deleted.

One cluster serves the whole module. The tests tell one story from top to bottom; each of them starts the job if it does
not run, so that any can be run alone.
"""

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.flink.job_output import Record, committed_records, logged_lines
from tests.flink.local_job import LocalJob

pytestmark = [pytest.mark.flink, pytest.mark.timeout(600)]

MANIFEST = Path(__file__).parents[2] / "manifests" / "anomalyjob.yaml"
TARGET_SECONDS = 45
TASKS = 12
USERS = {"user1", "user2", "user3"}
KEYS = {
    "event": ["kind", "userId", "index", "eventTime", "abnormal"],
    "process": ["kind", "userId", "index", "eventTime", "abnormal", "count", "subtask", "processedTime"],
    "alert": ["kind", "userId", "index", "eventTime", "emittedTime", "count", "message"],
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The running job, and how long its first start took until all tasks were RUNNING."""

    job: LocalJob
    seconds: float


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    """The job of the manifest, whose file is a copy of it to the letter. What never ran fails all tests at once."""
    with LocalJob(tmp_path_factory.mktemp("reference"), yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))) as job:
        shutil.copyfile(MANIFEST, job.file)
        began = time.monotonic()
        run(job)
        yield Reference(job=job, seconds=time.monotonic() - began)


@pytest.fixture
def job(reference: Reference) -> LocalJob:
    """The same job, running."""
    run(reference.job)
    return reference.job


def run(job: LocalJob) -> None:
    """Start the job unless it runs, and wait until all tasks are RUNNING."""
    if job.process is None or job.process.poll() is not None:
        job.up()
    job.wait_running(3 * TARGET_SECONDS)


def vertices(job: LocalJob) -> dict[str, dict[str, Any]]:
    """The job's vertices by the name of the first operator of their chain."""
    overview = job.job()
    assert overview is not None
    graph = job.rest(f"/jobs/{overview['jid']}")
    return {first_operator(vertex["name"]): vertex for vertex in graph["vertices"]}


def first_operator(vertex: str) -> str:
    """A vertex is named after its chain: `Source: clock -> …`, `sink -> files: Writer -> …`, `source, …` in Python."""
    return re.split(" -> |, ", vertex.removeprefix("Source: "))[0]


def test_all_tasks_run_soon_after_up_and_use_all_nine_slots(
    job: LocalJob, reference: Reference, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nup -> all {TASKS} tasks RUNNING: {reference.seconds:.1f} s (target {TARGET_SECONDS} s)")
    assert reference.seconds < 3 * TARGET_SECONDS
    overview = job.rest("/overview")
    assert (overview["taskmanagers"], overview["slots-total"], overview["slots-available"]) == (3, 9, 0)
    assert job.process is not None
    assert job.process.poll() is None


def test_the_vertices_are_source_process_and_sink_behind_a_clock(job: LocalJob) -> None:
    found = vertices(job)
    assert set(found) == {"clock", "source", "process", "sink"}
    assert [vertex["parallelism"] for vertex in found.values()] == [3] * 4
    assert "files" in found["sink"]["name"], "the files sink is no part of the one sink vertex"


def test_each_taskmanager_carries_one_source_one_process_and_one_sink_slot(job: LocalJob) -> None:
    overview = job.job()
    assert overview is not None
    hosts = {}
    for name, vertex in vertices(job).items():
        subtasks = job.rest(f"/jobs/{overview['jid']}/vertices/{vertex['id']}")["subtasks"]
        hosts[name] = sorted(subtask["taskmanager-id"] for subtask in subtasks)
    taskmanagers = job.rest("/taskmanagers")["taskmanagers"]
    assert [taskmanager["freeSlots"] for taskmanager in taskmanagers] == [0, 0, 0]
    everywhere = sorted(taskmanager["id"] for taskmanager in taskmanagers)
    assert hosts == dict.fromkeys(("clock", "source", "process", "sink"), everywhere)


def test_the_three_users_are_counted_by_three_different_subtasks(job: LocalJob) -> None:

    def subtasks() -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for record in committed_records(job):
            if record["kind"] == "process":
                found.setdefault(record["userId"], set()).add(record["subtask"])
        return found if set(found) == USERS else {}

    found = job.wait("committed records of all users", subtasks, 120)
    assert sorted(found.values(), key=min) == [{0}, {1}, {2}]


def test_alerts_appear_in_the_log_and_in_the_part_files(job: LocalJob) -> None:

    def alerts() -> list[str]:
        return job.run("logs", job.name, "--alerts").stdout.splitlines()

    shown = job.wait("an alert", alerts, 120)
    # The seed of the manifest makes user1 behave abnormally three times from the start.
    assert shown[0] == "[ALERT] userId=user1 abnormal 3 times"
    assert all(re.fullmatch(r"\[ALERT\] userId=user\d abnormal \d+ times", line) for line in shown)
    job.wait("the alert in `up`", lambda: "[ALERT] userId=user1 abnormal 3 times" in job.printed, 30)

    def committed() -> list[Record]:
        return [record for record in committed_records(job) if record["kind"] == "alert"]

    first = job.wait("a committed alert", committed, 60)[0]
    assert (first["userId"], first["index"], first["count"]) == ("user1", 2, 3)
    assert first["message"] == shown[0]


def test_records_are_the_documented_json_lines_in_log_and_part_files(job: LocalJob) -> None:
    job.wait_checkpoint_after(0)
    job.wait(
        "a committed alert", lambda: [record for record in committed_records(job) if record["kind"] == "alert"], 120
    )
    logged = [json.loads(line) for line in logged_lines(job) if not line.startswith("[ALERT] ")]
    committed = list(committed_records(job))
    assert {record["kind"] for record in logged} == {"event", "process", "alert"}
    assert {record["kind"] for record in committed} == {"process", "alert"}
    for record in (*logged, *committed):
        assert_documented(record)
    # The log is at least once: whatever is committed stands in it, to the letter.
    assert {json.dumps(record) for record in committed} <= {json.dumps(record) for record in logged}


def assert_documented(record: Record) -> None:
    assert list(record) == KEYS[record["kind"]]
    assert all(TIME.fullmatch(value) for key, value in record.items() if key.endswith("Time")), record
    for key, kind in {"userId": str, "index": int, "abnormal": bool, "count": int, "subtask": int}.items():
        assert type(record.get(key, kind())) is kind, record


def test_checkpoints_lie_where_they_are_documented_to_lie(job: LocalJob) -> None:
    job.wait_checkpoint_after(0)
    overview = job.job()
    assert overview is not None
    newest_start = max(job.start_records())
    found = job.wait("a checkpoint of this start", lambda: checkpoints_of(job, newest_start), 60)
    place = job.state / "volume" / "default.demo" / "checkpoints" / str(newest_start) / overview["jid"]
    for number, folder in found.items():
        assert folder == place / f"chk-{number}"
        assert (folder / "_metadata").is_file()
    listed = json.loads(job.run("checkpoints", job.name, "-o", "json").stdout)["checkpoints"]
    assert {entry["path"] for entry in listed} & {str(folder) for folder in found.values()}
    assert {entry["condition"] for entry in listed} <= {"verified", "unfinished"}


def checkpoints_of(job: LocalJob, start: int) -> dict[int, Path]:
    found = job.checkpoints_on_volume().items()
    return {number: folder for number, folder in found if folder.parts[-3] == str(start)}


def test_the_status_document_has_the_documented_fields(job: LocalJob) -> None:
    job.wait_checkpoint_after(0)
    document = job.wait("a status with a checkpoint", lambda: healthy(job.status()), 60)
    for path, keys in DOCUMENTED.items():
        part = document[path] if path else document
        assert set(part) == set(keys.split()), path
    overview = job.job()
    assert overview is not None
    assert document["observedGeneration"] == 1
    assert document["job"]["id"] == overview["jid"]
    assert re.fullmatch("[0-9a-f]{32}", document["job"]["id"])
    assert (document["job"]["state"], document["job"]["incarnation"]) == ("RUNNING", 1)
    assert (document["job"]["tasksRunning"], document["job"]["tasksTotal"]) == (TASKS, TASKS)
    cluster = document["cluster"]
    assert [cluster[key] for key in ("taskManagersReady", "taskManagersDesired", "slotsTotal", "slotsFree")] == [
        3,
        3,
        9,
        0,
    ]
    assert cluster["flinkVersion"] == job.rest("/overview")["flink-version"]
    last = document["lastCheckpoint"]
    assert last["path"].endswith(f"/{overview['jid']}/chk-{last['id']}")
    assert last["sizeBytes"] > 0
    assert last["durationMilliseconds"] > 0
    assert TIME.fullmatch(last["completedAt"])
    conditions = {condition["type"]: condition for condition in document["conditions"]}
    assert set(conditions) == {"Ready", "Reconciling", "Stalled", "CheckpointingHealthy", "StateSafe"}
    wanted = {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "CheckpointingHealthy": "True",
        "StateSafe": "True",
    }
    assert {name: condition["status"] for name, condition in conditions.items()} == wanted
    assert all(condition["observedGeneration"] == 1 for condition in conditions.values())


DOCUMENTED = {
    "": "phase observedGeneration message conditions job cluster lastCheckpoint checkpoints lastRecovery recoveries "
    "restarts ledger operation lastGood savepoints taskManager",
    "job": "id incarnation state tasksRunning tasksTotal startedAt",
    "cluster": "taskManagersReady taskManagersDesired slotsTotal slotsFree flinkVersion",
    "lastCheckpoint": "id path completedAt sizeBytes durationMilliseconds",
    "checkpoints": "completed failed failedBeforeRunning restored",
    "lastGood": "specHash spec",
    "taskManager": "replicas selector",
}


def healthy(document: dict[str, Any]) -> dict[str, Any]:
    """The document once all is well in it, else {}."""
    ready = [c for c in document.get("conditions", []) if c["type"] == "Ready" and c["status"] == "True"]
    return document if ready and document["phase"] == "Running" and document["lastCheckpoint"] else {}


def test_after_ctrl_c_a_second_up_goes_on_from_the_newest_checkpoint_and_says_which(job: LocalJob) -> None:
    job.wait_checkpoint_after(0)
    assert job.interrupt() == 0
    assert job.pids() == {}
    newest = max(job.checkpoints_on_volume())
    folder = job.checkpoints_on_volume()[newest]
    before, starts = len(job.printed), len(job.start_records())
    # Taken before the start: it may prune what lies in older folders.
    run(job)
    record = job.start_records()[starts + 1]
    assert record["chosen"] == {"checkpointId": newest, "path": str(folder)}
    assert f"goes on from checkpoint {newest} at {folder}" in job.printed[before:]
    assert audited(job)


def test_deleted_with_retain_the_job_leaves_its_volume_and_one_of_the_same_name_goes_on(job: LocalJob) -> None:
    job.wait_checkpoint_after(0)
    # Stopped by hand first: `down --delete` has to work on a job that does not run, too.
    assert job.interrupt() == 0
    newest, before = max(job.checkpoints_on_volume()), job.checkpoints_on_volume()
    starts = len(job.start_records())
    result = job.run("down", job.name, "--delete")
    assert result.returncode == 0, result.stderr
    assert "Retain" in result.stdout
    assert {path.name for path in job.state.iterdir()} <= {"volume", "supervisor.lock"}
    assert job.checkpoints_on_volume() == before
    gone = job.run("status", job.name)
    assert gone.returncode != 0, "a deleted job still has a status"

    run(job)
    assert len(job.start_records()) == starts + 1
    assert job.start_records()[starts + 1]["chosen"]["checkpointId"] == newest
    assert audited(job)


def test_deleted_with_delete_nothing_of_the_job_is_left(job: LocalJob) -> None:
    job.wait_checkpoint_after(0)
    edited = MANIFEST.read_text(encoding="utf-8").replace("deletionPolicy: Retain", "deletionPolicy: Delete")
    job.file.write_text(edited, encoding="utf-8")
    job.wait("the edit to be applied", lambda: "changed spec.deletionPolicy" in job.printed, 30)

    result = job.run("down", job.name, "--delete", timeout_seconds=90)
    assert result.returncode == 0, result.stderr
    assert not job.state.exists()
    assert job.process is not None
    assert job.process.wait(10) == 0


def audited(job: LocalJob) -> bool:
    """Whether the audit is clean; all records so far are those of one incarnation."""
    result = job.run("audit", job.name)
    assert "0 lost, 0 doubled, 0 wrong" in result.stdout, result.stdout + result.stderr
    return result.returncode == 0
