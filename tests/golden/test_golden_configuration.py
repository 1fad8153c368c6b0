"""Every file that the processes of manifests/anomalyjob.yaml are started with, as last looked at and found right.

After a change that is meant: UPDATE_GOLDEN=1 pytest tests/golden, and read the difference before it is committed.
"""

import os
from pathlib import Path

import pytest

from anomalyjob_operator.desired.placement import JobManagerPorts, Placement, TaskManagerPorts
from anomalyjob_operator.desired.workloads import StartIntent, Workload, desired_state
from anomalyjob_operator.resource_file import read_resource

GOLDEN = Path(__file__).parent / "anomalyjob"
MANIFEST = Path(__file__).parents[2] / "manifests" / "anomalyjob.yaml"

PLACEMENT = Placement(
    volume="/home/user/.anomalyjob/default.demo/volume",
    temporary_folder="/tmp/anomalyjob/default.demo",
    termination_folder="/home/user/.anomalyjob/default.demo/termination",
    ledger_file="/home/user/.anomalyjob/default.demo/ledger.json",
    bind_host="127.0.0.1",
    job_manager_address="127.0.0.1",
    job_manager_ports=JobManagerPorts(rpc=40001, blob=40002, rest=8081, metrics=40003),
    task_manager_address="127.0.0.1",
    task_manager_ports=(TaskManagerPorts(rpc=40011, data=40012, metrics=40013),),
    python_executable="/opt/anomalyjob/bin/python",
    java_home="/usr/lib/jvm/java-17-openjdk-amd64",
)


def workloads() -> tuple[Workload, ...]:
    return desired_state(read_resource(MANIFEST), PLACEMENT, StartIntent()).workloads[:2]


FILES = [(workload.name, file, text) for workload in workloads() for file, text in workload.files.items()]


@pytest.mark.parametrize("workload, file, text", FILES, ids=[f"{row[0]}/{row[1]}" for row in FILES])
def test_the_file_is_as_it_was_found_right(workload: str, file: str, text: str) -> None:
    golden = GOLDEN / workload / file
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")


def test_there_is_no_golden_file_without_a_file() -> None:
    found = {path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*") if path.is_file()}

    assert found == {f"{workload}/{file}" for workload, file, _ in FILES}
