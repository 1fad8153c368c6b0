"""Where the processes of a job are placed: folders, addresses, ports, interpreters.

Pure. A back end builds the `Placement`; everything else of a configuration is the same wherever the job runs. It must
not name the folder that the configuration itself is written to: that folder is named after a hash of the contents.
"""

from __future__ import annotations

from dataclasses import dataclass

ANY_PORT = 0
"""A port that the process chooses itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobManagerPorts:
    """The ports a JobManager listens on; `metrics` is Flink's internal query service.

    `prometheus` is where its reporter answers, on every address that the machine has; None: there is no reporter.
    """

    rpc: int = ANY_PORT
    blob: int = ANY_PORT
    rest: int = ANY_PORT
    metrics: int = ANY_PORT
    prometheus: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskManagerPorts:
    """The ports a TaskManager listens on; `metrics` and `prometheus` are a JobManager's."""

    rpc: int = ANY_PORT
    data: int = ANY_PORT
    metrics: int = ANY_PORT
    prometheus: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where one job's processes run. Paths are absolute.

    `volume` is the root under which the folders of jobs lie. `temporary_folder` gets one folder for each process, named
    like its workload: whoever starts the process makes that folder, and empties it before each start. `bind_host` is
    what processes listen on, `job_manager_address` where TaskManagers find the JobManager, `task_manager_address` where
    a TaskManager is found (None: it finds out by itself). `task_manager_ports` has an entry for each TaskManager whose
    ports are chosen; further ones choose theirs themselves.
    """

    volume: str
    temporary_folder: str
    termination_folder: str
    ledger_file: str
    bind_host: str
    job_manager_address: str
    job_manager_ports: JobManagerPorts
    task_manager_address: str | None = None
    task_manager_ports: tuple[TaskManagerPorts, ...] = ()
    python_executable: str
    java_home: str

    def ports_of_task_manager(self, number: int) -> TaskManagerPorts:
        """Return the ports of TaskManager `number`, counted from 1."""
        known = self.task_manager_ports
        return known[number - 1] if number <= len(known) else TaskManagerPorts()

    def temporary_folder_of(self, workload: str) -> str:
        """Return the folder for the temporary files of one process."""
        return f"{self.temporary_folder}/{workload}"

    def termination_log_of(self, workload: str) -> str:
        """Return the file in which one process says why it would not start."""
        return f"{self.termination_folder}/{workload}.termination"
