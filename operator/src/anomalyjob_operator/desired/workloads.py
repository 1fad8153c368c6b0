"""From a valid resource to its desired state: one JobManager, N TaskManagers, and every file they are started with.

Pure and deterministic: the same arguments give the same bytes, so a content hash tells whether a process has to be
replaced. Which start it is (incarnation, restart counter, rule) comes in as an intent and is never decided here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from anomalyjob_operator.desired import flink_configuration
from anomalyjob_operator.desired.logging_configuration import LOG_CONFIGURATION, LOG_FILE_NAME
from anomalyjob_operator.desired.slot_sharing import slot_sharing_document
from anomalyjob_operator.names import job_manager_name, task_manager_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anomalyjob_operator.desired.memory import ProcessMemory
    from anomalyjob_operator.desired.placement import Placement
    from anomalyjob_operator.spec import AnomalyJob, Spec

Role = Literal["jobmanager", "taskmanager"]

LOCK_TIMEOUT_SECONDS: Final = 120
"""How long a JobManager waits for the volume's lock before it ends and names the holder."""

_JOB_MANAGER_OPTIONS: Final = ("-XX:+ExitOnOutOfMemoryError",)
_TASK_MANAGER_OPTIONS: Final = ("-XX:+UseG1GC",)
"""What Flink's start script gives a TaskManager."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartIntent:
    """How the JobManager has to start. `path`, the folder of a checkpoint or savepoint, goes with the rule `path`.

    `restore_nonce` is the last wish for a start from elsewhere that was fulfilled: it must outlive the resource.
    """

    incarnation: int = 1
    restart_counter: int = 0
    rule: Literal["latest", "empty", "path"] = "latest"
    path: str | None = None
    restore_nonce: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One process: its command, environment and configuration files (name → text).

    The environment lacks ANOMALYJOB_CONFIG_DIR: whoever writes the files adds the folder that it wrote them to.
    """

    name: str
    role: Role
    command: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, str]

    @property
    def content_hash(self) -> str:
        """16 hex digits; they differ as soon as anything that the process is started with differs."""
        content = {"command": self.command, "environment": dict(self.environment), "files": dict(self.files)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """What has to run for one resource; nothing of it, but all of it kept ready, when not `running`.

    `intent` is the start that the JobManager's files ask for.
    """

    namespace: str
    name: str
    spec: Spec
    intent: StartIntent = StartIntent()
    running: bool = True
    job_manager: Workload
    task_managers: tuple[Workload, ...]

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """All of them, the JobManager first."""
        return (self.job_manager, *self.task_managers)


def desired_state(
    resource: AnomalyJob, placement: Placement, intent: StartIntent, *, running: bool = True
) -> DesiredState:
    """Return everything that has to run for the resource at the placement, with the next start as intended."""
    numbers = range(1, resource.spec.task_manager.replicas + 1)
    return DesiredState(
        namespace=resource.metadata.namespace,
        name=resource.metadata.name,
        spec=resource.spec,
        intent=intent,
        running=running,
        job_manager=_job_manager(resource, placement, intent),
        task_managers=tuple(_task_manager(resource, placement, number) for number in numbers),
    )


def job_document(resource: AnomalyJob) -> dict[str, object]:
    """Return job.json: what the job computes."""
    spec = resource.spec
    sharing = slot_sharing_document(spec, flink_configuration.task_manager_process_memory(spec))
    return {
        "namespace": resource.metadata.namespace,
        "name": resource.metadata.name,
        "parallelism": spec.job.parallelism,
        "pythonExecutionMode": spec.job.python_execution_mode,
        "detection": {"maxCount": spec.detection.max_count},
        "source": _source_document(spec),
        "sink": {sink: {} for sink in ("log", "files") if getattr(spec.sink, sink) is not None},
        **({} if sharing is None else {"slotSharing": sharing}),
    }


def _source_document(spec: Spec) -> dict[str, object]:
    simulated = spec.source.simulated
    if simulated is None:
        raise AssertionError("a parsed resource has exactly one source")
    return {
        "simulated": {
            "users": list(simulated.users),
            "intervalMilliseconds": simulated.interval.milliseconds,
            "abnormalRatio": simulated.abnormal_ratio,
            "seed": simulated.seed,
        }
    }


def _start_document(
    resource: AnomalyJob, placement: Placement, intent: StartIntent, memory: ProcessMemory
) -> dict[str, object]:
    rule = {"from": intent.rule} if intent.path is None else {"from": intent.rule, "path": intent.path}
    return {
        "volume": placement.volume,
        "incarnation": intent.incarnation,
        "restartCounter": intent.restart_counter,
        "specHash": resource.spec.start_hash(),
        "rule": rule,
        "ledgerFile": placement.ledger_file,
        "allowOlderCheckpoints": resource.spec.recovery.allow_older_checkpoints,
        "retained": resource.spec.checkpointing.retained,
        "lockTimeoutSeconds": LOCK_TIMEOUT_SECONDS,
        "terminationLog": placement.termination_log_of(job_manager_name(resource.metadata.name)),
        "jvmOptions": [*memory.jvm_options, *_JOB_MANAGER_OPTIONS],
        **({"allowNonRestoredState": True} if resource.spec.job.allow_non_restored_state else {}),
        **({} if intent.restore_nonce is None else {"restoreNonce": intent.restore_nonce}),
    }


def _job_manager(resource: AnomalyJob, placement: Placement, intent: StartIntent) -> Workload:
    spec, name = resource.spec, job_manager_name(resource.metadata.name)
    memory = flink_configuration.job_manager_process_memory(spec)
    job_name = f"{resource.metadata.namespace}.{resource.metadata.name}"
    settings = flink_configuration.job_manager_configuration(spec, placement, job_name=job_name, workload=name)
    files = {
        "start.json": _json(_start_document(resource, placement, intent, memory)),
        **_common_files(resource, settings),
    }
    return _workload(name, "jobmanager", placement, files)


def _task_manager(resource: AnomalyJob, placement: Placement, number: int) -> Workload:
    spec, name = resource.spec, task_manager_name(resource.metadata.name, number)
    memory = flink_configuration.task_manager_process_memory(spec)
    settings = flink_configuration.task_manager_configuration(spec, placement, number=number, workload=name)
    start = {
        "terminationLog": placement.termination_log_of(name),
        "jvmOptions": [*memory.jvm_options, *_TASK_MANAGER_OPTIONS],
    }
    return _workload(
        name, "taskmanager", placement, {"taskmanager.json": _json(start), **_common_files(resource, settings)}
    )


def _common_files(resource: AnomalyJob, settings: Mapping[str, flink_configuration.Setting]) -> dict[str, str]:
    return {
        "job.json": _json(job_document(resource)),
        "config.yaml": flink_configuration.render(settings),
        LOG_FILE_NAME: LOG_CONFIGURATION,
    }


def _workload(name: str, role: Role, placement: Placement, files: Mapping[str, str]) -> Workload:
    command = (placement.python_executable, "-m", "anomalyjob.launch", role)
    return Workload(name=name, role=role, command=command, environment={"JAVA_HOME": placement.java_home}, files=files)


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
