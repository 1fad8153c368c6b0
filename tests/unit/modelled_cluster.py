"""A small model of the cluster for state machines: what runs, what the volume holds, and what Flink says of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.unit.observations import at, completed, flink

from anomalyjob_operator.observed import (
    CheckpointStatistics,
    FlinkObservation,
    JobFailure,
    Observed,
    WorkloadObservation,
)


@dataclass
class Cluster:
    """The truth: what runs, what the volume holds. `seconds` is the time; every change takes a millisecond."""

    seconds: float = 0.0
    newest: int = 0
    jobmanager: WorkloadObservation | None = None
    taskmanagers: dict[str, WorkloadObservation] = field(default_factory=dict)
    flink: FlinkObservation | None = None
    deployed: int | None = None
    completions: list[float] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The time."""
        return at(self.seconds)

    def tick(self) -> datetime:
        """Let a millisecond pass."""
        self.seconds = round(self.seconds + 0.001, 3)
        return self.now

    def deploy(self, restart_counter: int) -> None:
        """Carry out what the operator wants."""
        for number in (1, 2, 3):
            name = f"demo-taskmanager-{number}"
            self.taskmanagers.setdefault(name, self._born(name, "taskmanager"))
        if self.deployed != restart_counter:
            self.deployed = restart_counter
            self.start_jobmanager()

    def start_jobmanager(self) -> None:
        """A new JobManager: a new job that goes on from the newest checkpoint, with counters from zero."""
        died_at = None if self.jobmanager is None else self.tick()
        self.jobmanager = replace(self._born("demo-jobmanager", "jobmanager"), died_at=died_at)
        restored = self.newest or None
        statistics = CheckpointStatistics(
            restored=0 if restored is None else 1,
            latest_restored_id=restored,
            latest_restored_at=None if restored is None else self.tick(),
        )
        started = self.tick()
        self.flink = flink(
            statistics, job_state="CREATED", job_started_at=started, tasks_changed_at=started, tasks_running=0
        )

    def kill_taskmanager(self, number: int, *, in_use: bool) -> None:
        """It dies and is started again at once; with it its tasks, if it has any."""
        name = f"demo-taskmanager-{number}"
        died_at = self.tick()
        self.taskmanagers[name] = replace(self._born(name, "taskmanager"), died_at=died_at)
        if in_use:
            self.fail_tasks()

    def fail_tasks(self) -> None:
        """Flink restarts all tasks."""
        self._change("RESTARTING", 0)
        self._fail("java.lang.Exception: broken")

    def end_job(self, state: str) -> None:
        """The job ends for good."""
        self._change(state, 0)
        self._fail(f"java.lang.Exception: {state}")

    def run_tasks(self) -> None:
        """All tasks run, restored from the newest checkpoint if they ran before."""
        assert self.flink is not None
        if self.flink.job_state == "RESTARTING" and self.newest:
            statistics = self.flink.checkpoints
            self._statistics(
                restored=statistics.restored + 1, latest_restored_id=self.newest, latest_restored_at=self.tick()
            )
        self._change("RUNNING", 12)

    def complete_checkpoint(self) -> None:
        """One more checkpoint."""
        assert self.flink is not None
        self.newest += 1
        self.tick()
        self.completions.append(self.seconds)
        self._statistics(
            completed=self.flink.checkpoints.completed + 1, latest_completed=completed(self.newest, self.seconds)
        )

    def fail_checkpoint(self) -> None:
        """One that did not complete."""
        assert self.flink is not None
        self._statistics(failed=self.flink.checkpoints.failed + 1, latest_failed_at=self.tick(), latest_failure="slow")

    @property
    def runs(self) -> bool:
        """Whether all tasks run."""
        return self.flink is not None and self.flink.tasks_running == 12

    @property
    def lives(self) -> bool:
        """Whether the job has not ended."""
        return self.flink is not None and self.flink.job_state in {"CREATED", "RESTARTING", "RUNNING"}

    def observed(self, answer: FlinkObservation | None) -> Observed:
        """What can be seen, with this answer of REST."""
        return Observed(jobmanager=self.jobmanager, taskmanagers=tuple(self.taskmanagers.values()), flink=answer)

    def _born(self, name: str, role: str) -> WorkloadObservation:
        living = WorkloadObservation(name=name, role="taskmanager", alive=True, alive_since=self.tick())
        return replace(living, role="jobmanager") if role == "jobmanager" else living

    def _change(self, state: str, running: int) -> None:
        assert self.flink is not None
        self.flink = replace(self.flink, job_state=state, tasks_running=running, tasks_changed_at=self.tick())

    def _fail(self, message: str) -> None:
        assert self.flink is not None
        failure = JobFailure(at=self.tick(), message=message)
        self.flink = replace(self.flink, failures=(failure, *self.flink.failures)[:16])

    def _statistics(self, **changes: object) -> None:
        assert self.flink is not None
        statistics = replace(self.flink.checkpoints, **changes)  # type: ignore[arg-type]
        self.flink = replace(self.flink, checkpoints=statistics)
