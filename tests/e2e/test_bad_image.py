"""Case 17: an image that nobody has, then a good spec: the state waits, and the job goes on from it."""

from collections.abc import Callable, Iterator

import pytest
from tests.e2e import settings
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.recoveries import Watched, check_output
from tests.e2e.specs import small_spec
from tests.e2e.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

BAD_IMAGE = "anomalyjob:there-is-no-such-tag"
DEADLINE = {"progressDeadline": "30s"}


@pytest.fixture
def job(cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    job = ClusterJob(cluster, namespace, "picture")
    yield job
    job.delete()


def test_a_bad_image_is_named_and_a_good_spec_goes_on_from_the_newest_state(
    job: ClusterJob, watch: Callable[[ClusterJob], Watched]
) -> None:
    good = small_spec(recovery=DEADLINE)
    job.apply(good)
    job.wait_ready()
    watched = watch(job)
    job.apply({**good, "image": BAD_IMAGE})
    wait("the image to be named", lambda: BAD_IMAGE in str(job.status().get("message")), 180, seen=job.describe)
    wait("the phase Failed", lambda: job.status().get("phase") == "Failed", 180, seen=job.describe)
    assert job.status()["lastGood"]["spec"]["image"] == settings.job_image()
    assert "ProgressDeadlineExceeded" in [reason for reason, _ in job.events()]
    starts = watched.record().last_start

    job.apply(good)

    job.wait_ready()
    record = watched.record()
    assert record.last_start == starts + 1
    assert record.wrong_starts() == []
    assert record.starts[-1].chosen is not None
    assert check_output(watched).clean


def test_a_first_spec_with_a_bad_image_can_be_corrected(job: ClusterJob) -> None:
    job.apply(small_spec(image=BAD_IMAGE))
    wait("the image to be named", lambda: BAD_IMAGE in str(job.status().get("message")), 90, seen=job.describe)
    job.apply(small_spec())
    job.wait_ready()
