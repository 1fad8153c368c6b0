"""What the pods of a job tell of its workloads: one table of pods, each with what must be seen."""

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.cluster_pods import HASH, ended, pod, rfc3339, waits
from tests.unit.observations import at

from anomalyjob_operator.cluster.pods import living_address, workloads_of
from anomalyjob_operator.observed import Refusal, WorkloadObservation

NOW = at(100)
JM, TM = "demo-jobmanager", "demo-taskmanager-1"
LOCKED = json.dumps({"reason": "VolumeLocked", "message": "Process 77 holds the lock."})
REFUSED = Refusal(reason="VolumeLocked", message="Process 77 holds the lock.")
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
JUST_NOW = {"lastTransitionTime": (NOW - timedelta(seconds=9)).isoformat()}


def being_deleted(told: float, grace: int) -> dict[str, Any]:
    """The marks of a pod that was told to end so many seconds after T0."""
    gone_by = rfc3339(at(told) + timedelta(seconds=grace))
    return {"metadata__deletionTimestamp": gone_by, "metadata__deletionGracePeriodSeconds": grace}


CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "a pod whose container runs is alive since its container started": (
        [pod(TM, at(0), flink__state={"running": {"startedAt": rfc3339(at(3))}})],
        {"alive": True, "alive_since": at(3), "died_at": None, "content_hash": HASH, "restarts": 0, "refusal": None},
    ),
    "a container that was started again tells when it died": (
        [pod(TM, at(0), flink__lastState=ended(at(40)), flink__restartCount=2)],
        {"alive": True, "died_at": at(40), "restarts": 2},
    ),
    "a pod without a container yet is there, and not alive": (
        [pod(TM, at(0), status__containerStatuses=None, status__podIP=None, status__phase="Pending")],
        {"alive": False, "alive_since": None, "died_at": None, "waiting": None, "restarts": 0},
    ),
    "a pod that ends is not alive any more; it died when it was told to": (
        [pod(TM, at(0), **being_deleted(50, 10))],
        {"alive": False, "alive_since": None, "died_at": at(50)},
    ),
    "a pod that was deleted by force died when it was told to": (
        [pod(TM, at(0), **being_deleted(50, 0))],
        {"alive": False, "died_at": at(50)},
    ),
    "the replacement beside a pod that ends speaks for the workload, and its death is told": (
        [pod(TM, at(51)), pod(TM, at(0), **being_deleted(50, 10))],
        {"alive": True, "alive_since": at(51), "died_at": at(50)},
    ),
    "the pod that is not being deleted speaks even when it is the older one": (
        [pod(TM, at(0)), pod(TM, at(60), **being_deleted(70, 10))],
        {"alive": True, "alive_since": at(0), "died_at": at(70)},
    ),
    "a replacement that has not started yet makes the workload not alive, though the old container still ends": (
        [pod(TM, at(51), flink__state=waits("ContainerCreating")), pod(TM, at(0), **being_deleted(50, 10))],
        {"alive": False, "died_at": at(50), "waiting": None},
    ),
    "the newest of two deaths is told": (
        [pod(TM, at(80), flink__lastState=ended(at(90))), pod(TM, at(0), **being_deleted(50, 10))],
        {"died_at": at(90)},
    ),
    "an evicted pod beside its replacement only tells when it died": (
        [pod(TM, at(61)), pod(TM, at(0), status__phase="Failed", flink__state=ended(at(60)))],
        {"alive": True, "alive_since": at(61), "died_at": at(60)},
    ),
    "a launcher's refusal is read from the termination message": (
        [pod(JM, at(0), flink__state=ended(at(5), LOCKED), flink__ready=False)],
        {"alive": False, "refusal": REFUSED, "died_at": at(5)},
    ),
    "a refusal holds while the container waits to be started again": (
        [pod(JM, at(0), flink__state=waits("CrashLoopBackOff", "back-off 10s"), flink__lastState=ended(at(5), LOCKED))],
        {
            "alive": False,
            "refusal": REFUSED,
            "waiting": Refusal(reason="CrashLoopBackOff", message="back-off 10s"),
        },
    ),
    "a refusal holds while the next start is not proven, however ready it looks": (
        [
            pod(
                JM,
                at(0),
                flink__state={"running": {"startedAt": rfc3339(at(91))}},
                flink__lastState=ended(at(85), LOCKED),
            )
        ],
        {"alive": True, "refusal": REFUSED},
    ),
    "a refusal holds as long as the next start is not ready, however long it runs": (
        [
            pod(
                JM,
                at(0),
                flink__state={"running": {"startedAt": rfc3339(at(10))}},
                flink__lastState=ended(at(5), LOCKED),
                flink__ready=False,
            )
        ],
        {"alive": True, "refusal": REFUSED},
    ),
    "a refusal is past when a later start is ready and has run for ten seconds": (
        [
            pod(
                JM,
                at(0),
                flink__state={"running": {"startedAt": rfc3339(at(90))}},
                flink__lastState=ended(at(85), LOCKED),
            )
        ],
        {"alive": True, "refusal": None},
    ),
    "a termination message that is no refusal is none": (
        [pod(JM, at(0), flink__lastState=ended(at(5), "java.lang.OutOfMemoryError"), flink__ready=False)],
        {"refusal": None},
    ),
    "a termination message of another shape is no refusal": (
        [pod(JM, at(0), flink__lastState=ended(at(5), '["VolumeLocked"]'), flink__ready=False)],
        {"refusal": None},
    ),
    "an image that cannot be pulled is waited for": (
        [pod(TM, at(0), flink__state=waits("ImagePullBackOff", "no such image"), flink__ready=False)],
        {"alive": False, "waiting": Refusal(reason="ImagePullBackOff", message="no such image")},
    ),
    "a reason without a message is told by its name": (
        [pod(TM, at(0), flink__state=waits("CreateContainerConfigError"))],
        {"waiting": Refusal(reason="CreateContainerConfigError", message="CreateContainerConfigError")},
    ),
    "a container that is being made is no reason to worry": (
        [pod(TM, at(0), flink__state=waits("ContainerCreating"))],
        {"waiting": None},
    ),
    "a pod that fits on no node is waited for": (
        [pod(TM, at(0), status__containerStatuses=None, status__conditions=[UNSCHEDULABLE], status__podIP=None)],
        {"alive": False, "waiting": Refusal(reason="Unschedulable", message="0/3 nodes are available")},
    ),
    "a pod that fits on no node yet may only wait for its claim": (
        [pod(TM, at(0), status__containerStatuses=None, status__conditions=[UNSCHEDULABLE | JUST_NOW])],
        {"alive": False, "waiting": None},
    ),
    "a pod that ends waits for nothing": (
        [pod(TM, at(0), flink__state=waits("ImagePullBackOff"), **being_deleted(50, 10))],
        {"waiting": None},
    ),
    "a pod without annotations has no content hash": (
        [pod(TM, at(0), metadata__annotations=None)],
        {"content_hash": None},
    ),
    "a JobManager is one": ([pod(JM, at(0))], {"name": JM, "role": "jobmanager"}),
    "a TaskManager is one": ([pod(TM, at(0))], {"name": TM, "role": "taskmanager"}),
}


@pytest.mark.parametrize("sentence", CASES)
def test_it_is_seen_that(sentence: str) -> None:
    pods, expected = CASES[sentence]

    (seen,) = workloads_of(pods, NOW)
    assert {field: getattr(seen, field) for field in expected} == expected


@pytest.mark.parametrize("sentence", CASES)
def test_the_order_of_the_list_changes_nothing_of_it(sentence: str) -> None:
    pods, _ = CASES[sentence]

    assert workloads_of(pods, NOW) == workloads_of(pods[::-1], NOW)


def test_each_workload_is_told_once_in_the_order_of_names() -> None:
    pods = [pod(TM, at(2)), pod(JM, at(0)), pod("demo-taskmanager-2", at(0)), pod(TM, at(1), **being_deleted(2, 10))]

    assert [seen.name for seen in workloads_of(pods, NOW)] == [JM, TM, "demo-taskmanager-2"]


def test_pods_that_are_no_workload_are_passed_over() -> None:
    foreign = pod(TM, at(0), metadata__labels={"anomalyjob.dev/job": "demo"})
    odd = pod(TM, at(0))
    odd["metadata"]["labels"]["app.kubernetes.io/component"] = "backup"

    assert workloads_of([foreign, odd, pod(TM, at(0), metadata__labels=None)], NOW) == ()


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_pod_that_has_ended_for_good_is_no_process_to_wait_for(phase: str) -> None:
    """Nobody removes an evicted pod of a Deployment without replicas: a stop would wait for it for ever."""
    gone = pod(TM, at(0), status__phase=phase, flink__state=ended(at(60)))

    assert workloads_of([gone], NOW) == ()
    assert [seen.name for seen in workloads_of([gone, pod(JM, at(0))], NOW)] == [JM]


def test_a_pod_that_still_ends_is_a_process_to_wait_for() -> None:
    (seen,) = workloads_of([pod(TM, at(0), flink__state=ended(at(60)), **being_deleted(50, 30))], NOW)

    assert isinstance(seen, WorkloadObservation)
    assert not seen.alive


ADDRESSES: dict[str, tuple[list[dict[str, Any]], str | None]] = {
    "no pod, no address": ([], None),
    "the JobManager's pod has one": ([pod(TM, at(0), status__podIP="10.1.0.9"), pod(JM, at(0))], "10.1.0.7"),
    "a pod has none before it is on a node": ([pod(JM, at(0), status__podIP=None)], None),
    "a pod that ends is not asked": ([pod(JM, at(0), **being_deleted(50, 10))], None),
    "an evicted pod is not asked": ([pod(JM, at(0), status__phase="Failed")], None),
    "the replacement is asked, not the pod that ends": (
        [pod(JM, at(51), status__podIP="10.1.0.8"), pod(JM, at(0), **being_deleted(50, 10))],
        "10.1.0.8",
    ),
    "while the replacement has no address nobody is asked": (
        [pod(JM, at(51), status__podIP=None), pod(JM, at(0), **being_deleted(50, 10))],
        None,
    ),
}


@pytest.mark.parametrize("sentence", ADDRESSES)
def test_where_flink_is_asked(sentence: str) -> None:
    pods, address = ADDRESSES[sentence]

    assert living_address(pods, "jobmanager") == address
    assert living_address(pods[::-1], "jobmanager") == address
