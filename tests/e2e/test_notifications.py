"""What a job tells by Kubernetes events: its anomaly alerts, and a target that the operator does not know."""

from collections.abc import Iterator

import pytest
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.specs import small_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TOLD_SECONDS = 60.0
ALERTS_AT_ONCE = 5


@pytest.fixture(scope="module")
def job(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    job = ClusterJob(cluster, namespace, "notifying")
    job.apply(small_spec())
    job.wait_ready()
    yield job
    job.delete()


def messages(job: ClusterJob, reason: str) -> list[str]:
    return [message for told, message in job.events() if told == reason]


def test_alerts_become_events_a_few_at_once_and_nothing_is_restarted_for_that(job: ClusterJob) -> None:
    pods = sorted(pod["metadata"]["uid"] for pod in job.living())
    assert messages(job, "AnomalyAlert") == [], "nobody has asked for them"

    job.change({"notifications": {"alerts": True, "webhook": "pager"}})

    wait("the alerts of a flood to be told", lambda: len(messages(job, "AnomalyAlert")) >= ALERTS_AT_ONCE, TOLD_SECONDS)
    told = messages(job, "AnomalyAlert")
    assert all(" abnormal " in message for message in told)
    assert sum(message.startswith("[ALERT] userId=") for message in told) <= 2 * ALERTS_AT_ONCE
    assert sorted(pod["metadata"]["uid"] for pod in job.living()) == pods


def test_how_many_more_there_were_is_told_a_minute_later(job: ClusterJob) -> None:
    def summed_up() -> bool:
        return any(message.startswith("and ") for message in messages(job, "AnomalyAlert"))

    wait("the rest of the flood to be counted", summed_up, 3 * TOLD_SECONDS)


def test_a_target_that_there_is_not_is_told_once(job: ClusterJob) -> None:
    (message,) = messages(job, "NotificationError")

    assert "names the target pager, which is not configured (configured: none)" in message
