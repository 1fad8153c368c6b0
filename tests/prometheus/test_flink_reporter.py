"""Flink's own metrics, as a JobManager and a TaskManager tell them to Prometheus: the plugin is there and answers.

On this machine the reporter is off, as it listens on every address: here the test's job asks for it, with free ports.
"""

import re
import urllib.request
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


def reporter_settings(ports: list[int]) -> dict[str, str]:
    """The settings that the operator gives to pods, with other ports: each process takes the first that is free."""
    spec = resource().spec
    placement = cluster_placement("default", "demo")
    settings = job_manager_configuration(spec, placement, job_name="default.demo", workload="demo-jobmanager")
    found = {key: str(value) for key, value in settings.items() if key.startswith("metrics.reporter")}
    assert len(found) == 3
    return {**found, "metrics.reporter.prom.port": ",".join(map(str, ports))}


def exposition(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def test_job_manager_and_task_manager_tell_prometheus_all_that_the_dashboard_shows(tmp_path: Path) -> None:
    ports = free_ports(4)
    with LocalJob(tmp_path, small_resource(flinkConfiguration=reporter_settings(ports))) as job:
        job.up()
        job.wait_running(tasks=TASKS)

        def missing() -> frozenset[str]:
            """What is not told yet: some metrics come with the first checkpoint only."""
            told = re.findall(r"^(\w+)\{", "".join(map(exposition, ports)), flags=re.MULTILINE)
            return flinks() - frozenset(told)

        job.wait("all metrics of the dashboard to be told", lambda: not missing(), TOLD_SECONDS)
        assert sum(bool(exposition(port)) for port in ports) == 2
