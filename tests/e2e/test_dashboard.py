"""The page that the installed operator serves, in a real browser, and what Prometheus is told."""

import re
import statistics
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.browser import axe
from tests.browser.alert_delay import alert_seconds
from tests.browser.artefacts import keep_picture, tell
from tests.browser.chromium import MISSING, executable, headless_chromium
from tests.browser.job_page import PANELS, JobPage
from tests.browser.recovery_shown import follow_recovery
from tests.browser.watched_pages import WatchedPages
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.operator_release import RELEASE, OperatorRelease
from tests.e2e.port_forward import port_forward
from tests.e2e.specs import fast_spec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

FILLED_SECONDS = 30.0
ALERTS = 5
ALERT_SECONDS = 2.0


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = executable()
    if path is None:
        pytest.skip(MISSING)
    with headless_chromium(path) as browser:
        yield browser


@pytest.fixture(scope="module")
def job(chromium: Browser, cluster: Cluster, namespace: str) -> Iterator[ClusterJob]:
    found = ClusterJob(cluster, namespace, "demo")
    found.apply(fast_spec())
    found.wait_ready()
    yield found
    found.delete()


@pytest.fixture(scope="module")
def address(operator: OperatorRelease) -> Iterator[str]:
    with port_forward(operator.namespace, f"service/{RELEASE}-dashboard", 8090) as found:
        yield found


@pytest.fixture
def pages(chromium: Browser) -> Iterator[WatchedPages]:
    watched = WatchedPages(chromium)
    yield watched
    assert watched.close() == []


@pytest.fixture
def shown(pages: WatchedPages, address: str, job: ClusterJob) -> JobPage:
    """The job's page, filled."""
    job.wait_ready()
    page = JobPage(pages.open(viewport={"width": 1280, "height": 900}), f"{address}/jobs/{job.namespace}/{job.name}")
    page.open_filled(FILLED_SECONDS)
    return page


def test_the_page_shows_the_job_as_kubernetes_and_flink_have_it(job: ClusterJob, shown: JobPage) -> None:
    shown.wait("phase Running", lambda: shown.phase() == "Running", FILLED_SECONDS)
    keep_picture(shown.page, "cluster-job")
    fields = {place.field: value for place, value in shown.fields().items() if place.panel == "overview"}
    assert fields["job.tasksRunning"] == str(job.tasks().running)
    assert fields["taskManagers.slotsTotal"] == str(job.rest("/overview")["slots-total"])
    assert shown.stale() == dict.fromkeys(PANELS, False)
    assert axe.violations(shown.page) == []


def test_an_alert_of_a_pod_is_in_the_page_soon_after_it_was_written(shown: JobPage) -> None:
    taken = alert_seconds(shown, ALERTS)
    tell(f"alert → page: {statistics.median(taken):.2f} s ({', '.join(f'{value:.2f}' for value in taken)})")
    assert statistics.median(taken) < 3 * ALERT_SECONDS


def test_a_deleted_taskmanager_pod_turns_red_and_the_page_tells_the_recovery_by_itself(
    job: ClusterJob, shown: JobPage
) -> None:
    job.wait_checkpoint_after(job.checkpoints().completed or 0)
    victim = job.living("taskmanager")[1]
    workload = str(victim["metadata"]["labels"]["anomalyjob.dev/workload"]).removeprefix(f"{job.name}-")
    name = str(victim["metadata"]["name"])
    recovery = follow_recovery(shown, workload, lambda: job.delete_pod(name), "cluster-taskmanager-deleted")
    tell(
        f"deleted: red {recovery.dead:.1f} s, Recovering {recovery.recovering:.1f} s, Running {recovery.running:.1f} s"
    )


def test_prometheus_is_told_of_the_job(job: ClusterJob, operator: OperatorRelease, pages: WatchedPages) -> None:
    with port_forward(operator.namespace, f"service/{RELEASE}-metrics", 8091) as address:
        told = pages.open().request.get(f"{address}/metrics").text()
    wanted = rf'^anomalyjob_phase{{.*name="{job.name}".*namespace="{job.namespace}".*phase="Running".*}} 1\.0$'
    assert re.search(wanted, told, re.MULTILINE), told[:2000]
