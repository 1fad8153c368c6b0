"""A running job is changed, suspended, resumed and given another sink by saving its file; nothing is lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.flink.local_job import LocalJob
from tests.flink.small_job import TASKS, assert_audit_is_clean, small_resource, start_after

pytestmark = [pytest.mark.flink, pytest.mark.timeout(600)]


@pytest.fixture
def job(tmp_path: Path) -> Iterator[LocalJob]:
    with LocalJob(tmp_path, small_resource()) as running:
        yield running


def save(job: LocalJob, /, **spec: Any) -> None:
    """Save the job's file with these parts of the spec changed."""
    job.file.write_text(yaml.safe_dump(small_resource(**spec)), encoding="utf-8")


def is_settled(job: LocalJob) -> bool:
    """Whether the last saved file is applied and the job is ready with it."""
    status, resource = job.status(), json.loads((job.state / "resource.json").read_text(encoding="utf-8"))
    ready = {condition["type"]: condition["status"] for condition in status["conditions"]}["Ready"]
    return (status["observedGeneration"], ready) == (resource["metadata"]["generation"], "True")


def test_a_job_is_changed_while_it_runs(job: LocalJob) -> None:
    job.up()
    job.wait_running(tasks=TASKS)
    job.wait_checkpoint_after(1)

    save(job, detection={"maxCount": 4})
    changed = start_after(job, 1)
    assert changed["detection"] == {"maxCount": 4}
    assert changed["chosen"]["checkpointId"] == changed["floor"], "the checkpoint that was asked for is the floor"
    job.wait_running(tasks=TASKS)
    newest = job.wait_checkpoint_after(changed["chosen"]["checkpointId"])
    assert_audit_is_clean(job)

    save(job, detection={"maxCount": 4}, job={"parallelism": 1, "state": "suspended"})
    job.wait("the phase Suspended", lambda: job.status()["phase"] == "Suspended", 60)
    assert job.pids() == {}
    save(job, detection={"maxCount": 4})
    resumed = start_after(job, 2)
    assert resumed["chosen"]["checkpointId"] >= newest
    job.wait_running(tasks=TASKS)
    newest = job.wait_checkpoint_after(resumed["chosen"]["checkpointId"])

    save(job, detection={"maxCount": 4}, sink={"files": {}})
    with_savepoint = start_after(job, 3)
    assert "/stop/1/savepoint-" in with_savepoint["chosen"]["path"]
    assert with_savepoint["chosen"]["checkpointId"] > newest
    assert with_savepoint["floor"] == with_savepoint["chosen"]["checkpointId"]
    job.wait_running(tasks=TASKS)
    job.wait_checkpoint_after(with_savepoint["chosen"]["checkpointId"])
    job.wait("a settled change", lambda: is_settled(job), 60)

    status = job.status()
    assert (status["recoveries"], status["restarts"], status["operation"]) == (0, 0, None)
    assert status["lastGood"]["spec"]["sink"] == {"files": {}}
    assert_audit_is_clean(job)
    assert job.interrupt() == 0


def test_a_users_savepoint_is_where_a_new_incarnation_begins(job: LocalJob) -> None:
    job.up()
    job.wait_running(tasks=TASKS)
    job.wait_checkpoint_after(1)
    save(job, job={"parallelism": 1, "savepointTriggerNonce": 1})
    (savepoint,) = job.wait("a savepoint", lambda: job.status()["savepoints"], 60)
    assert "/savepoints/savepoint-" in savepoint["path"]

    save(job, job={"parallelism": 1, "restore": {"from": savepoint["path"], "nonce": 1}, "savepointTriggerNonce": 1})
    restored = start_after(job, 1)

    assert restored["incarnation"] == 2
    assert restored["chosen"]["path"] in savepoint["path"]
    job.wait_running(tasks=TASKS)
    job.wait_checkpoint_after(0)
    job.wait("a settled change", lambda: is_settled(job), 60)
    lineage = json.loads((job.job_volume / "lineage.json").read_text(encoding="utf-8"))
    assert (lineage["incarnation"], lineage["consumedRestoreNonce"]) == (2, 1)
    assert job.interrupt() == 0
