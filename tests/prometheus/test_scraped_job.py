"""A real Prometheus scrapes the `/metrics` of a real `up` with a real Flink, and its alerts tell what happens there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.flink.local_job import LocalJob
from tests.flink.mounts import file_system, full
from tests.flink.small_job import TASKS, small_resource
from tests.prometheus.real_prometheus import RealPrometheus

pytestmark = [pytest.mark.flink, pytest.mark.timeout(400)]

# The limit is 6 s then: an interval and a timeout. So many failures are tolerated that Flink restarts no task.
CHECKPOINTING = {"interval": "1s", "timeout": "5s", "tolerableFailures": 1000}
FIRES_SECONDS = 60
RESOLVES_SECONDS = 60
OVERDUE = "AnomalyJobCheckpointOverdue"


@dataclass(frozen=True)
class Scraped:
    """The job, and who scrapes it."""

    job: LocalJob
    prometheus: RealPrometheus

    def fires(self, alert: str) -> bool:
        """Whether the alert fires now."""
        return alert in self.prometheus.firing()


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    """A job that writes to a volume of 8 MiB nothing but its checkpoints, scraped since all of its tasks run."""
    folder = tmp_path_factory.mktemp("scraped")
    job = LocalJob(folder, small_resource(sink={"log": {}}, checkpointing=CHECKPOINTING))
    volume = job.state / "volume"
    volume.mkdir(parents=True)
    with file_system(volume, size_mebibytes=8), job:
        job.up()
        job.wait_running(tasks=TASKS)
        job.wait_checkpoint_after(job.wait_checkpoint_after(0))
        with RealPrometheus(folder, dashboard_address(job)) as prometheus:
            prometheus.wait("the job to be Ready", lambda: prometheus.values("anomalyjob_ready") == [1], FIRES_SECONDS)
            yield Scraped(job, prometheus)


def dashboard_address(job: LocalJob) -> str:
    """Where `up` says that it serves, without the scheme."""
    found = re.search(r"Dashboard: http://(127\.0\.0\.1:\d+)/", job.printed)
    assert found, job.printed
    return found[1]


def counted(job: LocalJob) -> tuple[int, int]:
    """Completed and failed checkpoints as Flink's REST counts them."""
    statistics = job.checkpoints()
    assert statistics is not None
    return statistics["counts"]["completed"], statistics["counts"]["failed"]


def test_what_prometheus_has_is_what_flink_says(scraped: Scraped) -> None:
    values, before = scraped.prometheus.values, counted(scraped.job)

    def agrees() -> bool:
        (completed,) = values("anomalyjob_checkpoints_completed_total")
        return before[0] <= completed <= counted(scraped.job)[0] and completed > before[0]

    scraped.prometheus.wait("the same number of completed checkpoints", agrees, 30)
    assert values('anomalyjob_phase{namespace="default", name="demo", phase="Running"}') == [1]
    assert values("anomalyjob_task_managers_ready") == values("anomalyjob_task_managers_desired") == [1]
    assert values("anomalyjob_checkpoint_age_limit_seconds") == [6]
    assert 0 <= values("anomalyjob_checkpoint_age_seconds")[0] < 6
    scraped.prometheus.wait("no alert to fire", lambda: scraped.prometheus.firing() == {}, RESOLVES_SECONDS)


def test_an_overdue_checkpoint_is_an_alert_while_checkpoints_fail_and_no_longer(scraped: Scraped) -> None:
    with full(scraped.job.state / "volume"):
        scraped.prometheus.wait("the alert", lambda: scraped.fires(OVERDUE), FIRES_SECONDS)
        assert scraped.prometheus.firing()[OVERDUE].startswith("No checkpoint of default/demo completed for ")
        scraped.prometheus.wait(
            "failed checkpoints to be told", lambda: scraped.fires("AnomalyJobCheckpointFailed"), FIRES_SECONDS
        )

    scraped.prometheus.wait("the end of the alert", lambda: not scraped.fires(OVERDUE), RESOLVES_SECONDS)
    assert scraped.prometheus.values("anomalyjob_checkpoint_age_seconds < anomalyjob_checkpoint_age_limit_seconds")


def test_an_operator_that_ends_is_an_alert(scraped: Scraped) -> None:
    assert not scraped.fires("AnomalyJobOperatorDown")

    assert scraped.job.interrupt() == 0

    scraped.prometheus.wait("the alert", lambda: scraped.fires("AnomalyJobOperatorDown"), FIRES_SECONDS)
    assert scraped.prometheus.values("anomalyjob_ready") == []
