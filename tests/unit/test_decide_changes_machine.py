# ruff: noqa: D102 - the name of a rule or an invariant is a sentence
"""The user changes the resource at any moment, while everything else goes wrong as well: no intent is ever lost.

A start is checked as the launcher would make it.
"""

from dataclasses import replace
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from tests.unit.changing_cluster import ChangingCluster
from tests.unit.cluster_machine import OperatedCluster, assert_once_more_does_nothing
from tests.unit.observations import resource
from typing_extensions import override

from anomalyjob_operator.decide import Plan, decide
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import FlinkObservation
from anomalyjob_operator.spec import AnomalyJob

SINKS: Final[dict[str, Any]] = {"log": {"log": {}}, "files": {"files": {}}}


class Changes(OperatedCluster):
    """The user, the operator with its ledger on disk, and the cluster."""

    cluster: ChangingCluster

    @initialize()
    def begin(self) -> None:
        self.cluster = ChangingCluster()
        self.wish: dict[str, Any] = {"max": 3, "sink": "log", "mode": "last-state", "state": "running", "replicas": 3}
        self.wish["told"] = "on-call"
        self.on_disk = Ledger()
        self.in_memory = None
        self.has_looked = False
        self.asked_for_breaks = 0
        self.incarnations = 1
        self.reasons: list[str] = []
        self.recovering = False

    @property
    def job(self) -> AnomalyJob:
        """The resource as it is now."""
        job: dict[str, Any] = {"state": self.wish["state"], "upgradeMode": self.wish["mode"]}
        if "restart" in self.wish:
            job["restartNonce"] = self.wish["restart"]
        if "restore" in self.wish:
            job["restore"] = {"from": "empty", "nonce": self.wish["restore"]}
        return resource(
            detection={"maxCount": self.wish["max"]},
            sink=SINKS[self.wish["sink"]],
            taskManager={"replicas": self.wish["replicas"]},
            recovery={"maxRestarts": 1_000},
            notifications={"webhook": self.wish["told"]},
            job=job,
        )

    # What the user does

    @rule(count=st.integers(3, 5))
    def the_user_changes_the_rule(self, count: int) -> None:
        self.change(max=count)

    @rule(sink=st.sampled_from(["log", "files"]))
    def the_user_changes_the_sink(self, sink: str) -> None:
        self.change(sink=sink)

    @rule(mode=st.sampled_from(["last-state", "savepoint", "last-state", "savepoint", "stateless"]))
    def the_user_changes_the_upgrade_mode(self, mode: str) -> None:
        self.change(mode=mode)

    @rule(replicas=st.integers(3, 4))
    def the_user_changes_the_number_of_taskmanagers(self, replicas: int) -> None:
        self.change(replicas=replicas)

    @rule(state=st.sampled_from(["suspended", "running", "running"]))
    def the_user_suspends_or_resumes(self, state: str) -> None:
        self.change(state=state)

    @rule(told=st.sampled_from(["on-call", "pager"]))
    def the_user_changes_who_is_told(self, told: str) -> None:
        """No intent at all: not even in stateless mode may anything come of it."""
        self.wish["told"] = told

    @rule()
    def the_user_asks_for_a_restart(self) -> None:
        self.change(restart=self.wish.get("restart", 0) + 1)

    @rule()
    def the_user_asks_for_an_empty_start(self) -> None:
        self.asked_for_breaks += 1
        self.change(restore=self.wish.get("restore", 0) + 1)

    def change(self, **wish: Any) -> None:
        """One edit; in stateless mode each may break with the past, and the mode itself with what is under way."""
        before = dict(self.wish)
        self.wish |= wish
        if self.wish != before and "stateless" in {self.wish["mode"], before["mode"]}:
            self.asked_for_breaks += 2

    # What happens to the cluster

    @rule(seconds=st.sampled_from([0.2, 1.0, 5.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.cluster.seconds += seconds

    @precondition(lambda self: self.cluster.running is not None)
    @rule()
    def the_jobmanager_dies(self) -> None:
        self.cluster.start_jobmanager()

    @precondition(lambda self: self.cluster.lives)
    @rule()
    def the_job_fails(self) -> None:
        self.cluster.end_job("FAILED")

    @precondition(lambda self: self.cluster.runs and self.cluster.asked)
    @rule(fails=st.booleans())
    def flink_does_what_it_was_asked_for(self, fails: bool) -> None:
        self.cluster.serve(fails=fails)

    @rule()
    def a_process_will_not_end(self) -> None:
        self.cluster.lingers = True

    @rule()
    def what_lingered_is_gone(self) -> None:
        self.cluster.vanish()

    @rule(steps=st.integers(1, 6))
    def all_goes_well_for_a_while(self, steps: int) -> None:
        for _ in range(steps):
            self.go_well()

    # What the operator does

    @rule()
    def the_operator_is_restarted(self) -> None:
        self.in_memory, self.has_looked = None, False

    @rule()
    def the_operator_dies_before_it_acts(self) -> None:
        self.decide(self.cluster.flink)
        self.in_memory, self.has_looked = None, False

    @rule()
    def the_operator_dies_after_it_asked(self) -> None:
        plan = self.decide(self.cluster.flink)
        self.ask(plan)
        self.in_memory, self.has_looked = None, False

    @override
    def make_pass(self, answer: FlinkObservation | None) -> Plan:
        """One whole pass."""
        plan = self.decide(answer)
        self.reasons += [event.reason for event in plan.events]
        self.ask(plan)
        self.cluster.carry_out(plan.deployment)
        self.check(plan)
        return plan

    def go_well(self) -> Plan:
        """Ten seconds in which Flink does what it should, and a pass."""
        cluster = self.cluster
        cluster.seconds += 10
        if cluster.lives and not cluster.runs:
            cluster.run_tasks()
        elif cluster.runs and cluster.asked:
            cluster.serve(fails=False)
        elif cluster.runs:
            cluster.complete_checkpoint()
        return self.make_pass(cluster.flink)

    def ask(self, plan: Plan) -> None:
        """Send the requests."""
        for request in plan.requests:
            self.cluster.take(request)

    def decide(self, answer: FlinkObservation | None) -> Plan:
        """Everything up to the ledger being on disk."""
        observed = replace(self.cluster.observed(answer), first_look=not self.has_looked)
        self.has_looked = True
        before, now = self.in_memory or self.on_disk, self.cluster.now
        plan = decide(self.job, before, observed, now)
        assert_once_more_does_nothing(self.job, plan, observed, now)
        assert plan.ledger.incarnation - self.incarnations in {0, 1}
        self.incarnations = plan.ledger.incarnation
        self.record(plan, now)
        self.pair(plan)
        return plan

    def pair(self, plan: Plan) -> None:
        """Whoever listens hears of the end of a recovery after its begin, once each."""
        for event in plan.events:
            if event.reason == "RecoverDeployment":
                assert not self.recovering
                self.recovering = True
            if event.reason in {"Recovered", "RecoverySuperseded"}:
                assert self.recovering
                self.recovering = False

    def check(self, plan: Plan) -> None:
        """What holds after every pass."""
        ledger = plan.ledger
        assert ledger.incarnation <= 1 + self.asked_for_breaks, "a break that nobody asked for"
        candidates = self.cluster.volume.get(ledger.incarnation, [])
        assert ledger.floor is None or candidates[-1].number >= ledger.floor.checkpoint_id
        assert "JobFinished" not in self.reasons
        assert ledger.accepted is not None or ledger.deployed == self.job.spec.document()

    @override
    def teardown(self) -> None:
        """Left alone, with Flink doing what it is asked for, what is wanted comes true, whatever happened."""
        if not hasattr(self, "cluster"):
            return
        self.cluster.vanish()
        plan = self.make_pass(self.cluster.flink)
        for _ in range(60):
            plan = self.go_well()
        assert plan.ledger.operation is None
        assert not self.recovering
        if self.wish["state"] == "suspended":
            assert (plan.phase, self.cluster.running) == ("Suspended", None)
            return
        assert plan.ledger.accepted is None
        assert plan.phase == "Running"
        assert self.cluster.running is not None
        assert self.cluster.running.spec == self.job.spec
        assert len(self.cluster.taskmanagers) >= self.wish["replicas"]


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=60, stateful_step_count=40)
