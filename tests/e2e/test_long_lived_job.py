"""Cases 2 to 7: one job that is struck again and again, and loses nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.node_hands import NodeHands
from tests.e2e.operator_release import OperatorRelease
from tests.e2e.recoveries import Watched, check_output, recover
from tests.e2e.specs import fast_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

REPAIR_SECONDS = 60.0
"""Four times the pause between two comparisons of all objects."""
JOB_NAME = "demo"


@pytest.fixture(scope="module")
def watched(cluster: Cluster, namespace: str, watch: Callable[[ClusterJob], Watched]) -> Iterator[Watched]:
    job = ClusterJob(cluster, namespace, JOB_NAME)
    job.apply(fast_spec())
    job.wait_ready()
    yield watch(job)
    job.delete()


@pytest.fixture
def job(watched: Watched) -> ClusterJob:
    watched.job.wait_ready()
    return watched.job


# --- pods


def test_a_deleted_taskmanager_pod_comes_back_and_the_job_goes_on_from_its_newest_checkpoint(
    watched: Watched, job: ClusterJob
) -> None:
    victim = job.task_managers()[1]
    recover(watched, "2", "TaskManager pod deleted", lambda: job.delete_pod(victim))
    assert job.status()["lastRecovery"]["cause"] == "TaskManagerLost"


def test_all_taskmanager_pods_deleted_at_once_come_back(watched: Watched, job: ClusterJob) -> None:
    recover(watched, "3", "all TaskManager pods deleted", lambda: delete(job, job.task_managers()))


def test_a_deleted_jobmanager_pod_comes_back_and_the_job_goes_on_from_its_newest_checkpoint(
    watched: Watched, job: ClusterJob
) -> None:
    recover(watched, "4", "JobManager pod deleted", lambda: delete(job, [job.job_manager()]))
    assert job.status()["lastRecovery"]["cause"] == "JobManagerLost"


def test_a_jobmanager_that_ignores_sigterm_lets_the_next_one_in_only_when_it_is_dead(
    watched: Watched, job: ClusterJob, hands: NodeHands
) -> None:
    deaf = job.living("jobmanager")[0]

    def freeze_and_delete() -> None:
        hands.send("SIGSTOP", deaf)
        job.delete_pod(deaf["metadata"]["name"])

    recovery = recover(watched, "4", "JobManager pod deleted that ignores SIGTERM", freeze_and_delete)
    assert recovery.seconds_to_running > deaf["spec"]["terminationGracePeriodSeconds"]


def test_jobmanager_and_taskmanagers_deleted_at_once_come_back(watched: Watched, job: ClusterJob) -> None:
    pods = [job.job_manager(), *job.task_managers()]
    recover(watched, "5", "JobManager and all TaskManager pods deleted", lambda: delete(job, pods))


# --- other objects


def test_a_deleted_deployment_is_put_back(watched: Watched, job: ClusterJob) -> None:
    path = object_path(job, "/apis/apps/v1", "deployments", f"{job.name}-taskmanager-3")
    before = job.cluster.get(path)
    recover(watched, "6", "Deployment of a TaskManager deleted", lambda: job.cluster.delete(path))
    assert job.cluster.get(path)["spec"] == before["spec"]


@pytest.mark.parametrize("name", ["jobmanager", "rest"])
def test_a_deleted_service_is_put_back_and_the_tasks_run_on(job: ClusterJob, name: str) -> None:
    path = object_path(job, "/api/v1", "services", f"{job.name}-{name}")
    before, tasks = job.cluster.get(path), job.tasks()
    job.cluster.delete(path)
    after = wait("the Service to be put back", lambda: another(job, path, before), REPAIR_SECONDS)
    assert after["spec"]["ports"] == before["spec"]["ports"]
    assert after["spec"]["selector"] == before["spec"]["selector"]
    assert job.tasks() == tasks


def test_a_deleted_configmap_is_put_back_and_the_tasks_run_on(job: ClusterJob) -> None:
    configuration = next(name for name in job.objects("/api/v1/configmaps") if "taskmanager-1" in name)
    path = object_path(job, "/api/v1", "configmaps", configuration)
    before, tasks = job.cluster.get(path), job.tasks()
    job.cluster.delete(path)
    after = wait("the ConfigMap to be put back", lambda: another(job, path, before), REPAIR_SECONDS)
    assert after["data"] == before["data"]
    assert job.tasks() == tasks


def test_a_deleted_ledger_is_written_again_with_no_lower_floor(job: ClusterJob) -> None:
    path = object_path(job, "/api/v1", "configmaps", f"{job.name}-ledger")
    before, floor = job.cluster.get(path), job.status()["ledger"]["floor"]["checkpointId"]
    job.cluster.delete(path)
    wait("the ledger to be written again", lambda: another(job, path, before), REPAIR_SECONDS)
    wait("its floor", lambda: floor_of(job) >= floor, REPAIR_SECONDS)
    job.wait_ready(60)


@pytest.mark.parametrize(
    "group, plural, name, edit",
    [
        ("/api/v1", "services", "rest", {"spec": {"selector": {"anomalyjob.dev/workload": "nobody"}}}),
        ("/apis/policy/v1", "poddisruptionbudgets", "taskmanagers", {"spec": {"maxUnavailable": 3}}),
        ("/apis/apps/v1", "deployments", "taskmanager-1", {"spec": {"revisionHistoryLimit": 9}}),
    ],
)
def test_an_edited_object_is_put_right_and_the_tasks_run_on(
    job: ClusterJob, group: str, plural: str, name: str, edit: dict[str, Any]
) -> None:
    path = object_path(job, group, plural, f"{job.name}-{name}")
    before, tasks = job.cluster.get(path), job.tasks()
    job.cluster.patch(path, edit)
    assert job.cluster.get(path)["spec"] != before["spec"]
    wait("the object to be put right", lambda: job.cluster.get(path)["spec"] == before["spec"], REPAIR_SECONDS)
    assert job.tasks() == tasks


def test_a_taskmanager_that_somebody_scaled_to_nothing_is_started_again(watched: Watched, job: ClusterJob) -> None:
    path = object_path(job, "/apis/apps/v1", "deployments", f"{job.name}-taskmanager-2")
    recover(
        watched,
        "6",
        "Deployment of a TaskManager edited: replicas 0",
        lambda: job.cluster.patch(path, {"spec": {"replicas": 0}}),
    )


# --- no operator


def test_without_an_operator_the_job_recovers_and_an_operator_that_comes_back_restarts_nothing(
    watched: Watched, job: ClusterJob, operator: OperatorRelease
) -> None:
    operator.scale(0)
    try:
        pods = [job.job_manager(), job.task_managers()[0]]
        what = "JobManager and a TaskManager deleted, no operator"
        recovery = recover(watched, "7", what, lambda: delete(job, pods), operator_there=False)
        tasks, uids = job.wait_running(), uids_of(job)
    finally:
        operator.scale(1)
    newest = recovery.checkpoints.completed or 0
    wait("the status to be true again", lambda: told_checkpoint(job) >= newest, 60, seen=job.describe)
    job.wait_ready(60)
    later = job.wait_checkpoint_after(job.checkpoints().completed or 0)
    assert later.restored_at == recovery.checkpoints.restored_at
    assert job.tasks() == tasks
    assert uids_of(job) == uids
    assert job.status()["lastRecovery"]["cause"] == "JobManagerLost"
    assert check_output(watched).clean


def delete(job: ClusterJob, pods: list[str]) -> None:
    for pod in pods:
        job.delete_pod(pod)


def object_path(job: ClusterJob, group: str, plural: str, name: str) -> str:
    return f"{group}/namespaces/{job.namespace}/{plural}/{name}"


def another(job: ClusterJob, path: str, before: dict[str, Any]) -> Any:
    """The object of that path once it is another one than before."""
    found = job.cluster.get(path)
    return found if found and found["metadata"]["uid"] != before["metadata"]["uid"] else None


def floor_of(job: ClusterJob) -> int:
    floor = job.status().get("ledger", {}).get("floor") or {}
    return int(floor.get("checkpointId", 0))


def told_checkpoint(job: ClusterJob) -> int:
    return int((job.status().get("lastCheckpoint") or {}).get("id", 0))


def uids_of(job: ClusterJob) -> list[str]:
    return sorted(str(pod["metadata"]["uid"]) for pod in job.pods())
