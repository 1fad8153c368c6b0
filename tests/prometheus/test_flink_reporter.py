"""Flink's own metrics, as a JobManager and a TaskManager tell them to Prometheus: the plugin is there and answers.

On this machine the reporter is off, as it listens on every address: here the test's job asks for it, with free ports.
"""

import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.flink.local_job import LocalJob
from tests.flink.small_job import TASKS, small_resource
from tests.prometheus.free_ports import free_ports
from tests.prometheus.metric_names import flinks
from tests.unit.observations import resource

from anomalyjob_operator.cluster.placement import cluster_placement
from anomalyjob_operator.desired.flink_configuration import job_manager_configuration

pytestmark = [pytest.mark.flink, pytest.mark.timeout(300)]

TOLD_SECONDS = 30
LISTENING = "0A"
RENEWALS = 5
RENEWALS_SECONDS = 15


@dataclass(frozen=True)
class Reporting:
    """A job whose processes answer Prometheus, at some of these ports."""

    job: LocalJob
    ports: tuple[int, ...]

    def expositions(self) -> list[str]:
        """What each process that answers says."""
        return [text for text in map(exposition, self.ports) if text]


@pytest.fixture(scope="module")
def reporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reporting]:
    ports = free_ports(4)
    document = small_resource(flinkConfiguration=reporter_settings(ports))
    with LocalJob(tmp_path_factory.mktemp("reporting"), document) as job:
        job.up()
        job.wait_running(tasks=TASKS)
        yield Reporting(job, tuple(ports))


def reporter_settings(ports: list[int]) -> dict[str, str]:
    """The settings that the operator gives to pods, with other ports: each process takes the first that is free."""
    placement = cluster_placement("default", "demo")
    settings = job_manager_configuration(
        resource().spec, placement, job_name="default.demo", workload="demo-jobmanager"
    )
    found = {key: str(value) for key, value in settings.items() if key.startswith("metrics.reporter")}
    assert len(found) == 3
    return {**found, "metrics.reporter.prom.port": ",".join(map(str, ports))}


def exposition(port: int) -> str:
    """What is told at the port, "" where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def listening_addresses(ports: tuple[int, ...]) -> set[str]:
    """The addresses, as the kernel writes them, at which somebody listens for these ports."""
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text(encoding="utf-8").splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, port = local.split(":")
            if state == LISTENING and int(port, 16) in ports:
                found.add(address)
    return found


def test_job_manager_and_task_manager_tell_prometheus_all_that_the_dashboard_shows(reporting: Reporting) -> None:
    def missing() -> frozenset[str]:
        """What is not told yet: some metrics come with the first checkpoint only."""
        told = re.findall(r"^(\w+)\{", "".join(reporting.expositions()), flags=re.MULTILINE)
        return flinks() - frozenset(told)

    reporting.job.wait("all metrics of the dashboard to be told", lambda: not missing(), TOLD_SECONDS)
    assert len(reporting.expositions()) == 2


def test_the_reporter_listens_on_every_address_which_is_why_it_is_off_on_this_machine(reporting: Reporting) -> None:
    reporting.job.wait("both processes to answer", lambda: len(reporting.expositions()) == 2, TOLD_SECONDS)
    addresses = listening_addresses(reporting.ports)
    assert addresses
    assert all(set(address) == {"0"} for address in addresses)


def test_metrics_that_rest_is_asked_for_are_renewed_each_second(reporting: Reporting) -> None:
    job = reporting.job.job()
    assert job is not None
    vertices = reporting.job.rest(f"/jobs/{job['jid']}")["vertices"]
    (source,) = [vertex["id"] for vertex in vertices if vertex["name"].startswith("source")]
    seen: set[str] = set()

    def enough() -> bool:
        """Whether the source's counter was seen at more values than one or two, which 10 s between them would give."""
        found = reporting.job.rest(f"/jobs/{job['jid']}/vertices/{source}/metrics?get=0.numRecordsOut") or []
        seen.update(entry["value"] for entry in found)
        return len(seen) >= RENEWALS

    reporting.job.wait(f"{RENEWALS} values of one counter", enough, RENEWALS_SECONDS)
