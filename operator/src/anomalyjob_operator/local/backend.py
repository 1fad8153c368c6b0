"""The local back end: carries out a desired state by processes of this machine, and reports what it sees.

It must not decide: no choice of checkpoints, no restart of a failed job. It starts dead processes again, as Kubernetes
does with containers.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from anomalyjob.lineage import read_lineage
from anomalyjob.refusal import RefusedError
from anomalyjob.volume_layout import JobFolder
from anomalyjob_operator.desired.placement import JobManagerPorts, Placement
from anomalyjob_operator.desired.workloads import DesiredState, Workload
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.local.configuration_folders import remove_old_folders, write_folder
from anomalyjob_operator.local.json_file import DamagedFileError, read_json, write_json
from anomalyjob_operator.local.ports import ADDRESS, Ports
from anomalyjob_operator.local.preflight import Machine
from anomalyjob_operator.local.start_records import newest_start
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.local.supervisor import Supervisor
from anomalyjob_operator.local.workload_process import Launch
from anomalyjob_operator.observed import Refusal, StartObservation, WorkloadObservation
from anomalyjob_operator.spec import AnomalyJob
from anomalyjob_operator.status import Event, Status

GRACE_SECONDS: Final = {"jobmanager": 15.0, "taskmanager": 10.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where on this machine one job runs, and with what."""

    folder: StateFolder
    ports: Ports
    machine: Machine


class LocalBackend:
    """One job's cluster on this machine. `publish` gets each status document, `tell_event` each event, once."""

    def __init__(
        self,
        place: Place,
        supervisor: Supervisor,
        *,
        publish: Callable[[Status], None],
        tell_event: Callable[[Event], None],
    ) -> None:
        self._place = place
        self._folder = place.folder
        self._supervisor = supervisor
        self._publish = publish
        self._tell_event = tell_event

    @property
    def rest_url(self) -> str:
        """Where the JobManager's REST endpoint answers."""
        return self._place.ports.rest_url

    def placement(self, job: AnomalyJob) -> Placement:
        """Return where the job's processes run: in the job's folder, listening on 127.0.0.1 only."""
        del job
        folder, ports, machine = self._place.folder, self._place.ports, self._place.machine
        return Placement(
            volume=str(folder.volume),
            temporary_folder=str(folder.temporary),
            termination_folder=str(folder.terminations),
            ledger_file=str(folder.ledger_file),
            bind_host=ADDRESS,
            job_manager_address=ADDRESS,
            job_manager_ports=JobManagerPorts(rpc=ports.rpc, blob=ports.blob, rest=ports.rest),
            task_manager_address=ADDRESS,
            python_executable=machine.flink_python,
            java_home=machine.java.home,
        )

    async def read_ledger(self) -> Ledger:
        """Return the recorded ledger; a job without one begins in the incarnation that its volume is in.

        Raise DamagedFileError when it cannot be read: without its floor a job could fall back unnoticed.
        """
        document = read_json(self._folder.ledger_file)
        if document is None:
            return self._ledger_of_volume()
        try:
            return Ledger.parse(document)
        except ValidationError as error:
            raise DamagedFileError(f"{self._folder.ledger_file} does not hold a ledger: {error}") from None

    async def write_ledger(self, ledger: Ledger) -> None:
        """Record the ledger durably. Raise OSError when the disk refuses."""
        write_json(self._folder.ledger_file, ledger.document())

    async def observe_workloads(self) -> tuple[WorkloadObservation, ...]:
        """Return every workload that was started."""
        return self._supervisor.observe()

    async def observe_start(self) -> StartObservation | None:
        """Return the newest start record on the volume."""
        return newest_start(self._folder.job_volume)

    async def volume_free_ratio(self) -> float | None:
        """Return the free part of the file system that the volume lies on."""
        try:
            usage = shutil.disk_usage(self._folder.volume)
        except OSError:
            return None
        return usage.free / usage.total if usage.total else None

    @property
    def refused_object(self) -> Refusal | None:
        """None: a process is started or it is not; there is nobody who could refuse it."""
        return None

    async def apply(self, desired: DesiredState) -> None:
        """Let exactly the desired workloads run. Raise OSError when their configuration cannot be written."""
        launches = [self._launch(workload) for workload in desired.workloads] if desired.running else []
        await self._supervisor.apply(launches)
        remove_old_folders(self._folder.configurations, {launch.content_hash for launch in launches})

    async def read_status(self) -> Status | None:
        """Return the status document as stored last; None when there is none, or none that can be read."""
        try:
            document = read_json(self._folder.status_file)
            return None if document is None else Status.parse(document)
        except (DamagedFileError, ValidationError):
            return None

    async def write_status(self, status: Status) -> None:
        """Publish the status document. A full disk keeps it from being stored, not from being shown."""
        self._publish(status)
        write_json(self._folder.status_file, status.document())

    async def emit(self, events: tuple[Event, ...]) -> None:
        """Tell the user what happened."""
        for event in events:
            self._tell_event(event)

    def _launch(self, workload: Workload) -> Launch:
        folder = write_folder(self._folder.configurations, workload.content_hash, workload.files)
        return Launch(
            name=workload.name,
            role=workload.role,
            content_hash=workload.content_hash,
            command=workload.command,
            environment={**workload.environment, "ANOMALYJOB_CONFIG_DIR": str(folder)},
            grace_seconds=GRACE_SECONDS[workload.role],
        )

    def _ledger_of_volume(self) -> Ledger:
        """Return what the volume remembers of an earlier life of the job."""
        folder = JobFolder(volume=self._folder.volume, namespace=self._folder.namespace, name=self._folder.name)
        try:
            lineage = read_lineage(folder.lineage_file)
        except (OSError, RefusedError):
            # The launcher meets the same file and says what is wrong with it.
            return Ledger()
        if lineage is None:
            return Ledger()
        return Ledger(incarnation=lineage.incarnation, restore_nonce=lineage.consumed_restore_nonce)
