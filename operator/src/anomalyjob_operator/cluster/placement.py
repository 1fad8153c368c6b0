"""Where the processes of a job are placed in their pods: fixed folders and ports, the same for every job.

Pure. The paths are a contract with the job image and its launcher; the names of what is mounted there stand here too.
"""

from typing import Final

from anomalyjob_operator import names
from anomalyjob_operator.desired.placement import JobManagerPorts, Placement, TaskManagerPorts

CONFIGURATION_FOLDER: Final = "/etc/anomalyjob/config"
LEDGER_FOLDER: Final = "/etc/anomalyjob/ledger"
LEDGER_FILE_NAME: Final = "ledger.json"
VOLUME_FOLDER: Final = "/var/lib/anomalyjob/volume"
TEMPORARY_FOLDER: Final = "/var/lib/anomalyjob/temporary"
TERMINATION_FOLDER: Final = "/var/lib/anomalyjob/termination"
TMP_FOLDER: Final = "/tmp"  # noqa: S108 - an emptyDir of the pod, shared with nobody

_PYTHON: Final = "/opt/anomalyjob/bin/python"
_JAVA_HOME: Final = "/usr/lib/jvm/java-17-openjdk-amd64"
_MOST_TASK_MANAGERS: Final = 100


def cluster_placement(namespace: str, name: str) -> Placement:
    """Return where the processes of one job run: each in a pod of its own, found by the JobManager's Service."""
    del namespace  # Names are resolved in the namespace of the pod that asks.
    return Placement(
        volume=VOLUME_FOLDER,
        temporary_folder=TEMPORARY_FOLDER,
        termination_folder=TERMINATION_FOLDER,
        ledger_file=f"{LEDGER_FOLDER}/{LEDGER_FILE_NAME}",
        bind_host="0.0.0.0",  # noqa: S104 - a pod's address is not known beforehand; NetworkPolicies say who gets in
        job_manager_address=names.job_manager_name(name),
        job_manager_ports=JobManagerPorts(
            rpc=names.RPC_PORT,
            blob=names.BLOB_PORT,
            rest=names.REST_PORT,
            metrics=names.METRICS_QUERY_PORT,
            prometheus=names.PROMETHEUS_PORT,
        ),
        task_manager_ports=(_TASK_MANAGER_PORTS,) * _MOST_TASK_MANAGERS,
        python_executable=_PYTHON,
        java_home=_JAVA_HOME,
    )


_TASK_MANAGER_PORTS: Final = TaskManagerPorts(
    rpc=names.TASKMANAGER_RPC_PORT,
    data=names.TASKMANAGER_DATA_PORT,
    metrics=names.METRICS_QUERY_PORT,
    prometheus=names.PROMETHEUS_PORT,
)
