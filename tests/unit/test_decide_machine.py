# ruff: noqa: D102 - the name of a rule or an invariant is a sentence
"""Anything may happen in any order: processes die, tasks and jobs fail, REST times out or lags, the operator dies.

A small model of the cluster stands beside the decision. What must hold whatever happens is checked after every pass.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.observations import at, completed, flink, resource
from typing_extensions import override

from anomalyjob_operator.decide import Plan, decide
from anomalyjob_operator.decide.alarms import ALARMS
from anomalyjob_operator.ledger import Ledger, ledger_write_due
from anomalyjob_operator.observed import (
    CheckpointStatistics,
    FlinkObservation,
    JobFailure,
    Observed,
    WorkloadObservation,
)
from anomalyjob_operator.status import Event

MAXIMUM_RESTARTS: Final = 3
WINDOW_SECONDS: Final = 1_800
JOB: Final = resource(recovery={"maxRestarts": MAXIMUM_RESTARTS, "window": "30m"})
INTERVAL: Final = timedelta(seconds=10)


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


class Operation(RuleBasedStateMachine):
    """The operator, its ledger on disk, and a cluster to which things happen."""

    @initialize()
    def begin(self) -> None:
        """Nothing runs, nothing is on record."""
        self.cluster = Cluster()
        self.answers: deque[FlinkObservation | None] = deque(maxlen=4)
        self.on_disk = Ledger()
        self.in_memory: Ledger | None = None
        self.floors = [0]
        self.restarts: list[float] = []
        self.events: list[Event] = []

    # What happens to the cluster

    @rule(seconds=st.sampled_from([0.2, 1.0, 5.0, 61.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.cluster.seconds += seconds

    @precondition(lambda self: self.cluster.jobmanager is not None)
    @rule()
    def the_jobmanager_dies(self) -> None:
        self.cluster.start_jobmanager()

    @precondition(lambda self: self.cluster.lives)
    @rule(number=st.sampled_from([1, 2, 3]), in_use=st.booleans())
    def a_taskmanager_dies(self, number: int, in_use: bool) -> None:
        self.cluster.kill_taskmanager(number, in_use=in_use)

    @precondition(lambda self: self.cluster.lives)
    @rule()
    def tasks_fail(self) -> None:
        self.cluster.fail_tasks()

    @precondition(lambda self: self.cluster.lives)
    @rule(state=st.sampled_from(["FAILED", "CANCELED"]))
    def the_job_ends(self, state: str) -> None:
        self.cluster.end_job(state)

    @precondition(lambda self: self.cluster.lives and not self.cluster.runs)
    @rule()
    def all_tasks_run(self) -> None:
        self.cluster.run_tasks()

    @precondition(lambda self: self.cluster.runs)
    @rule()
    def a_checkpoint_completes(self) -> None:
        self.cluster.complete_checkpoint()

    @precondition(lambda self: self.cluster.flink is not None)
    @rule()
    def a_checkpoint_fails(self) -> None:
        self.cluster.fail_checkpoint()

    # What the operator does

    @rule()
    def the_operator_looks(self) -> None:
        self.make_pass(self.cluster.flink)

    @rule()
    def the_operator_looks_and_rest_times_out(self) -> None:
        self.make_pass(None)

    @precondition(lambda self: bool(self.answers))
    @rule(age=st.integers(0, 3))
    def the_operator_gets_an_old_answer(self, age: int) -> None:
        self.make_pass(self.answers[min(age, len(self.answers) - 1)])

    @rule()
    def the_operator_is_restarted(self) -> None:
        self.in_memory = None

    @rule()
    def the_operator_dies_between_recording_and_acting(self) -> None:
        self.decide(self.cluster.flink)
        self.in_memory = None

    @rule()
    def the_operator_dies_before_recording(self) -> None:
        ledger = self.in_memory or self.on_disk
        decide(JOB, ledger, self.cluster.observed(self.cluster.flink), self.cluster.now)
        self.in_memory = None

    def make_pass(self, answer: FlinkObservation | None) -> Plan:
        """One whole pass."""
        plan = self.decide(answer)
        self.events += plan.events
        self.cluster.deploy(plan.ledger.restart_counter)
        return plan

    def decide(self, answer: FlinkObservation | None) -> Plan:
        """Everything up to the ledger being on disk."""
        before, observed, now = self.in_memory or self.on_disk, self.cluster.observed(answer), self.cluster.now
        plan = decide(JOB, before, observed, now)
        self.check_pass(before, plan, observed)
        self.answers.append(self.cluster.flink)
        if ledger_write_due(self.on_disk, plan.ledger, now, INTERVAL):
            self.on_disk = Ledger.parse(plan.ledger.evolve(recorded_at=now).document())
            self.in_memory = self.on_disk
        else:
            self.in_memory = plan.ledger
        return plan

    # What must hold

    def check_pass(self, before: Ledger, plan: Plan, observed: Observed) -> None:
        """Check one pass, and that the same pass once more would do nothing."""
        raised = plan.ledger.restart_counter - before.restart_counter
        assert raised in {0, 1}
        if raised:
            self.restarts.append(self.cluster.seconds)
        assert plan.ledger.incarnation == before.incarnation
        assert plan.ledger.recoveries >= before.recoveries
        assert plan.ledger.totals.completed >= before.totals.completed
        again = decide(JOB, plan.ledger, observed, self.cluster.now)
        assert again.events == ()
        if observed.jobmanager is not None:
            assert again.ledger == plan.ledger
        for event in plan.events:
            self.check_event(event, before)

    def check_event(self, event: Event, before: Ledger) -> None:
        """An alarm is told only when it did not stand on record."""
        names = {alarm.name for alarm in ALARMS if alarm.event == event.reason}
        assert not names or names - set(before.alarms)

    @invariant()
    def the_floor_never_sinks_and_is_never_above_what_the_volume_has(self) -> None:
        ledger = self.in_memory or self.on_disk
        floor = 0 if ledger.floor is None else ledger.floor.checkpoint_id
        recorded = 0 if self.on_disk.floor is None else self.on_disk.floor.checkpoint_id
        assert self.floors[-1] <= recorded <= floor <= self.cluster.newest
        self.floors.append(recorded)

    @invariant()
    def restarts_that_lead_nowhere_stay_within_the_budget(self) -> None:
        last_completion = self.cluster.completions[-1] if self.cluster.completions else -1.0
        begin = max(last_completion, self.cluster.seconds - WINDOW_SECONDS)
        # The first restart after a completed checkpoint is of a start that got somewhere.
        free = 1 if self.cluster.completions and begin == last_completion else 0
        assert sum(time > begin for time in self.restarts) <= MAXIMUM_RESTARTS + free

    @invariant()
    def nothing_is_told_more_often_than_it_happened(self) -> None:
        ledger = self.in_memory or self.on_disk
        reasons = [event.reason for event in self.events]
        assert reasons.count("RestartUnhealthyJob") <= ledger.restart_counter
        assert reasons.count("Recovered") <= ledger.recoveries

    @invariant()
    def a_recovery_is_in_order(self) -> None:
        ledger = self.in_memory or self.on_disk
        for recovery in (ledger.open_recovery, ledger.last_recovery):
            if recovery is not None and recovery.running_at is not None:
                assert recovery.detected_at <= recovery.running_at
            if recovery is not None and recovery.safe_at is not None:
                assert recovery.running_at is not None
                assert recovery.running_at < recovery.safe_at

    @override
    def teardown(self) -> None:
        """Left alone, a job whose tasks run and whose checkpoints complete is healthy again, whatever happened."""
        if not hasattr(self, "cluster"):
            return
        for _ in range(30):
            self.cluster.seconds += 10
            if self.cluster.lives and not self.cluster.runs:
                self.cluster.run_tasks()
            if self.cluster.runs:
                self.cluster.complete_checkpoint()
            self.make_pass(self.cluster.flink)
        plan = self.make_pass(self.cluster.flink)
        if plan.ledger.budget_exhausted:
            assert plan.phase == "Failed"
            return
        assert plan.phase == "Running"
        assert [verdict.status for verdict in plan.conditions] == ["True", "False", "False", "True", "True"]
        assert plan.ledger.open_recovery is None
        assert plan.ledger.next_restart_at is None
        assert plan.ledger.floor is not None
        assert plan.ledger.floor.checkpoint_id == self.cluster.newest


TestOperation = Operation.TestCase
TestOperation.settings = settings(max_examples=100, stateful_step_count=40)
