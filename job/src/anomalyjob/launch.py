"""Starts a Flink process: `python -m anomalyjob.launch jobmanager|taskmanager`.

It prepares what has to be true before Flink runs, then becomes Flink by `exec`. It must not start Flink as a child: the
lock, the process id and the parent-death signal all have to be those of the JVM. A refusal goes as one JSON line to the
termination log and as a sentence to stderr, with exit status 1.

Environment: ANOMALYJOB_CONFIG_DIR (required) is the folder with job.json, start.json or taskmanager.json, config.yaml
and log4j-console.properties; it is only read. ANOMALYJOB_PARENT_PID makes this process die with that parent. For a
container: ANOMALYJOB_TEMPORARY_FOLDER is emptied, ANOMALYJOB_POD_IP is where others find a TaskManager.
"""

import errno
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from anomalyjob.checkpoint_volume import PreparedStart, prepare_start
from anomalyjob.config import ConfigError, StartConfig
from anomalyjob.config_files import (
    START_FILE,
    TASK_MANAGER_FILE,
    read_job_config,
    read_start_config,
    read_task_manager_config,
)
from anomalyjob.container_settings import ContainerSettings
from anomalyjob.flink_installation import find_installation
from anomalyjob.java_command import (
    JobManagerStart,
    flink_environment,
    job_manager_command,
    passed_on,
    task_manager_command,
)
from anomalyjob.parent_death import die_with_parent
from anomalyjob.refusal import Reason, RefusedError
from anomalyjob.start_summary import START_VARIABLE
from anomalyjob.temporary_folder import make_empty
from anomalyjob.termination_log import TerminationLog
from anomalyjob.termination_signal import end_when_asked

ROLES: Final = {"jobmanager": START_FILE, "taskmanager": TASK_MANAGER_FILE}
_USAGE: Final = "usage: python -m anomalyjob.launch jobmanager|taskmanager"
_VOLUME_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Start the process of the given role; returns, with an exit status, only when there was a reason not to."""
    if len(arguments) != 1 or arguments[0] not in ROLES:
        log(_USAGE)
        return 2
    folder = environment.get("ANOMALYJOB_CONFIG_DIR", "")
    if not folder:
        log("ANOMALYJOB_CONFIG_DIR is not set: name the folder with the configuration")
        return 2
    return _launch(arguments[0], Path(folder), environment)


def log(message: str) -> None:
    """Write one line to stderr, which is where Flink's log goes too."""
    sys.stderr.write(f"anomalyjob launcher: {message}\n")
    sys.stderr.flush()


def _launch(role: str, folder: Path, environment: Mapping[str, str]) -> int:
    termination_log = TerminationLog.of(folder / ROLES[role])
    try:
        die_with_parent(environment.get("ANOMALYJOB_PARENT_PID"))
        termination_log.clear()
        container = ContainerSettings.of(environment)
        if role == "jobmanager":
            _become_job_manager(folder, environment, container)
        else:
            _become_task_manager(folder, environment, container)
    except ConfigError as error:
        refused = RefusedError(Reason.BAD_CONFIGURATION, str(error))
    except OSError as error:
        refused = _refused_by_system(error)
    except RefusedError as error:
        refused = error
    log(str(refused))
    termination_log.write(refused.refusal)
    return 1


def _become_job_manager(folder: Path, environment: Mapping[str, str], container: ContainerSettings) -> NoReturn:
    job, start = read_job_config(folder), read_start_config(folder)
    flink = find_installation(environment)
    prepared = prepare_start(job, start, clock=lambda: datetime.now(UTC), log=log)
    log(prepared.message)
    command = job_manager_command(flink, str(folder), start.jvm_options, _flink_start(prepared, start))
    variables = {**passed_on(environment), **flink_environment(flink, str(folder)), **_start_environment(prepared)}
    # Under the lock: until now the folder may have been that of a JobManager which still lives.
    _make_temporary_folder(container)
    os.execve(command[0], command, variables)  # noqa: S606 - becoming Flink without a shell is the point


def _become_task_manager(folder: Path, environment: Mapping[str, str], container: ContainerSettings) -> NoReturn:
    config = read_task_manager_config(folder)
    flink = find_installation(environment)
    command = task_manager_command(flink, str(folder), config.jvm_options, host=container.pod_ip)
    # The log sink writes here; the process id stays the same through exec.
    output = {"ANOMALYJOB_STANDARD_OUTPUT": f"/proc/{os.getpid()}/fd/1"}
    variables = {**passed_on(environment), **flink_environment(flink, str(folder)), **output}
    _make_temporary_folder(container)
    os.execve(command[0], command, variables)  # noqa: S606 - as above


def _make_temporary_folder(container: ContainerSettings) -> None:
    if container.temporary_folder is not None:
        make_empty(Path(container.temporary_folder))


def _flink_start(prepared: PreparedStart, start: StartConfig) -> JobManagerStart:
    return JobManagerStart(
        job_id=prepared.job_id,
        checkpoint_folder=str(prepared.checkpoint_folder),
        restore_path=prepared.restore_path,
        allow_non_restored_state=start.allow_non_restored_state,
    )


def _start_environment(prepared: PreparedStart) -> dict[str, str]:
    return {
        "ANOMALYJOB_START": str(prepared.start),
        "ANOMALYJOB_OUTPUT": str(prepared.output_folder),
        "ANOMALYJOB_USERS_DIR": str(prepared.users_folder),
        START_VARIABLE: prepared.summary,
    }


def _refused_by_system(error: OSError) -> RefusedError:
    where = error.filename or "the volume"
    if error.errno == errno.EROFS:
        message = f"{where} cannot be written: the volume is read-only. Mount it for writing and start again."
        return RefusedError(Reason.VOLUME_READ_ONLY, message)
    if error.errno in _VOLUME_FULL:
        message = f"{where} cannot be written: the volume is full. Make space on it and start again."
        return RefusedError(Reason.VOLUME_FULL, message)
    message = f"{where} cannot be used: {error.strerror or error}. Put that right and start again."
    return RefusedError(Reason.VOLUME_UNUSABLE, message)


if __name__ == "__main__":
    end_when_asked()
    sys.exit(main(sys.argv[1:], os.environ))
