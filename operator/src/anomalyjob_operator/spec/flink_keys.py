"""The Flink settings that the operator owns: a user's `flinkConfiguration` must not name them.

Pure data. Each entry says why, in words that the user reads. A setting that belongs to a field of the spec names that
field; the others would let a job lose state, open a port or start a second way of doing what the launcher does.
"""

from __future__ import annotations

from typing import Final

_STATE_PLACE = "where state lies and what a start restores is decided by the launcher"
_RECOVERY = "recovery comes from the checkpoints on the volume"
_ADDRESS = "addresses and ports are chosen where the processes are placed"
_FOLDER = "folders are chosen where the processes are placed"
_IMAGE = "the job's code and interpreter are part of the installation"
_SCRIPTS = "it is read by Flink's start scripts only, which are not used here"
_SAFE_END = "a process that cannot go on must end, so that it is started again"
_SCHEDULING = "one source, one process and one sink slot on each TaskManager need Flink's default scheduler"
_APPLICATION = "the job is submitted with its JobManager, in application mode"
_TASK_MANAGER_MEMORY = "set spec.taskManager.resources.limits.memory; its parts are computed from it"
_JOB_MANAGER_MEMORY = "set spec.jobManager.resources.limits.memory; its parts are computed from it"
_CLOSED = "it would open the cluster to code from outside"

OWNED_KEYS: Final[dict[str, str]] = {
    "blob.server.port": _ADDRESS,
    "blob.storage.directory": _FOLDER,
    "cluster.evenly-spread-out-slots": _SCHEDULING,
    "cluster.id": _APPLICATION,
    "execution.attached": _APPLICATION,
    "execution.checkpointing.create-subdir": _STATE_PLACE,
    "execution.checkpointing.dir": _STATE_PLACE,
    "execution.checkpointing.externalized-checkpoint-retention": _STATE_PLACE,
    "execution.checkpointing.interval": "set spec.checkpointing.interval",
    "execution.checkpointing.max-concurrent-checkpoints": "checkpoints of one job must be in order",
    "execution.checkpointing.min-pause": "set spec.checkpointing.minPause",
    "execution.checkpointing.mode": "set spec.checkpointing.mode",
    "execution.checkpointing.num-retained": "set spec.checkpointing.retained",
    "execution.checkpointing.savepoint-dir": _STATE_PLACE,
    "execution.checkpointing.storage": _STATE_PLACE,
    "execution.checkpointing.timeout": "set spec.checkpointing.timeout",
    "execution.checkpointing.tolerable-failed-checkpoints": "set spec.checkpointing.tolerableFailures",
    "execution.checkpointing.unaligned": "set spec.checkpointing.unaligned",
    "execution.checkpointing.unaligned.enabled": "set spec.checkpointing.unaligned",
    "execution.runtime-mode": _APPLICATION,
    "execution.shutdown-on-application-finish": _APPLICATION,
    "execution.shutdown-on-attached-exit": _APPLICATION,
    "execution.submit-failed-job-on-application-error": _APPLICATION,
    "execution.target": _APPLICATION,
    "execution.terminate-application-on-any-job-terminated-exceptionally": _APPLICATION,
    "io.tmp.dirs": _FOLDER,
    "jmx.server.port": _CLOSED,
    "jobmanager.bind-host": _ADDRESS,
    "jobmanager.execution.failover-strategy": _SCHEDULING,
    "jobmanager.resource-id": _ADDRESS,
    "jobmanager.scheduler": _SCHEDULING,
    "metrics.internal.query-service.port": _ADDRESS,
    "parallelism.default": "set spec.job.parallelism",
    "pekko.jvm-exit-on-fatal-error": _SAFE_END,
    "pipeline.classpaths": _IMAGE,
    "pipeline.jars": _IMAGE,
    "pipeline.jobvertex-parallelism-overrides": "set spec.job.parallelism",
    "pipeline.max-parallelism": "it is one constant for ever, or no checkpoint can be restored",
    "pipeline.name": "the job has the name of the resource",
    "python.archives": _IMAGE,
    "python.client.executable": _IMAGE,
    "python.executable": _IMAGE,
    "python.execution-mode": "set spec.job.pythonExecutionMode",
    "python.files": _IMAGE,
    "python.pythonpath": _IMAGE,
    "python.requirements": _IMAGE,
    "rest.address": _ADDRESS,
    "rest.bind-address": _ADDRESS,
    "rest.bind-port": _ADDRESS,
    "rest.port": _ADDRESS,
    "scheduler-mode": _SCHEDULING,
    "state.backend": "set spec.checkpointing.stateBackend",
    "state.backend.local-recovery": _STATE_PLACE,
    "state.backend.type": "set spec.checkpointing.stateBackend",
    "state.checkpoint-storage": _STATE_PLACE,
    "taskmanager.bind-host": _ADDRESS,
    "taskmanager.cpu.cores": _TASK_MANAGER_MEMORY,
    "taskmanager.data.bind-port": _ADDRESS,
    "taskmanager.data.port": _ADDRESS,
    "taskmanager.host": _ADDRESS,
    "taskmanager.jvm-exit-on-oom": _SAFE_END,
    "taskmanager.load-balance.mode": _SCHEDULING,
    "taskmanager.numberOfTaskSlots": "set spec.taskManager.slots",
    "taskmanager.resource-id": _ADDRESS,
    "web.submit.enable": _CLOSED,
    "web.tmpdir": _FOLDER,
    "web.upload.dir": _CLOSED,
}
"""Owned setting → reason. Old names that Flink still understands stand here too, or they would be a way around."""

OWNED_PREFIXES: Final[dict[str, str]] = {
    "classloader.": "Python runs inside the TaskManagers only with the class loading that the operator sets",
    "env.": _SCRIPTS,
    "execution.checkpointing.file-merging.": _STATE_PLACE,
    "execution.checkpointing.local-backup.": _STATE_PLACE,
    "execution.savepoint": _STATE_PLACE,
    "execution.state-recovery.": _STATE_PLACE,
    "high-availability": _RECOVERY,
    "jobmanager.adaptive-scheduler.": _SCHEDULING,
    "jobmanager.heap.": _JOB_MANAGER_MEMORY,
    "jobmanager.memory.": _JOB_MANAGER_MEMORY,
    "jobmanager.rpc.": _ADDRESS,
    "process.": _FOLDER,
    "queryable-state.": _CLOSED,
    "rest.profiling.": _CLOSED,
    "restart-strategy": "a failed task is started again for ever, in growing steps; see spec.recovery",
    "security.ssl.": _ADDRESS,
    "state.checkpoints.": _STATE_PLACE,
    "state.savepoints.": _STATE_PLACE,
    "taskmanager.heap.": _TASK_MANAGER_MEMORY,
    "taskmanager.memory.": _TASK_MANAGER_MEMORY,
    "taskmanager.rpc.": _ADDRESS,
}
"""Beginning of owned settings → reason."""


def owner_reason(key: str) -> str | None:
    """Return why the operator owns the Flink setting, or None when the user may set it."""
    if key in OWNED_KEYS:
        return OWNED_KEYS[key]
    return next((reason for prefix, reason in OWNED_PREFIXES.items() if key.startswith(prefix)), None)
