from dataclasses import replace

import pytest

from anomalyjob.java_command import (
    MODULE_OPTIONS,
    FlinkInstallation,
    JobManagerStart,
    file_address,
    flink_environment,
    job_manager_command,
    order_jars,
    passed_on,
    task_manager_command,
)

FLINK = FlinkInstallation(
    java="/java/bin/java",
    python="/venv/bin/python",
    home="/flink",
    jars=("/flink/lib/a.jar", "/flink/lib/flink-dist-2.3.0.jar"),
    python_path=("/venv/site-packages", "/job/src"),
)
JAVA = [
    "/java/bin/java",
    "-Xmx512m",
    *MODULE_OPTIONS,
    "-Dlog4j.configurationFile=file:/config/log4j-console.properties",
    "-cp",
    "/flink/lib/a.jar:/flink/lib/flink-dist-2.3.0.jar",
]


def start(restore_path: str | None) -> JobManagerStart:
    return JobManagerStart(
        job_id="ab" * 16, checkpoint_folder="/v/default.demo/checkpoints/7", restore_path=restore_path
    )


def test_the_job_manager_is_started_without_flinks_scripts() -> None:
    assert job_manager_command(FLINK, "/config", ["-Xmx512m"], start(None)) == [
        *JAVA,
        "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint",
        "--configDir",
        "/config",
        "--job-classname",
        "org.apache.flink.client.python.PythonDriver",
        "--job-id",
        "ab" * 16,
        "-Dexecution.checkpointing.dir=file:///v/default.demo/checkpoints/7",
        "-Dpython.client.executable=/venv/bin/python",
        "-Dpython.executable=/venv/bin/python",
        "-pym",
        "anomalyjob.pipeline",
    ]


def test_a_restore_is_named_before_the_programs_arguments() -> None:
    command = job_manager_command(FLINK, "/config", [], start("/v/chk-17"))

    place = command.index("--fromSavepoint")
    assert command[place + 1] == "file:///v/chk-17"
    assert place < command.index("-pym") == len(command) - 2


def test_state_that_nothing_takes_over_may_be_dropped_only_when_that_is_allowed() -> None:
    allowed = replace(start("/v/chk-17"), allow_non_restored_state=True)
    command = job_manager_command(FLINK, "/config", [], allowed)

    assert command.index("--allowNonRestoredState") < command.index("-pym")
    assert "--allowNonRestoredState" not in job_manager_command(FLINK, "/config", [], start("/v/chk-17"))


def test_an_empty_start_names_no_checkpoint() -> None:
    assert "--fromSavepoint" not in job_manager_command(FLINK, "/config", [], start(None))


def test_a_task_manager_is_started_without_flinks_scripts() -> None:
    assert task_manager_command(FLINK, "/config", ["-Xmx512m"]) == [
        *JAVA,
        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
        "--configDir",
        "/config",
    ]


def test_a_task_manager_is_told_where_others_find_it() -> None:
    command = task_manager_command(FLINK, "/config", [], host="10.1.2.3")

    assert command[-3:] == ["--configDir", "/config", "-Dtaskmanager.host=10.1.2.3"]


def test_the_environment_is_what_the_scripts_would_set() -> None:
    assert flink_environment(FLINK, "/config") == {
        "FLINK_HOME": "/flink",
        "FLINK_CONF_DIR": "/config",
        "FLINK_BIN_DIR": "/flink/bin",
        "FLINK_LIB_DIR": "/flink/lib",
        "FLINK_OPT_DIR": "/flink/opt",
        "FLINK_PLUGINS_DIR": "/flink/plugins",
        "PYTHONPATH": "/venv/site-packages:/job/src",
        "ANOMALYJOB_CONFIG_DIR": "/config",
    }


def test_only_harmless_variables_are_passed_on() -> None:
    variables = {"PATH": "/bin", "TZ": "UTC", "AWS_SECRET_ACCESS_KEY": "x", "PYTHONHOME": "/usr"}

    assert passed_on(variables) == {"PATH": "/bin", "TZ": "UTC"}


def test_the_distribution_comes_last_on_the_class_path() -> None:
    jars = ["/l/flink-dist-2.3.0.jar", "/o/flink-python-2.3.0.jar", "/l/log4j-api.jar", "/l/flink-csv.jar"]

    assert order_jars(jars) == (
        "/l/flink-csv.jar",
        "/l/log4j-api.jar",
        "/o/flink-python-2.3.0.jar",
        "/l/flink-dist-2.3.0.jar",
    )


@pytest.mark.parametrize("path", ["/a/b", "/with a space/ä%20"])
def test_flink_takes_a_path_as_it_stands(path: str) -> None:
    assert file_address(path) == f"file://{path}"
