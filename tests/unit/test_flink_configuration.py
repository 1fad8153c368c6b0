"""The Flink settings of each process: what follows from the spec, what from the placement, what nobody can change."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from anomalyjob.key_groups import MAX_PARALLELISM
from anomalyjob_operator.desired.flink_configuration import (
    Setting,
    job_manager_configuration,
    render,
    task_manager_configuration,
)
from anomalyjob_operator.desired.placement import JobManagerPorts, Placement, TaskManagerPorts
from anomalyjob_operator.spec import Spec, parse
from anomalyjob_operator.spec.flink_keys import owner_reason

PLACEMENT = Placement(
    volume="/volume",
    temporary_folder="/temporary",
    termination_folder="/termination",
    ledger_file="/ledger.json",
    bind_host="127.0.0.1",
    job_manager_address="127.0.0.1",
    job_manager_ports=JobManagerPorts(rpc=6001, blob=6002, rest=8081, metrics=6003),
    task_manager_address="127.0.0.1",
    task_manager_ports=(TaskManagerPorts(rpc=7001, data=7002, metrics=7003),),
    python_executable="/python",
    java_home="/java",
)

# What a user may set otherwise in flinkConfiguration.
OVERRIDABLE = {
    "cluster.registration.error-delay",
    "execution.buffer-timeout.interval",
    "heartbeat.interval",
    "heartbeat.rpc-failure-threshold",
    "heartbeat.timeout",
    "jobmanager.retrieve-taskmanager-hostname",
    "pekko.tcp.timeout",
    "metrics.fetcher.update-interval",
    "rest.cache.checkpoint-statistics.timeout",
    "rest.cache.execution-graph.timeout",
}


def spec(document: Mapping[str, object]) -> Spec:
    identity = {"apiVersion": "anomalyjob.dev/v1alpha1", "kind": "AnomalyJob", "metadata": {"name": "demo"}}
    return parse(identity | {"spec": document}).spec


def job_manager(document: Mapping[str, object], placement: Placement = PLACEMENT) -> dict[str, Setting]:
    return job_manager_configuration(spec(document), placement, job_name="default.demo", workload="demo-jobmanager")


def task_manager(
    document: Mapping[str, object], placement: Placement = PLACEMENT, *, number: int = 1
) -> dict[str, Setting]:
    return task_manager_configuration(spec(document), placement, number=number, workload=f"demo-taskmanager-{number}")


CHECKPOINTING = "execution.checkpointing."

SETTINGS_OF_THE_JOB = [
    ({}, CHECKPOINTING + "interval", "10000 ms"),
    ({}, CHECKPOINTING + "min-pause", "5000 ms"),
    ({}, CHECKPOINTING + "unaligned.enabled", True),
    ({}, CHECKPOINTING + "externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
    ({}, CHECKPOINTING + "max-concurrent-checkpoints", 1),
    ({}, "pipeline.max-parallelism", MAX_PARALLELISM),
    ({}, "pipeline.name", "default.demo"),
    ({}, "state.backend.type", "hashmap"),
    ({}, "taskmanager.load-balance.mode", "TASKS"),
    ({}, "restart-strategy.type", "exponential-delay"),
    ({}, "web.submit.enable", False),
    ({"checkpointing": {"interval": "2s"}}, CHECKPOINTING + "min-pause", "1000 ms"),
    ({"checkpointing": {"minPause": "1s"}}, CHECKPOINTING + "min-pause", "1000 ms"),
    ({"checkpointing": {"timeout": "2m"}}, CHECKPOINTING + "timeout", "120000 ms"),
    ({"checkpointing": {"retained": 7}}, CHECKPOINTING + "num-retained", 7),
    ({"checkpointing": {"tolerableFailures": 0}}, CHECKPOINTING + "tolerable-failed-checkpoints", 0),
    ({"checkpointing": {"unaligned": False}}, CHECKPOINTING + "unaligned.enabled", False),
    ({"checkpointing": {"mode": "AT_LEAST_ONCE"}}, CHECKPOINTING + "unaligned.enabled", False),
    ({"checkpointing": {"mode": "AT_LEAST_ONCE"}}, CHECKPOINTING + "mode", "AT_LEAST_ONCE"),
    ({"checkpointing": {"stateBackend": "rocksdb"}}, "state.backend.type", "rocksdb"),
    ({"job": {"parallelism": 2}}, "parallelism.default", 2),
    ({"job": {"pythonExecutionMode": "process"}}, "python.execution-mode", "process"),
    ({"jobManager": {"resources": {"limits": {"memory": "2Gi"}}}}, "jobmanager.memory.process.size", "2147483648b"),
    ({"flinkConfiguration": {"heartbeat.timeout": "20 s"}}, "heartbeat.timeout", "20 s"),
]


@pytest.mark.parametrize("document, key, value", SETTINGS_OF_THE_JOB)
def test_the_job_managers_settings_follow_the_spec(document: Mapping[str, object], key: str, value: Setting) -> None:
    assert job_manager(document)[key] == value


def test_only_python_in_processes_of_its_own_has_bundles_and_they_wait_shortly() -> None:
    bundle_time = "python.fn-execution.bundle.time"
    process = {"job": {"pythonExecutionMode": "process"}}

    assert bundle_time not in job_manager({})
    assert job_manager(process)[bundle_time] == 20
    assert job_manager({**process, "flinkConfiguration": {bundle_time: "500"}})[bundle_time] == "500"


@pytest.mark.parametrize(
    "document, has_managed_memory",
    [
        ({}, False),
        ({"checkpointing": {"stateBackend": "rocksdb"}}, True),
        ({"job": {"pythonExecutionMode": "process"}}, True),
    ],
)
def test_only_rocksdb_and_python_processes_get_managed_memory(
    document: Mapping[str, object], has_managed_memory: bool
) -> None:
    assert (task_manager(document)["taskmanager.memory.managed.size"] != "0b") == has_managed_memory


def test_the_launcher_alone_names_the_checkpoint_folder() -> None:
    assert CHECKPOINTING + "dir" not in job_manager({})
    assert "execution.state-recovery.path" not in job_manager({})


@pytest.mark.parametrize("process", [job_manager, task_manager])
def test_python_is_loaded_parent_first_everywhere(process: object) -> None:
    assert callable(process)
    assert "pemja." in process({})["classloader.parent-first-patterns.additional"].split(";")


def test_ports_and_addresses_are_those_of_the_placement() -> None:
    settings = job_manager({})

    assert (settings["jobmanager.rpc.port"], settings["jobmanager.rpc.bind-port"]) == (6001, 6001)
    assert settings["blob.server.port"] == "6002"
    assert (settings["rest.port"], settings["rest.bind-port"]) == (8081, "8081")
    assert settings["metrics.internal.query-service.port"] == "6003"
    assert settings["rest.bind-address"] == settings["jobmanager.bind-host"] == "127.0.0.1"


def test_each_task_manager_has_its_own_ports_id_and_temporary_folder() -> None:
    first, second = task_manager({}), task_manager({}, number=2)

    assert (first["taskmanager.rpc.port"], first["taskmanager.data.port"]) == ("7001", 7002)
    assert (second["taskmanager.rpc.port"], second["taskmanager.data.port"]) == ("0", 0)
    assert first["taskmanager.resource-id"] == "demo-taskmanager-1"
    assert second["taskmanager.resource-id"] == "demo-taskmanager-2"
    assert first["io.tmp.dirs"] == "/temporary/demo-taskmanager-1"
    assert first["taskmanager.bind-host"] == "127.0.0.1"


def test_a_change_of_the_job_leaves_the_task_managers_settings_as_they_are() -> None:
    changed = {"checkpointing": {"interval": "20s"}, "detection": {"maxCount": 5}, "job": {"parallelism": 2}}

    assert task_manager(changed) == task_manager({})
    assert job_manager(changed) != job_manager({})


@pytest.mark.parametrize("process", [job_manager, task_manager])
def test_a_user_can_change_exactly_the_settings_that_are_not_owned(process: object) -> None:
    assert callable(process)
    unowned = {key for key in process({}) if owner_reason(key) is None}

    assert unowned <= OVERRIDABLE
    for key in unowned:
        assert process({"flinkConfiguration": {key: "1 s"}})[key] == "1 s"


def test_every_overridable_setting_is_one_that_is_set() -> None:
    assert {*job_manager({}), *task_manager({})} >= OVERRIDABLE


def test_the_text_of_a_configuration_reads_back_as_it_was() -> None:
    settings: dict[str, Setting] = {"b": 'a: "quoted" # text\n', "a": "1e3", "c": True, "d": 7, "e": "Ä王"}

    text = render(settings)

    assert json.loads(text) == settings
    assert text.index('"a"') < text.index('"b"')
    assert "Ä王" in text


def test_where_a_port_is_given_flink_answers_prometheus_there() -> None:
    placement = replace(
        PLACEMENT,
        job_manager_ports=JobManagerPorts(prometheus=9249),
        task_manager_ports=(TaskManagerPorts(prometheus=9250),),
    )

    for settings, port in ((job_manager({}, placement), "9249"), (task_manager({}, placement), "9250")):
        assert {key: value for key, value in settings.items() if key.startswith("metrics.reporter")} == {
            "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
            "metrics.reporter.prom.port": port,
            "metrics.reporters": "prom",
        }


@pytest.mark.parametrize("settings", [job_manager({}), task_manager({})])
def test_without_such_a_port_nothing_listens_for_prometheus(settings: dict[str, Setting]) -> None:
    assert not [key for key in settings if key.startswith("metrics.reporter")]


def reporters(chosen: str) -> dict[str, Setting]:
    """Everything about reporters in the JobManager's settings once the user has chosen these."""
    placement = replace(PLACEMENT, job_manager_ports=JobManagerPorts(prometheus=9249))
    settings = job_manager({"flinkConfiguration": {"metrics.reporters": chosen}}, placement)
    return {key: value for key, value in settings.items() if key.startswith("metrics.reporter")}


def test_a_user_may_choose_other_reporters() -> None:
    assert reporters("otel")["metrics.reporters"] == "otel"


def test_a_user_may_add_a_reporter() -> None:
    assert reporters("prom, otel") == {
        "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
        "metrics.reporter.prom.port": "9249",
        "metrics.reporters": "prom, otel",
    }


@pytest.mark.parametrize("none", ["", " ", ","])
def test_a_user_who_names_no_reporter_gets_none_though_flink_takes_that_for_all_there_are(none: str) -> None:
    assert reporters(none) == {"metrics.reporters": none}
