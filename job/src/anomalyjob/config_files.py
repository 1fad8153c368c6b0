"""Reads the documents of `config` from the configuration folder of a Flink process.

Errors name the file and the key. Nothing is written here.
"""

from pathlib import Path

from anomalyjob.config import ConfigError, JobConfig, LedgerFloor, StartConfig, TaskManagerConfig, decode_json

JOB_FILE = "job.json"
START_FILE = "start.json"
TASK_MANAGER_FILE = "taskmanager.json"


def read_document(file: Path) -> object:
    """Return the decoded JSON of a file; raise ConfigError when there is no such file or it is not JSON text."""
    try:
        return decode_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(str(file), "no such file") from None
    except UnicodeDecodeError:
        raise ConfigError(str(file), "is not UTF-8 text") from None
    except ConfigError as error:
        raise ConfigError(str(file), error.message) from None


def read_job_config(folder: Path) -> JobConfig:
    """Return the job configuration of a configuration folder; raise ConfigError naming file and key."""
    file = folder / JOB_FILE
    document = read_document(file)
    try:
        return JobConfig.parse(document)
    except ConfigError as error:
        raise _in_file(file, error) from None


def read_start_config(folder: Path) -> StartConfig:
    """Return the JobManager's start configuration; raise ConfigError naming file and key."""
    file = folder / START_FILE
    document = read_document(file)
    try:
        return StartConfig.parse(document)
    except ConfigError as error:
        raise _in_file(file, error) from None


def read_task_manager_config(folder: Path) -> TaskManagerConfig:
    """Return a TaskManager's start configuration; raise ConfigError naming file and key."""
    file = folder / TASK_MANAGER_FILE
    document = read_document(file)
    try:
        return TaskManagerConfig.parse(document)
    except ConfigError as error:
        raise _in_file(file, error) from None


def read_ledger_floor(file: Path) -> LedgerFloor | None:
    """Return what the ledger says, None when there is no ledger yet; raise ConfigError when it cannot be read."""
    if not file.exists():
        return None
    document = read_document(file)
    try:
        return LedgerFloor.parse(document)
    except ConfigError as error:
        raise _in_file(file, error) from None


def _in_file(file: Path, error: ConfigError) -> ConfigError:
    return ConfigError(str(file), str(error))
