"""Where everything of a job lies on this machine: `<home>/<namespace>.<name>/`.

    resource.json     the resource as applied last, with its generation (what an API server would store)
    status.json       the status document, as `anomalyjob status -o json` prints it
    ledger.json       what must never be forgotten; the launcher reads its floor
    ports.json        the ports of this job, chosen free once
    processes.json    the processes that run now: pid and start time
    supervisor.json   who supervises, or did last
    supervisor.lock   held by the living supervisor
    config/<hash>/    what a process was started with; never changed once written
    logs/             one log per workload
    termination/      why a launcher would not start Flink, one file per workload
    temporary/        what running processes need for themselves, one folder per workload
    volume/           checkpoints, savepoints, start records and part files

It only knows places. Neither dots nor slashes occur in a namespace or a name, so a folder's name tells both.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFolder:
    """The places of one job. `home` is absolute; nothing needs to exist."""

    home: Path
    namespace: str
    name: str

    @property
    def path(self) -> Path:
        """The job's own folder."""
        return self.home / f"{self.namespace}.{self.name}"

    @property
    def key(self) -> str:
        """How people are told which job is meant: namespace/name."""
        return f"{self.namespace}/{self.name}"

    @property
    def resource_file(self) -> Path:
        """The stored resource."""
        return self.path / "resource.json"

    @property
    def status_file(self) -> Path:
        """The status document."""
        return self.path / "status.json"

    @property
    def ledger_file(self) -> Path:
        """The ledger."""
        return self.path / "ledger.json"

    @property
    def ports_file(self) -> Path:
        """The ports of this job."""
        return self.path / "ports.json"

    @property
    def processes_file(self) -> Path:
        """The table of running processes."""
        return self.path / "processes.json"

    @property
    def supervisor_file(self) -> Path:
        """Who supervises, or did last."""
        return self.path / "supervisor.json"

    @property
    def lock_file(self) -> Path:
        """The file whose lock the living supervisor holds."""
        return self.path / "supervisor.lock"

    @property
    def configurations(self) -> Path:
        """The folder of configuration folders."""
        return self.path / "config"

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.path / "logs"

    @property
    def volume(self) -> Path:
        """The root of the volume, as a claim would be mounted."""
        return self.path / "volume"

    @property
    def job_volume(self) -> Path:
        """The job's own folder on the volume."""
        return self.volume / self.path.name

    def log_file(self, workload: str) -> Path:
        """Return the log of one workload."""
        return self.logs / f"{workload}.log"

    @property
    def terminations(self) -> Path:
        """The folder of the files in which launchers say why they would not start Flink."""
        return self.path / "termination"

    @property
    def temporary(self) -> Path:
        """The folder of the folders that running processes keep their temporary files in."""
        return self.path / "temporary"

    def termination_log(self, workload: str) -> Path:
        """Return the file in which a workload's launcher says why it would not start Flink."""
        return self.terminations / f"{workload}.termination"

    def short_name(self, workload: str) -> str:
        """Return how people call a workload of this job: jobmanager, taskmanager-2."""
        return workload.removeprefix(f"{self.name}-")

    def prepare(self) -> None:
        """Create the folders that processes write into. Raise OSError when the disk refuses."""
        for folder in (self.configurations, self.logs, self.terminations, self.temporary, self.volume):
            folder.mkdir(parents=True, exist_ok=True)

    def remove(self, *, keep_volume: bool) -> None:
        """Delete the job's folder, all but `volume/` and the lock file when `keep_volume`.

        The lock file stays in that case: removing it while somebody waits for it would give out two locks.
        """
        if not keep_volume and self.job_volume.exists():
            # First, and by itself: the volume may be a mount or a link, which would otherwise keep what it holds.
            shutil.rmtree(self.job_volume)
        # The stored resource goes last: as long as anything else is left, the job can be named and deleted again.
        for entry in sorted(self.path.iterdir(), key=lambda entry: entry == self.resource_file):
            if not (keep_volume and entry in {self.volume, self.lock_file}):
                _remove(entry)
        if not any(self.path.iterdir()):
            self.path.rmdir()


def _remove(entry: Path) -> None:
    if entry.is_mount():
        # Whoever mounted it there unmounts it.
        return
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def known_jobs(home: Path) -> tuple[StateFolder, ...]:
    """Return the jobs with a stored resource, in the order of their names. No home means no jobs."""
    folders = (_from_path(home, file.parent.name) for file in sorted(home.glob("*.*/resource.json")))
    return tuple(folder for folder in folders if folder is not None)


def _from_path(home: Path, folder_name: str) -> StateFolder | None:
    namespace, _, name = folder_name.partition(".")
    return StateFolder(home=home, namespace=namespace, name=name) if namespace and name else None
