"""The command lines and environments of Flink's processes, without Flink's start scripts.

The scripts run one or two more JVMs only to compute memory settings; here these are part of the configuration. Pure:
paths come in as strings; `launch` finds out what they are on this machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

JOB_MANAGER_CLASS: Final = "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint"
TASK_MANAGER_CLASS: Final = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
PYTHON_DRIVER_CLASS: Final = "org.apache.flink.client.python.PythonDriver"
PIPELINE_MODULE: Final = "anomalyjob.pipeline"

# env.java.opts.all of the configuration that Flink 2.3 ships, less the exports of jdk.compiler: only the table
# planner's code generation needs those, and a Java runtime without the compiler module warns about each of them.
MODULE_OPTIONS: Final = (
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.net=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
    "--add-opens=java.base/java.text=ALL-UNNAMED",
    "--add-opens=java.base/java.time=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
)


# PYTHONDONTWRITEBYTECODE and its like are missing on purpose: Flink's Python processes start faster with their caches.
PASSED_ON_VARIABLES: Final = (
    "HOME",
    "JAVA_HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "TMPDIR",
    "TZ",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlinkInstallation:
    """Where Flink, Java and Python lie on this machine; all paths absolute."""

    java: str
    python: str
    home: str
    jars: tuple[str, ...]
    python_path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobManagerStart:
    """What one start of the JobManager needs to know; `restore_path` is None for an empty start.

    `allow_non_restored_state`: state that nothing in the job takes over is dropped rather than a reason to fail.
    """

    job_id: str
    checkpoint_folder: str
    restore_path: str | None
    allow_non_restored_state: bool = False


def job_manager_command(
    flink: FlinkInstallation, config_folder: str, jvm_options: Sequence[str], start: JobManagerStart
) -> list[str]:
    """Return the argument list of the JobManager; the first item is the program's path."""
    restore = [] if start.restore_path is None else ["--fromSavepoint", file_address(start.restore_path)]
    if start.allow_non_restored_state:
        restore.append("--allowNonRestoredState")
    return [
        *_java(flink, config_folder, jvm_options),
        JOB_MANAGER_CLASS,
        "--configDir",
        config_folder,
        "--job-classname",
        PYTHON_DRIVER_CLASS,
        "--job-id",
        start.job_id,
        f"-Dexecution.checkpointing.dir={file_address(start.checkpoint_folder)}",
        f"-Dpython.client.executable={flink.python}",
        f"-Dpython.executable={flink.python}",
        *restore,
        # Program arguments must come last: Flink's parser takes the first option that it does not know as theirs.
        "-pym",
        PIPELINE_MODULE,
    ]


def task_manager_command(
    flink: FlinkInstallation, config_folder: str, jvm_options: Sequence[str], *, host: str | None = None
) -> list[str]:
    """Return the argument list of a TaskManager; the first item is the program's path.

    `host` is the address at which the others find it, None when its configuration tells or it has to find out.
    """
    found_at = [] if host is None else [f"-Dtaskmanager.host={host}"]
    java = _java(flink, config_folder, jvm_options)
    return [*java, TASK_MANAGER_CLASS, "--configDir", config_folder, *found_at]


def flink_environment(flink: FlinkInstallation, config_folder: str) -> dict[str, str]:
    """Return the environment variables that Flink's scripts would set, and the Python path of the embedded interpreter.

    Thread mode embeds an interpreter that knows nothing of a virtual environment: without PYTHONPATH it finds neither
    pyflink nor anomalyjob.
    """
    return {
        "FLINK_HOME": flink.home,
        "FLINK_CONF_DIR": config_folder,
        "FLINK_BIN_DIR": f"{flink.home}/bin",
        "FLINK_LIB_DIR": f"{flink.home}/lib",
        "FLINK_OPT_DIR": f"{flink.home}/opt",
        "FLINK_PLUGINS_DIR": f"{flink.home}/plugins",
        "PYTHONPATH": ":".join(flink.python_path),
        "ANOMALYJOB_CONFIG_DIR": config_folder,
    }


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part of the launcher's environment that Flink gets.

    Flink writes its whole environment into its log when it starts the Python client, so only harmless names pass.
    """
    return {name: environment[name] for name in PASSED_ON_VARIABLES if name in environment}


def order_jars(jars: Sequence[str]) -> tuple[str, ...]:
    """Return the jars in the class path order of Flink's scripts: by path, flink-dist last."""
    return tuple(sorted(jars, key=lambda jar: (_is_distribution(jar), jar)))


def file_address(path: str) -> str:
    """Return Flink's address of an absolute path. Flink takes it as it stands: nothing must be percent-encoded."""
    return f"file://{path}"


def _java(flink: FlinkInstallation, config_folder: str, jvm_options: Sequence[str]) -> list[str]:
    logging = f"-Dlog4j.configurationFile=file:{config_folder}/log4j-console.properties"
    return [flink.java, *jvm_options, *MODULE_OPTIONS, logging, "-cp", ":".join(flink.jars)]


def _is_distribution(jar: str) -> bool:
    return jar.rsplit("/", maxsplit=1)[-1].startswith("flink-dist")
