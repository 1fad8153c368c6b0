"""The modelled cluster, which also stops, takes what it is asked for, and keeps a volume.

The volume has one line of checkpoints for each incarnation. A start is checked as the launcher would make it.
"""

from dataclasses import dataclass, field, replace

from tests.unit.modelled_cluster import Cluster
from tests.unit.observations import completed
from typing_extensions import override

from anomalyjob.volume_layout import job_id
from anomalyjob_operator.decide import Deployment, FlinkRequest
from anomalyjob_operator.observed import FlinkObservation, Observed, RequestObservation
from anomalyjob_operator.spec import Spec


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
