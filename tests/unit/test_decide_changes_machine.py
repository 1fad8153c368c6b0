# ruff: noqa: D102 - the name of a rule or an invariant is a sentence
"""The user changes the resource at any moment, while everything else goes wrong as well: no intent is ever lost.

The cluster is that of `test_decide_machine`; here it also stops, takes what it is asked for, and keeps a volume with
one line of checkpoints for each incarnation. A start is checked as the launcher would make it.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.unit.observations import completed, resource
from tests.unit.test_decide_machine import INTERVAL, Cluster
from typing_extensions import override

from anomalyjob.volume_layout import job_id
from anomalyjob_operator.decide import Deployment, FlinkRequest, Plan, decide
from anomalyjob_operator.ledger import Ledger, ledger_write_due
from anomalyjob_operator.observed import FlinkObservation, Observed, RequestObservation
from anomalyjob_operator.spec import AnomalyJob, Spec

SINKS: Final[dict[str, Any]] = {"log": {"log": {}}, "files": {"files": {}}}


@dataclass(frozen=True, slots=True)
class Kept:
    """A candidate on the volume: its id, the sink of the spec that wrote it, whether any change can go on from it."""

    number: int
    sink: str
    is_savepoint: bool


@dataclass
class ChangingCluster(Cluster):
    """`volume` maps an incarnation to its candidates, oldest first; `running` is what the JobManager began with."""

    volume: dict[int, list[Kept]] = field(default_factory=dict)
    running: Deployment | None = None
    asked: list[FlinkRequest] = field(default_factory=list)
    lingers: bool = False
    starts: int = 0

    def carry_out(self, deployment: Deployment) -> None:
        """Make the processes be as they are wanted."""
        if not deployment.running:
            self.stop()
            return
        if self.running is not None and self.jobmanager is None:
            raise AssertionError("a JobManager that runs is there")
        if self.running is None:
            assert self.jobmanager is None, "something new starts while something old still ends"
            assert not self.taskmanagers, "something new starts while something old still ends"
        self._start(deployment)

    def stop(self) -> None:
        """End everything, unless something lingers."""
        self.flink = None
        self.running = None
        if self.lingers and self.jobmanager is not None:
            self.jobmanager = replace(self.jobmanager, alive=False, alive_since=None, died_at=self.now)
            return
        self.jobmanager = None
        self.taskmanagers = {}

    def vanish(self) -> None:
        """What lingered is gone."""
        self.lingers = False
        if self.running is None:
            self.jobmanager = None
            self.taskmanagers = {}

    def _start(self, deployment: Deployment) -> None:
        known = self.running
        for number in range(1, deployment.spec.task_manager.replicas + 1):
            name = f"demo-taskmanager-{number}"
            self.taskmanagers.setdefault(name, self._born(name, "taskmanager"))
        for number in range(deployment.spec.task_manager.replicas + 1, 5):
            self.taskmanagers.pop(f"demo-taskmanager-{number}", None)
        self.running = deployment
        if known is None or started_with(known) != started_with(deployment):
            self.starts += 1
            self.start_jobmanager()

    @override
    def observed(self, answer: FlinkObservation | None) -> Observed:
        """What can be seen; every TaskManager that lives is registered."""
        seen = super().observed(answer)
        answer = None if answer is None else replace(answer, taskmanagers=len(self.taskmanagers))
        return replace(seen, flink=answer)

    @override
    def start_jobmanager(self) -> None:
        """A new JobManager, as its launcher lets it begin."""
        if self.running is None:
            return
        incarnation = self.running.intent.incarnation
        candidates = self.volume.get(incarnation, [])
        self.newest = candidates[-1].number if candidates else 0
        self.check_start(self.running.spec, candidates)
        super().start_jobmanager()
        self.asked.clear()
        assert self.flink is not None
        self.flink = replace(self.flink, job_id=job_id("default", "demo", incarnation))

    def check_start(self, spec: Spec, candidates: list[Kept]) -> None:
        """Check what the launcher refuses, and what Flink cannot do."""
        assert self.running is not None
        if not candidates:
            older = any(self.volume.get(number) for number in range(1, self.running.intent.incarnation))
            assert not older or self.running.intent.rule == "empty", "an empty start by accident"
            return
        newest = candidates[-1]
        assert newest.is_savepoint or newest.sink == sink_of(spec), "an unaligned checkpoint cannot carry that change"

    @override
    def complete_checkpoint(self) -> None:
        """One more checkpoint, on the volume."""
        super().complete_checkpoint()
        self._keep(is_savepoint=False)

    def serve(self, *, fails: bool) -> None:
        """Flink does what it was asked for longest."""
        request = self.asked.pop(0)
        fate = RequestObservation(trigger_id=request.trigger_id, state="Failed", failure="no space")
        if request.kind == "checkpoint" and not fails:
            self.complete_checkpoint()
            fate = RequestObservation(trigger_id=request.trigger_id, state="Completed", checkpoint_id=self.newest)
        elif request.kind == "stop" and not fails:
            fate = replace(fate, state="Completed", path=self._finish(), failure=None)
        self._tell(fate)

    def take(self, request: FlinkRequest) -> None:
        """Accept a request, once."""
        if self.flink is None or any(fate.trigger_id == request.trigger_id for fate in self.flink.requests):
            return
        self.asked.append(request)
        self._tell(RequestObservation(trigger_id=request.trigger_id, state="InProgress"))

    def _finish(self) -> str:
        assert self.flink is not None
        assert self.running is not None
        self.newest += 1
        self._keep(is_savepoint=True)
        path = f"file:/volume/default.demo/stop/{self.running.intent.incarnation}/savepoint-{self.newest}"
        savepoint = replace(completed(self.newest, self.seconds), path=path, is_savepoint=True)
        self._statistics(latest_savepoint=savepoint)
        self._change("FINISHED", 0)
        return path

    def _keep(self, *, is_savepoint: bool) -> None:
        assert self.running is not None
        kept = Kept(self.newest, sink_of(self.running.spec), is_savepoint)
        self.volume.setdefault(self.running.intent.incarnation, []).append(kept)

    def _tell(self, fate: RequestObservation) -> None:
        assert self.flink is not None
        others = tuple(known for known in self.flink.requests if known.trigger_id != fate.trigger_id)
        self.flink = replace(self.flink, requests=(*others, fate))


def sink_of(spec: Spec) -> str:
    return "files" if spec.sink.files is not None else "log"


def started_with(deployment: Deployment) -> tuple[object, ...]:
    """What makes another JobManager."""
    return deployment.spec.start_hash(), deployment.intent


class Changes(RuleBasedStateMachine):
    """The user, the operator with its ledger on disk, and the cluster."""

    @initialize()
    def begin(self) -> None:
        self.cluster = ChangingCluster()
        self.wish: dict[str, Any] = {"max": 3, "sink": "log", "mode": "last-state", "state": "running", "replicas": 3}
        self.on_disk = Ledger()
        self.in_memory: Ledger | None = None
        self.has_looked = False
        self.asked_for_breaks = 0
        self.incarnations = 1
        self.reasons: list[str] = []

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
    def tasks_fail(self) -> None:
        self.cluster.fail_tasks()

    @precondition(lambda self: self.cluster.lives)
    @rule()
    def the_job_fails(self) -> None:
        self.cluster.end_job("FAILED")

    @precondition(lambda self: self.cluster.lives and not self.cluster.runs)
    @rule()
    def all_tasks_run(self) -> None:
        self.cluster.run_tasks()

    @precondition(lambda self: self.cluster.runs)
    @rule()
    def a_checkpoint_completes(self) -> None:
        self.cluster.complete_checkpoint()

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
    def the_operator_looks(self) -> None:
        self.make_pass(self.cluster.flink)

    @rule()
    def the_operator_looks_and_rest_times_out(self) -> None:
        self.make_pass(None)

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
        self.check_again(plan, observed)
        if ledger_write_due(self.on_disk, plan.ledger, now, INTERVAL):
            self.on_disk = self.in_memory = Ledger.parse(plan.ledger.evolve(recorded_at=now).document())
        else:
            self.in_memory = plan.ledger
        return plan

    def check_again(self, plan: Plan, observed: Observed) -> None:
        """The same pass once more would do nothing."""
        again = decide(self.job, plan.ledger, observed, self.cluster.now)
        assert again.events == ()
        if observed.jobmanager is not None:
            assert again.ledger == plan.ledger

    def check(self, plan: Plan) -> None:
        """What holds after every pass."""
        ledger = plan.ledger
        assert ledger.incarnation - self.incarnations in {0, 1}
        self.incarnations = ledger.incarnation
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
