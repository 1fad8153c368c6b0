"""The Flink configuration of each process: from the spec and a placement to flat settings, and to config.yaml.

Pure. Each process gets only what it reads, so a change of the checkpoint interval leaves the TaskManagers' settings as
they are. The user's `flinkConfiguration` is merged last; what it must not name is refused when a resource is parsed
(see spec.flink_keys). The checkpoint folder is missing on purpose: the launcher names a new one at each start.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from anomalyjob.key_groups import MAX_PARALLELISM
from anomalyjob_operator.desired.memory import job_manager_memory, task_manager_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anomalyjob_operator.desired.memory import ProcessMemory
    from anomalyjob_operator.desired.placement import Placement
    from anomalyjob_operator.spec import Spec

Setting = str | int | bool

# pemja loads its native library once per class loader: without parent-first loading every restart of a task on a living
# TaskManager fails for ever with NoSuchFieldException: loadedLibraryNames.
PARENT_FIRST_PATTERNS: Final = (
    "pemja.",
    "org.apache.flink.python.",
    "org.apache.flink.streaming.api.operators.python.",
    "org.apache.flink.table.runtime.operators.python.",
    "org.apache.beam.",
    "org.apache.flink.api.python.",
)


def job_manager_configuration(spec: Spec, placement: Placement, *, job_name: str, workload: str) -> dict[str, Setting]:
    """Return the settings of the JobManager, which are also those of the job: flat keys, Flink's own names."""
    return {
        **_common(spec, placement, workload),
        **_job(spec, placement, job_name),
        **_checkpointing(spec),
        **_restarts(),
        **_application(),
        **_job_manager_addresses(placement),
        **_prometheus_reporter(spec, placement.job_manager_ports.prometheus),
        **job_manager_process_memory(spec).settings,
        # Half-way between two answers a recovery would look as long as the cache is old.
        "rest.cache.checkpoint-statistics.timeout": "500 ms",
        "rest.cache.execution-graph.timeout": "500 ms",
        # The JobManager asks TaskManagers for their metrics at most this often. With Flink's 10 s a dashboard that asks
        # every second would show each number ten times.
        "metrics.fetcher.update-interval": "1 s",
        "web.tmpdir": placement.temporary_folder_of(workload),
        **spec.flink_configuration,
    }


def task_manager_configuration(spec: Spec, placement: Placement, *, number: int, workload: str) -> dict[str, Setting]:
    """Return the settings of TaskManager `number`, counted from 1: flat keys, Flink's own names."""
    return {
        **_common(spec, placement, workload),
        **_task_manager_addresses(placement, number),
        **_prometheus_reporter(spec, placement.ports_of_task_manager(number).prometheus),
        # The same id after a restart lets the JobManager know at once that the process before it is gone.
        "taskmanager.resource-id": workload,
        # Without it a TaskManager that ran out of memory stays up, useless.
        "taskmanager.jvm-exit-on-oom": True,
        # A lost JobManager is asked for again after this pause; Flink's default of 10 s would be most of a recovery.
        "cluster.registration.error-delay": "500 ms",
        **task_manager_process_memory(spec).settings,
        **spec.flink_configuration,
    }


def job_manager_process_memory(spec: Spec) -> ProcessMemory:
    """Return the memory of the JobManager."""
    return job_manager_memory(spec.job_manager.resources.limits.memory.size_bytes)


def task_manager_process_memory(spec: Spec) -> ProcessMemory:
    """Return the memory of each TaskManager."""
    thread_mode = spec.job.python_execution_mode == "thread"
    return task_manager_memory(
        spec.task_manager.resources.limits.memory.size_bytes,
        slots=spec.task_manager.slots,
        needs_managed=spec.checkpointing.state_backend == "rocksdb" or not thread_mode,
        embeds_python=thread_mode,
    )


def render(settings: Mapping[str, Setting]) -> str:
    """Return the text of config.yaml, sorted. Flat keys and JSON values are YAML 1.2, which is what Flink reads.

    JSON leaves nothing to guess: a text such as "1e3" or "on" stays text in every version of YAML.
    """
    return json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _common(spec: Spec, placement: Placement, workload: str) -> dict[str, Setting]:
    return {
        "classloader.parent-first-patterns.additional": ";".join(PARENT_FIRST_PATTERNS),
        # The JobManager notices a dead TaskManager when this many heartbeats in a row find nobody: after about 3 s
        # instead of Flink's 20 s. TaskManagers only receive heartbeats: they let go of a dead JobManager's tasks after
        # the timeout, and a new JobManager waits for that. With 20 s every restart of it took just over 20 s.
        "heartbeat.interval": "1 s",
        "heartbeat.rpc-failure-threshold": 3,
        "heartbeat.timeout": "10 s",
        "io.tmp.dirs": placement.temporary_folder_of(workload),
        "jobmanager.rpc.address": placement.job_manager_address,
        "jobmanager.rpc.port": placement.job_manager_ports.rpc,
        "pekko.jvm-exit-on-fatal-error": True,
        # A Service goes on leading to a pod that has just gone, and a connection that is opened then hangs: with
        # Flink's 20 s one TaskManager came back to a new JobManager 12 s later than the others.
        "pekko.tcp.timeout": "3 s",
        "taskmanager.numberOfTaskSlots": spec.task_manager.slots,
    }


def _job(spec: Spec, placement: Placement, job_name: str) -> dict[str, Setting]:
    return {
        **_python_processes(spec),
        "execution.buffer-timeout.interval": "10 ms",
        "execution.runtime-mode": "STREAMING",
        "parallelism.default": spec.job.parallelism,
        "pipeline.max-parallelism": MAX_PARALLELISM,
        "pipeline.name": job_name,
        "python.client.executable": placement.python_executable,
        "python.executable": placement.python_executable,
        "python.execution-mode": spec.job.python_execution_mode,
        "state.backend.type": spec.checkpointing.state_backend,
        # Spreads tasks over TaskManagers where slot sharing leaves a choice, and uses spare slots at once.
        "taskmanager.load-balance.mode": "TASKS",
    }


def _python_processes(spec: Spec) -> dict[str, Setting]:
    """Return what only Python in processes of its own needs: thread mode has no bundles."""
    if spec.job.python_execution_mode == "thread":
        return {}
    # Milliseconds that a record waits for others to cross into Python with, in each of three operators one after the
    # other. Flink's default is a second: an alert took 1.6 s.
    return {"python.fn-execution.bundle.time": 20}


def _checkpointing(spec: Spec) -> dict[str, Setting]:
    wanted = spec.checkpointing
    settings: dict[str, Setting] = {
        "externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "file-merging.enabled": False,
        "interval": f"{wanted.interval.milliseconds} ms",
        "local-backup.enabled": False,
        "max-concurrent-checkpoints": 1,
        "min-pause": f"{wanted.min_pause_milliseconds} ms",
        "mode": wanted.mode,
        "num-retained": wanted.retained,
        "storage": "filesystem",
        "timeout": f"{wanted.timeout.milliseconds} ms",
        "tolerable-failed-checkpoints": wanted.tolerable_failures,
        # There are unaligned checkpoints in this mode only; Flink would warn and switch them off.
        "unaligned.enabled": wanted.unaligned and wanted.mode == "EXACTLY_ONCE",
    }
    return {f"execution.checkpointing.{key}": value for key, value in settings.items()}


def _restarts() -> dict[str, Setting]:
    settings: dict[str, Setting] = {
        "backoff-multiplier": "1.5",
        "initial-backoff": "1 s",
        "max-backoff": "10 s",
        # So long without a failure, and the next one starts at the initial backoff again; Flink's default is an hour.
        "reset-backoff-threshold": "30 s",
    }
    delays = {f"restart-strategy.exponential-delay.{key}": value for key, value in settings.items()}
    return {"restart-strategy.type": "exponential-delay", **delays}


def _application() -> dict[str, Setting]:
    return {
        # Both keep the JobManager up after a failure, so that the reason can be read.
        "execution.shutdown-on-application-finish": False,
        "execution.submit-failed-job-on-application-error": True,
        "web.submit.enable": False,
    }


def _job_manager_addresses(placement: Placement) -> dict[str, Setting]:
    ports = placement.job_manager_ports
    return {
        "blob.server.port": str(ports.blob),
        "jobmanager.bind-host": placement.bind_host,
        "jobmanager.retrieve-taskmanager-hostname": False,
        "jobmanager.rpc.bind-port": ports.rpc,
        "metrics.internal.query-service.port": str(ports.metrics),
        "rest.address": placement.job_manager_address,
        "rest.bind-address": placement.bind_host,
        "rest.bind-port": str(ports.rest),
        "rest.port": ports.rest,
    }


def _task_manager_addresses(placement: Placement, number: int) -> dict[str, Setting]:
    ports = placement.ports_of_task_manager(number)
    host: dict[str, Setting] = {}
    if placement.task_manager_address is not None:
        host = {"taskmanager.host": placement.task_manager_address}
    return {
        **host,
        "metrics.internal.query-service.port": str(ports.metrics),
        "taskmanager.bind-host": placement.bind_host,
        "taskmanager.data.bind-port": ports.data,
        "taskmanager.data.port": ports.data,
        "taskmanager.rpc.port": str(ports.rpc),
    }


def _prometheus_reporter(spec: Spec, port: int | None) -> dict[str, Setting]:
    """Return what lets the process answer Prometheus: the plugin is part of PyFlink."""
    # A list without a name means to Flink every reporter that is configured, not none.
    chosen = str(spec.flink_configuration.get("metrics.reporters", "prom"))
    if port is None or not chosen.replace(",", " ").strip():
        return {}
    return {
        "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
        "metrics.reporter.prom.port": str(port),
        "metrics.reporters": "prom",
    }
