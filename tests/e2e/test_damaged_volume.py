"""Case 9: a damaged newest checkpoint is never stepped over in silence, and a record above the volume stops a start."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.operator_release import OperatorRelease
from tests.e2e.recoveries import Watched, audited, check_output
from tests.e2e.specs import small_spec
from tests.e2e.volume_pod import VolumePod
from tests.e2e.volume_record import SeenCheckpoint
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TOLD_SECONDS = 90.0
RESTART_SECONDS = 240.0
"""The kubelet starts a container that ended again after 10, 20, 40, … seconds."""
FAR_AHEAD = 1_000
RETAINED = 3


@pytest.fixture(scope="module")
def watched(cluster: Cluster, namespace: str, watch: Callable[[ClusterJob], Watched]) -> Iterator[Watched]:
    job = ClusterJob(cluster, namespace, "hurt")
    job.apply(small_spec())
    job.wait_ready()
    # One to damage, and older ones that are kept.
    job.wait_checkpoint_after(RETAINED - 1)
    yield watch(job)
    job.delete()


@pytest.fixture(scope="module")
def surgeon(watched: Watched) -> VolumePod:
    return VolumePod(watched.job, "surgeon", read_only=False)


@pytest.fixture
def stopped(watched: Watched, operator: OperatorRelease) -> Iterator[SeenCheckpoint]:
    """The newest checkpoint of the job while neither its JobManager nor the operator runs; afterwards both do."""
    watched.job.wait_ready()
    operator.scale(0)
    try:
        yield stop_job_manager(watched)
    finally:
        operator.scale(1)


def test_a_truncated_newest_checkpoint_that_is_not_on_record_is_skipped_by_name_and_the_audit_knows_the_repeats(
    watched: Watched, surgeon: VolumePod, operator: OperatorRelease, stopped: SeenCheckpoint
) -> None:
    before = watched.record()
    older = max(seen.number for seen in before.checkpoints if seen.number < stopped.number)
    set_floor(watched.job, older)
    truncate(surgeon, stopped)
    operator.scale(1)
    wait("the next start", lambda: watched.record().last_start > before.last_start, RESTART_SECONDS)
    record = watched.record().starts[-1].record
    assert record["chosen"]["checkpointId"] == older
    assert [skipped["checkpointId"] for skipped in record["skipped"]] == [None]
    assert stopped.path.rpartition("/")[2] in record["skipped"][0]["path"]
    watched.job.wait_ready()
    watched.checked_start = watched.record().last_start
    assert check_output(watched).clean


def test_a_checkpoint_on_record_that_is_truncated_is_refused_until_it_is_put_back(
    watched: Watched, surgeon: VolumePod, operator: OperatorRelease, stopped: SeenCheckpoint
) -> None:
    starts = watched.record().last_start
    set_floor(watched.job, stopped.number)
    truncate(surgeon, stopped)
    operator.scale(1)
    refused = wait("the refusal", lambda: state_is_unsafe(watched.job), TOLD_SECONDS, seen=watched.job.describe)
    assert refused["reason"] == "CheckpointBelowFloor"
    assert f"checkpoint {stopped.number} was completed before" in refused["message"]
    assert "spec.recovery.allowOlderCheckpoints" in refused["message"]
    assert watched.job.condition("Ready")["status"] == "False"
    assert watched.record().last_start == starts
    put_back(surgeon, stopped)
    watched.job.wait_ready(RESTART_SECONDS)
    start = watched.record().starts[-1]
    assert start.chosen is not None
    assert start.chosen[0] == stopped.number
    assert check_output(watched).clean


def test_a_record_above_everything_on_the_volume_is_refused_with_both_numbers(
    watched: Watched, operator: OperatorRelease, stopped: SeenCheckpoint
) -> None:
    set_floor(watched.job, stopped.number + FAR_AHEAD)
    operator.scale(1)
    refused = wait("the refusal", lambda: state_is_unsafe(watched.job), TOLD_SECONDS, seen=watched.job.describe)
    assert refused["reason"] == "CheckpointBelowFloor"
    assert f"is {stopped.number} (" in refused["message"]
    assert f"checkpoint {stopped.number + FAR_AHEAD} was completed before" in refused["message"]
    assert ("StartRefused") in [reason for reason, _ in watched.job.events()]
    report = audited(watched)
    assert report.clean, report.describe()


def stop_job_manager(watched: Watched) -> SeenCheckpoint:
    """Scale the JobManager away while no operator is there to put it back; return the newest checkpoint."""
    job = watched.job
    path = f"/apis/apps/v1/namespaces/{job.namespace}/deployments/{job.name}-jobmanager"
    job.cluster.patch(path, {"spec": {"replicas": 0}})
    wait("the JobManager to be gone", lambda: not job.pods("jobmanager"), 60)
    # After a step back two starts have a checkpoint of one id: the later one's counts.
    return max(watched.record().checkpoints, key=lambda seen: (seen.number, seen.start))


def set_floor(job: ClusterJob, checkpoint_id: int) -> None:
    """Let the ledger say that this was the last completed checkpoint."""
    path = f"/api/v1/namespaces/{job.namespace}/configmaps/{job.name}-ledger"
    ledger: dict[str, Any] = json.loads(job.cluster.get(path)["data"]["ledger.json"])
    ledger["floor"]["checkpointId"] = checkpoint_id
    job.cluster.patch(path, {"data": {"ledger.json": json.dumps(ledger)}})


def truncate(surgeon: VolumePod, checkpoint: SeenCheckpoint) -> None:
    """Cut the checkpoint's metadata off after ten bytes, and keep a copy beside the job's folder."""
    file = f"{checkpoint.path}/_metadata"
    surgeon.execute("sh", "-c", f"cp -a {file} /volume/kept_metadata && truncate -s 10 {file}")


def put_back(surgeon: VolumePod, checkpoint: SeenCheckpoint) -> None:
    surgeon.execute("cp", "-a", "/volume/kept_metadata", f"{checkpoint.path}/_metadata")


def state_is_unsafe(job: ClusterJob) -> dict[str, Any]:
    condition = job.condition("StateSafe")
    return condition if condition.get("status") == "False" else {}
