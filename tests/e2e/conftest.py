"""One operator for the whole session, installed by helm; namespaces, the node's hands and figures for whoever asks.

The order of the modules is that of the promise: first that a job comes back, then everything around it.
One session at a time: it begins by removing what an interrupted one has left on the cluster.
"""

import json
import os
import secrets
from collections.abc import Callable, Generator, Iterator

import pytest
from tests.browser.artefacts import tell_all
from tests.e2e import command, places, settings
from tests.e2e.allowed_clusters import refusal
from tests.e2e.cluster_access import Cluster
from tests.e2e.cluster_job import ClusterJob
from tests.e2e.diagnosis import diagnose
from tests.e2e.node_hands import NodeHands
from tests.e2e.operator_release import CRD, OperatorRelease, installed_elsewhere
from tests.e2e.recoveries import Watched
from tests.e2e.results import Results, machine, table
from tests.e2e.volume_pod import VolumePod
from tests.e2e.waiting import wait

LOAD_SECONDS = 600.0
WATCH_SECONDS = 30.0
MODULES = (
    "test_first_start",
    "test_long_lived_job",
    "test_dashboard",
    "test_metrics",
    "test_notifications",
    "test_release",
    "test_security",
    "test_damaged_volume",
    "test_early_death",
    "test_recreated",
    "test_side_by_side",
    "test_bad_image",
    "test_crash_loop",
    "test_namespace_deleted",
    "test_operator_deleted",
)
RESULTS = pytest.StashKey[Results]()
RUN = pytest.StashKey[str]()
USED = pytest.StashKey[set[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUN] = secrets.token_hex(3)
    config.stash[RESULTS] = Results(settings.results_folder(), config.stash[RUN])
    config.stash[USED] = set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the order of MODULES; what is not named there comes last."""
    order = {name: position for position, name in enumerate(MODULES)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tell_all(terminalreporter)
    rows = config.stash[RESULTS].rows
    if rows:
        terminalreporter.section("recoveries, seconds from the blow")
        terminalreporter.write_line("\n".join([*table(rows), f"on {machine()}"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave everything that the cluster has to tell about a failure, as long as it is there."""
    report = yield
    used = item.config.stash[USED]
    if report.failed and used:
        folder = settings.results_folder() / "failures" / f"{item.path.stem}.{item.name[:80]}.{report.when}"
        with Cluster() as cluster:
            diagnose(cluster, sorted(used), folder)
        report.sections.append(("left to look at", str(folder)))
    return report


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster that KUBECONFIG names, if it is one for tests."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip(settings.NO_CLUSTER)
    view = command.must("kubectl", "config", "view", "-o", "json")
    problem = refusal(json.loads(view), os.environ)
    if problem is not None:
        pytest.exit(problem, returncode=2)
    with Cluster() as found:
        places.remove_leftovers(found)
        yield found


@pytest.fixture(scope="session")
def images(cluster: Cluster) -> None:
    """Both images are in the cluster."""
    words = settings.load_command()
    for image in (settings.job_image(), settings.operator_image()) if words else ():
        command.must(*words, image, seconds=LOAD_SECONDS)


@pytest.fixture(scope="session")
def operator(cluster: Cluster, images: None, request: pytest.FixtureRequest) -> Iterator[OperatorRelease]:
    """The operator, installed for this session; the definition of the resource goes too if it was not there before."""
    elsewhere = installed_elsewhere(cluster)
    assert not elsewhere, f"an operator is installed already ({', '.join(elsewhere)}): uninstall it first"
    had_definition = cluster.get(CRD) is not None
    name = _own_name(request.config, "operator")
    with places.namespace(cluster, name):
        release = OperatorRelease(cluster, name)
        release.install()
        yield release
        if not settings.keeps():
            release.uninstall()
    if not had_definition and not settings.keeps():
        cluster.delete(CRD)


@pytest.fixture(scope="module")
def namespace(cluster: Cluster, operator: OperatorRelease, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the module's own, which enforces Pod Security `restricted`."""
    module = request.path.stem.removeprefix("test_").replace("_", "-")
    name = _own_name(request.config, module)
    with places.namespace(cluster, name):
        yield name
        if not settings.keeps():
            delete_jobs(cluster, name)


@pytest.fixture(scope="session")
def hands(cluster: Cluster, images: None, request: pytest.FixtureRequest) -> Iterator[NodeHands]:
    """Whoever can reach for processes on the node."""
    nodes = cluster.items("/api/v1/nodes")
    assert len(nodes) == 1, "these tests need a cluster of one node: they signal processes on it"
    with NodeHands(cluster, _own_name(request.config, "node"), str(nodes[0]["metadata"]["name"])) as found:
        yield found


@pytest.fixture(scope="module")
def watch(request: pytest.FixtureRequest) -> Callable[[ClusterJob], Watched]:
    """Begin to watch the volume of a job that has started."""

    def begin(job: ClusterJob) -> Watched:
        watched = Watched(job=job, volume=VolumePod(job, "watcher"), results=request.config.stash[RESULTS])
        wait(f"the watcher of {job} to see its start", lambda: watched.record().starts, WATCH_SECONDS)
        return watched

    return begin


def delete_jobs(cluster: Cluster, name: str) -> None:
    """Delete all AnomalyJobs of a namespace, so that their pods end with their grace, before it goes."""
    cluster.run("delete", "anomalyjobs", "--all", "-n", name, "--timeout=60s", seconds=90)


def _own_name(config: pytest.Config, purpose: str) -> str:
    name = f"e2e-{config.stash[RUN]}-{purpose}"
    config.stash[USED].add(name)
    return name


def pytest_report_header() -> str:
    return f"e2e: job image {settings.job_image()}, operator image {settings.operator_image()}"
