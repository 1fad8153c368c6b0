# ruff: noqa: D102 - the name of a rule is a sentence
"""What happens to every cluster and what every operator does, in whichever state machine they are tested."""

from datetime import datetime, timedelta
from typing import Final

from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from tests.unit.modelled_cluster import Cluster

from anomalyjob_operator.decide import Plan, decide
from anomalyjob_operator.ledger import Ledger, ledger_write_due
from anomalyjob_operator.observed import FlinkObservation, Observed
from anomalyjob_operator.spec import AnomalyJob

INTERVAL: Final = timedelta(seconds=10)


def assert_once_more_does_nothing(job: AnomalyJob, plan: Plan, observed: Observed, now: datetime) -> None:
    """The same pass on what it left behind tells nothing and, once something runs, changes nothing."""
    again = decide(job, plan.ledger, observed, now)
    assert again.events == ()
    if observed.jobmanager is not None:
        assert again.ledger == plan.ledger


class OperatedCluster(RuleBasedStateMachine):
    """An operator with its ledger on disk, and a cluster; a machine says how a pass is made and what else happens."""

    cluster: Cluster
    on_disk: Ledger
    in_memory: Ledger | None

    def make_pass(self, answer: FlinkObservation | None) -> Plan:
        """One whole pass, with this answer of REST."""
        raise NotImplementedError

    def record(self, plan: Plan, now: datetime) -> None:
        """Write the ledger to disk where that is due, else keep it in memory."""
        if ledger_write_due(self.on_disk, plan.ledger, now, INTERVAL):
            self.on_disk = self.in_memory = Ledger.parse(plan.ledger.evolve(recorded_at=now).document())
        else:
            self.in_memory = plan.ledger

    @precondition(lambda self: self.cluster.lives)
    @rule()
    def tasks_fail(self) -> None:
        self.cluster.fail_tasks()

    @precondition(lambda self: self.cluster.lives and not self.cluster.runs)
    @rule()
    def all_tasks_run(self) -> None:
        self.cluster.run_tasks()

    @precondition(lambda self: self.cluster.runs)
    @rule()
    def a_checkpoint_completes(self) -> None:
        self.cluster.complete_checkpoint()

    @rule()
    def the_operator_looks(self) -> None:
        self.make_pass(self.cluster.flink)

    @rule()
    def the_operator_looks_and_rest_times_out(self) -> None:
        self.make_pass(None)
