"""Case 12: a namespace with a running job is deleted as quickly as any other."""

import time

import pytest
from tests.e2e import places
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.operator_release import OperatorRelease
from tests.e2e.specs import small_spec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

GONE_SECONDS = 60.0


def test_a_deleted_namespace_with_a_running_job_is_gone_within_a_minute(
    cluster: Cluster, operator: OperatorRelease, namespace: str
) -> None:
    doomed = f"{namespace}-doomed"
    places.create(cluster, doomed)
    job = ClusterJob(cluster, doomed, "doomed")
    job.apply(small_spec())
    job.wait_ready()
    began = time.monotonic()
    places.remove(cluster, doomed, GONE_SECONDS)
    print(f"gone after {time.monotonic() - began:.1f} s")
    assert operator.is_ready()
