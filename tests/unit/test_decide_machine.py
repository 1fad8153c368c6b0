# ruff: noqa: D102 - the name of a rule or an invariant is a sentence
"""Anything may happen in any order: processes die, tasks and jobs fail, REST times out or lags, the operator dies.

A small model of the cluster stands beside the decision. What must hold whatever happens is checked after every pass.
"""

from collections import deque
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from tests.unit.cluster_machine import OperatedCluster, assert_once_more_does_nothing
from tests.unit.modelled_cluster import Cluster
from tests.unit.observations import resource
from typing_extensions import override

from anomalyjob_operator.decide import Plan, decide
from anomalyjob_operator.decide.alarms import ALARMS
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import FlinkObservation, Observed
from anomalyjob_operator.status import Event

MAXIMUM_RESTARTS: Final = 3
WINDOW_SECONDS: Final = 1_800
JOB: Final = resource(recovery={"maxRestarts": MAXIMUM_RESTARTS, "window": "30m"})


class Operation(OperatedCluster):
    """The operator, its ledger on disk, and a cluster to which things happen."""

    @initialize()
    def begin(self) -> None:
        """Nothing runs, nothing is on record."""
        self.cluster = Cluster()
        self.answers: deque[FlinkObservation | None] = deque(maxlen=4)
        self.on_disk = Ledger()
        self.in_memory = None
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
    @rule(state=st.sampled_from(["FAILED", "CANCELED"]))
    def the_job_ends(self, state: str) -> None:
        self.cluster.end_job(state)

    @precondition(lambda self: self.cluster.flink is not None)
    @rule()
    def a_checkpoint_fails(self) -> None:
        self.cluster.fail_checkpoint()

    # What the operator does

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

    @override
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
        self.record(plan, now)
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
        assert_once_more_does_nothing(JOB, plan, observed, self.cluster.now)
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
