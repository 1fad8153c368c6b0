"""The local back end: the ledger and the status survive, configuration is written once, processes are as desired."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import pytest

from anomalyjob_operator.desired.workloads import DesiredState, Workload
from anomalyjob_operator.ledger import Floor, Ledger
from anomalyjob_operator.local.backend import LocalBackend, Place
from anomalyjob_operator.local.configuration_folders import KEPT, remove_old_folders, write_folder
from anomalyjob_operator.local.java import Java
from anomalyjob_operator.local.json_file import DamagedFileError
from anomalyjob_operator.local.ports import Ports
from anomalyjob_operator.local.preflight import Machine
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.supervisor import Supervisor
from anomalyjob_operator.spec import Spec, parse

Result = TypeVar("Result")
MACHINE = Machine(java=Java(home="/java", version=17), flink_python=sys.executable)
JOB = parse({"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}, "spec": {}})


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    folder = StateFolder(home=tmp_path, namespace="default", name="demo")
    folder.prepare()
    return folder


def _with_backend(folder: StateFolder, use: Callable[[LocalBackend], Awaitable[Result]]) -> Result:
    async def scenario() -> Result:
        async with Supervisor(folder, lambda _: None) as supervisor:
            place = Place(folder=folder, ports=Ports(rest=8081, rpc=6123, blob=6323), machine=MACHINE)
            return await use(LocalBackend(place, supervisor, publish=lambda _: None, tell_event=lambda _: None))

    return asyncio.run(scenario())


def test_a_new_job_begins_with_an_empty_ledger(folder: StateFolder) -> None:
    assert _with_backend(folder, lambda backend: backend.read_ledger()) == Ledger()


def test_a_recreated_job_begins_in_the_incarnation_of_the_volume_that_was_kept(folder: StateFolder) -> None:
    folder.job_volume.mkdir()
    lineage = {"namespace": "default", "name": "demo", "incarnation": 4, "consumedRestoreNonce": None}
    (folder.job_volume / "lineage.json").write_text(json.dumps(lineage | {"newestCheckpointId": 17}))
    assert _with_backend(folder, lambda backend: backend.read_ledger()) == Ledger(incarnation=4)


def test_a_ledger_comes_back_as_it_was_written(folder: StateFolder) -> None:
    ledger = Ledger(restart_counter=2, floor=Floor(checkpoint_id=17, path="/volume/chk-17"))

    async def use(backend: LocalBackend) -> Ledger:
        await backend.write_ledger(ledger)
        return await backend.read_ledger()

    assert _with_backend(folder, use) == ledger
    assert json.loads(folder.ledger_file.read_text())["floor"]["checkpointId"] == 17, "the launcher reads this key"


@pytest.mark.parametrize("text", ["{", '{"incarnation": "one"}'])
def test_a_damaged_ledger_is_never_taken_for_an_empty_one(folder: StateFolder, text: str) -> None:
    folder.ledger_file.write_text(text)
    with pytest.raises(DamagedFileError, match=r"ledger\.json"):
        _with_backend(folder, lambda backend: backend.read_ledger())


def test_a_status_that_cannot_be_read_is_none(folder: StateFolder) -> None:
    assert _with_backend(folder, lambda backend: backend.read_status()) is None
    folder.status_file.write_text('{"phase": "Glad"}')
    assert _with_backend(folder, lambda backend: backend.read_status()) is None


def test_the_newest_start_record_is_seen(folder: StateFolder) -> None:
    starts = folder.job_volume / "starts"
    starts.mkdir(parents=True)
    for number in (2, 10):
        record = {
            "start": number,
            "incarnation": 1,
            "startedAt": "2026-01-02T03:04:05.000Z",
            "restartCounter": 0,
            "chosen": {"checkpointId": 17, "path": "/volume/chk-17"},
            "skipped": [{"path": "x", "checkpointId": 18, "reason": "broken"}],
            "message": f"start {number} goes on",
        }
        (starts / f"{number}.json").write_text(json.dumps(record))
    start = _with_backend(folder, lambda backend: backend.observe_start())
    assert start is not None
    assert (start.start, start.chosen_checkpoint_id, start.skipped) == (10, 17, 1)
    assert start.started_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, "{", "{}", '{"start": 1}'])
def test_without_a_readable_start_record_none_is_seen(folder: StateFolder, text: str | None) -> None:
    if text is not None:
        (folder.job_volume / "starts").mkdir(parents=True)
        (folder.job_volume / "starts" / "1.json").write_text(text)
    assert _with_backend(folder, lambda backend: backend.observe_start()) is None


def test_the_free_part_of_the_volume_is_a_ratio(folder: StateFolder) -> None:
    ratio = _with_backend(folder, lambda backend: backend.volume_free_ratio())
    assert ratio is not None
    assert 0 <= ratio <= 1


def test_everything_listens_on_this_machine_only_and_lies_in_the_jobs_folder(folder: StateFolder) -> None:
    async def use(backend: LocalBackend) -> None:
        placement = backend.placement(JOB)
        assert placement.bind_host == placement.job_manager_address == placement.task_manager_address == "127.0.0.1"
        assert placement.termination_log_of("demo-jobmanager") == str(folder.termination_log("demo-jobmanager"))
        assert placement.temporary_folder_of("x") == str(folder.temporary / "x")
        assert backend.rest_url == "http://127.0.0.1:8081"
        assert placement == backend.placement(JOB)

    _with_backend(folder, use)


def _workload(name: str, text: str) -> Workload:
    code = "import os, sys, time; print(os.environ['ANOMALYJOB_CONFIG_DIR'], flush=True); time.sleep(600)"
    role: Literal["jobmanager", "taskmanager"] = "jobmanager" if name.endswith("jobmanager") else "taskmanager"
    return Workload(
        name=name, role=role, command=(sys.executable, "-c", code), environment={}, files={"job.json": text}
    )


def test_processes_run_from_a_folder_named_after_its_content(folder: StateFolder) -> None:
    async def use(backend: LocalBackend) -> None:
        jobmanager, taskmanager = _workload("demo-jobmanager", "1"), _workload("demo-taskmanager-1", "1")
        desired = DesiredState(
            namespace="default", name="demo", spec=Spec(), job_manager=jobmanager, task_managers=(taskmanager,)
        )
        await backend.apply(desired)
        before = {workload.name: workload for workload in await backend.observe_workloads()}
        assert before["demo-jobmanager"].content_hash == jobmanager.content_hash
        configuration = folder.configurations / jobmanager.content_hash
        assert (configuration / "job.json").read_text() == "1"
        changed = _workload("demo-jobmanager", "2")
        await backend.apply(
            DesiredState(
                namespace="default", name="demo", spec=Spec(), job_manager=changed, task_managers=(taskmanager,)
            )
        )
        after = {workload.name: workload for workload in await backend.observe_workloads()}
        assert after["demo-jobmanager"].content_hash == changed.content_hash
        assert after["demo-taskmanager-1"] == before["demo-taskmanager-1"]

    _with_backend(folder, use)


def test_a_configuration_folder_that_somebody_changed_is_made_anew(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, "abc", {"job.json": "right", "config.yaml": "right"})
    (folder / "job.json").write_text("wrong")
    (folder / "more").touch()
    assert write_folder(tmp_path, "abc", {"job.json": "right", "config.yaml": "right"}) == folder
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"job.json": "right", "config.yaml": "right"}
    assert [path.name for path in tmp_path.iterdir()] == ["abc"]


def test_a_configuration_folder_that_is_right_is_left_alone(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, "abc", {"job.json": "right"})
    before = (folder / "job.json").stat().st_ino
    write_folder(tmp_path, "abc", {"job.json": "right"})
    assert (folder / "job.json").stat().st_ino == before


def test_old_configuration_folders_go_but_used_and_newest_ones_stay(tmp_path: Path) -> None:
    for number in range(KEPT + 4):
        write_folder(tmp_path, f"{number:02}", {"job.json": "1"})
    remove_old_folders(tmp_path, {"00"})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert "00" in names
    assert len(names) == KEPT + 1
