"""The desired state: workloads, their files, and that the job's own parsers take what is written."""

import dataclasses
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomalyjob import config
from anomalyjob_operator.desired.placement import JobManagerPorts, Placement
from anomalyjob_operator.desired.workloads import DesiredState, StartIntent, Workload, desired_state
from anomalyjob_operator.spec import AnomalyJob, parse

PLACEMENT = Placement(
    volume="/volume",
    temporary_folder="/temporary",
    termination_folder="/termination",
    ledger_file="/ledger.json",
    bind_host="127.0.0.1",
    job_manager_address="127.0.0.1",
    job_manager_ports=JobManagerPorts(rpc=6001, blob=6002, rest=8081),
    python_executable="/python",
    java_home="/java",
)


SHARING_IN_PROCESS_MODE = config.SlotSharing(
    source=config.SlotResources(
        cpu_cores=2.25, task_heap_mebibytes=39, task_off_heap_mebibytes=8, managed_mebibytes=170
    ),
    process=config.SlotResources(
        cpu_cores=0.375, task_heap_mebibytes=239, task_off_heap_mebibytes=8, managed_mebibytes=170
    ),
    sink=config.SlotResources(
        cpu_cores=0.375, task_heap_mebibytes=39, task_off_heap_mebibytes=48, managed_mebibytes=170
    ),
)


def resource(spec: Mapping[str, object], name: str = "demo") -> AnomalyJob:
    metadata = {"name": name, "namespace": "streams"}
    identity = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": metadata}
    return parse(identity | {"spec": spec})


def desired(
    spec: Mapping[str, object], intent: StartIntent | None = None, placement: Placement = PLACEMENT
) -> DesiredState:
    return desired_state(resource(spec), placement, intent or StartIntent())


def document(workload: Workload, file: str) -> object:
    decoded: object = json.loads(workload.files[file])
    return decoded


def hashes(state: DesiredState) -> list[str]:
    return [workload.content_hash for workload in state.workloads]


def test_there_is_one_job_manager_and_the_wanted_number_of_task_managers() -> None:
    state = desired({"taskManager": {"replicas": 4}})

    assert (state.namespace, state.name) == ("streams", "demo")
    assert [(workload.name, workload.role) for workload in state.workloads] == [
        ("demo-jobmanager", "jobmanager"),
        ("demo-taskmanager-1", "taskmanager"),
        ("demo-taskmanager-2", "taskmanager"),
        ("demo-taskmanager-3", "taskmanager"),
        ("demo-taskmanager-4", "taskmanager"),
    ]


def test_each_process_has_the_files_that_its_launcher_reads() -> None:
    state = desired({})

    assert set(state.job_manager.files) == {"job.json", "start.json", "config.yaml", "log4j-console.properties"}
    for workload in state.task_managers:
        assert set(workload.files) == {"job.json", "taskmanager.json", "config.yaml", "log4j-console.properties"}
    assert state.job_manager.command == ("/python", "-m", "anomalyjob.launch", "jobmanager")
    assert state.job_manager.environment == {"JAVA_HOME": "/java"}


def test_the_job_reads_the_job_file_as_the_spec_said() -> None:
    spec = {
        "detection": {"maxCount": 5},
        "source": {"simulated": {"users": ["王", "b"], "interval": "200ms", "abnormalRatio": 1, "seed": 2**53 - 1}},
        "sink": {"files": {}},
        "job": {"parallelism": 2, "pythonExecutionMode": "process"},
    }

    for workload in desired(spec).workloads:
        assert config.JobConfig.parse(document(workload, "job.json")) == config.JobConfig(
            namespace="streams",
            name="demo",
            parallelism=2,
            python_execution_mode="process",
            detection=config.Detection(max_count=5),
            source=config.SimulatedSource(
                users=("王", "b"), interval_milliseconds=200, abnormal_ratio=1.0, seed=2**53 - 1
            ),
            sink=config.Sinks(log=False, files=True),
            slot_sharing=SHARING_IN_PROCESS_MODE,
        )


@pytest.mark.parametrize(
    "intent, rule",
    [
        (StartIntent(incarnation=3, restart_counter=7), config.StartRule(kind="latest")),
        (StartIntent(incarnation=3, restart_counter=7, rule="empty"), config.StartRule(kind="empty")),
        (
            StartIntent(incarnation=3, restart_counter=7, rule="path", path="/volume/x/chk-4"),
            config.StartRule(kind="path", path="/volume/x/chk-4"),
        ),
    ],
)
def test_the_launcher_reads_the_start_file_as_intended(intent: StartIntent, rule: config.StartRule) -> None:
    state = desired({"checkpointing": {"retained": 4}, "recovery": {"allowOlderCheckpoints": 2}}, intent)

    start = config.StartConfig.parse(document(state.job_manager, "start.json"))

    assert (start.incarnation, start.restart_counter, start.rule) == (3, 7, rule)
    assert (start.volume, start.ledger_file) == ("/volume", "/ledger.json")
    assert (start.retained, start.allow_older_checkpoints, start.lock_timeout_seconds) == (4, 2, 120)
    assert len(start.spec_hash) == len(state.spec.content_hash()) == 16
    assert start.termination_log == "/termination/demo-jobmanager.termination"
    assert start.jvm_options[0] == "-Xmx469762048"


def test_the_launcher_reads_the_start_file_of_a_task_manager() -> None:
    start = config.TaskManagerConfig.parse(document(desired({}).task_managers[1], "taskmanager.json"))

    assert start.termination_log == "/termination/demo-taskmanager-2.termination"
    assert "-XX:MaxDirectMemorySize=308700776" in start.jvm_options


def test_the_jvm_options_and_the_settings_speak_of_the_same_heap() -> None:
    workload = desired({"taskManager": {"resources": {"limits": {"memory": "3Gi"}}}}).task_managers[0]
    start = config.TaskManagerConfig.parse(document(workload, "taskmanager.json"))
    settings = document(workload, "config.yaml")
    assert isinstance(settings, dict)

    parts = [int(settings[f"taskmanager.memory.{part}.heap.size"].removesuffix("b")) for part in ("framework", "task")]

    assert f"-Xmx{sum(parts)}" in start.jvm_options


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert desired({}) == desired({})
    assert hashes(desired({})) == hashes(desired({}))


@pytest.mark.parametrize(
    "spec, intent",
    [
        ({"detection": {"maxCount": 4}}, None),
        ({"checkpointing": {"interval": "20s"}}, None),
        ({"flinkConfiguration": {"heartbeat.interval": "5 s"}}, None),
        ({}, StartIntent(restart_counter=1)),
        ({}, StartIntent(incarnation=2)),
    ],
)
def test_what_changes_the_start_changes_the_job_managers_hash(
    spec: Mapping[str, object], intent: StartIntent | None
) -> None:
    assert desired(spec, intent).job_manager.content_hash != desired({}).job_manager.content_hash


def test_a_restart_leaves_the_task_managers_alone() -> None:
    assert hashes(desired({}, StartIntent(restart_counter=5)))[1:] == hashes(desired({}))[1:]


@pytest.mark.parametrize(
    "spec",
    [
        {"taskManager": {"replicas": 4}},
        {"recovery": {"maxRestarts": 9, "window": "1h"}},
        {"deletionPolicy": "Delete"},
    ],
)
def test_what_may_change_while_the_job_runs_replaces_no_process(spec: Mapping[str, object]) -> None:
    assert hashes(desired(spec))[:4] == hashes(desired({}))
    assert desired(spec).spec.content_hash() != desired({}).spec.content_hash()


def test_other_memory_replaces_the_job_manager_too_because_slots_are_sized_by_it() -> None:
    larger = desired({"taskManager": {"resources": {"limits": {"memory": "3Gi"}}}})

    assert not set(hashes(larger)) & set(hashes(desired({})))


OTHER_INTERPRETERS = {
    "java": dataclasses.replace(PLACEMENT, java_home="/other"),
    "python": dataclasses.replace(PLACEMENT, python_executable="/other"),
}


@pytest.mark.parametrize("field", OTHER_INTERPRETERS)
def test_another_interpreter_replaces_every_process(field: str) -> None:
    moved = OTHER_INTERPRETERS[field]

    assert not set(hashes(desired({}, placement=moved))) & set(hashes(desired({})))


@given(name=st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True), replicas=st.integers(3, 100))
def test_names_of_workloads_are_distinct_and_fit_a_label(name: str, replicas: int) -> None:
    state = desired_state(resource({"taskManager": {"replicas": replicas}}, name), PLACEMENT, StartIntent())
    names = [workload.name for workload in state.workloads]

    assert len(set(names)) == len(names) == replicas + 1
    assert max(map(len, names)) <= 63
