"""A back end that is a few variables: what was recorded, applied and told; and where the operator dies on demand.

It simulates the machine just far enough: `apply` replaces the JobManager when its workload differs, and then the fake
Flink has a new job. A `crash` ends the operator before or after one write, as `kill -9` does.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final, Literal

from anomalyjob_operator.desired.placement import JobManagerPorts, Placement
from anomalyjob_operator.desired.workloads import DesiredState, Workload
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import Refusal, StartObservation, WorkloadObservation
from anomalyjob_operator.spec import AnomalyJob
from anomalyjob_operator.status import Event, Status

Write = Literal["ledger", "apply", "status", "emit"]
Moment = tuple[Literal["before", "after"], Write]

WRITES: Final[tuple[Write, ...]] = ("ledger", "apply", "status", "emit")
CRASH_POINTS: Final[tuple[Moment, ...]] = tuple((when, write) for write in WRITES for when in ("before", "after"))

PLACEMENT: Final = Placement(
    volume="/volume",
    temporary_folder="/temporary",
    termination_folder="/termination",
    ledger_file="/ledger.json",
    bind_host="127.0.0.1",
    job_manager_address="127.0.0.1",
    job_manager_ports=JobManagerPorts(rpc=1, blob=2, rest=3),
    python_executable="/python",
    java_home="/java",
)


class OperatorDiedError(BaseException):
    """The operator's process ended here: nothing after it happens, nothing is caught."""


class MemoryBackend:
    """One job's cluster in memory. `writes` lists what was done, `on_new_jobmanager` is called for each replacement.

    `started` lists the JobManagers that were started; processes whose names are `lingering` do not end.
    """

    def __init__(self, rest_url: str, clock: Callable[[], datetime]) -> None:
        self._rest_url = rest_url
        self._clock = clock
        self.ledger_text: str | None = None
        self.status_text: str | None = None
        self.workloads: dict[str, WorkloadObservation] = {}
        self.start: StartObservation | None = None
        self.free: float | None = 0.5
        self.refused: Refusal | None = None
        self.writes: list[Write] = []
        self.events: list[Event] = []
        self.jobmanagers: list[str] = []
        self.started: list[Workload] = []
        self.lingering: set[str] = set()
        self.on_new_jobmanager: Callable[[], None] = lambda: None
        self.crash_at: Moment | None = None
        self.broken: dict[Write, Exception] = {}

    @property
    def rest_url(self) -> str:
        """Where the fake Flink answers."""
        return self._rest_url

    def placement(self, job: AnomalyJob) -> Placement:
        """Always the same place."""
        del job
        return PLACEMENT

    async def read_ledger(self) -> Ledger:
        """Read what was recorded, through JSON."""
        return Ledger() if self.ledger_text is None else Ledger.parse(json.loads(self.ledger_text))

    async def write_ledger(self, ledger: Ledger) -> None:
        """Record it."""
        with self._write("ledger"):
            self.ledger_text = json.dumps(ledger.document())

    async def observe_workloads(self) -> tuple[WorkloadObservation, ...]:
        """Everything that was applied."""
        return tuple(self.workloads.values())

    async def observe_start(self) -> StartObservation | None:
        """What the test set."""
        return self.start

    async def volume_free_ratio(self) -> float | None:
        """What the test set."""
        return self.free

    @property
    def refused_object(self) -> Refusal | None:
        """What the test set."""
        return self.refused

    async def apply(self, desired: DesiredState) -> None:
        """Start what is missing, replace what differs, remove what is extra."""
        with self._write("apply"):
            workloads = desired.workloads if desired.running else ()
            wanted = {workload.name for workload in workloads} | self.lingering
            self.workloads = {name: known for name, known in self.workloads.items() if name in wanted}
            for workload in workloads:
                known = self.workloads.get(workload.name)
                if known is None or known.content_hash != workload.content_hash:
                    self._start(workload)

    @property
    def incarnation(self) -> int:
        """That of the JobManager that was started last."""
        return int(json.loads(self.start_document)["incarnation"])

    @property
    def start_document(self) -> str:
        """The start.json of the JobManager that was started last."""
        return self.started[-1].files["start.json"]

    @property
    def max_counts(self) -> list[int]:
        """The rule of each JobManager that was started."""
        return [json.loads(workload.files["job.json"])["detection"]["maxCount"] for workload in self.started]

    @property
    def sinks(self) -> list[str]:
        """The sinks of each JobManager that was started."""
        return [",".join(json.loads(workload.files["job.json"])["sink"]) for workload in self.started]

    async def read_status(self) -> Status | None:
        """Read what was published, through JSON."""
        return None if self.status_text is None else Status.parse(json.loads(self.status_text))

    async def write_status(self, status: Status) -> None:
        """Publish it."""
        with self._write("status"):
            self.status_text = json.dumps(status.document())

    async def emit(self, events: tuple[Event, ...]) -> None:
        """Tell."""
        with self._write("emit"):
            self.events += events

    def kill(self, name: str) -> None:
        """Let one process die and be started again at once, as a supervisor does."""
        now = self._clock()
        self.workloads[name] = replace(
            self.workloads[name], alive_since=now, died_at=now, restarts=self.workloads[name].restarts + 1
        )

    def _start(self, workload: Workload) -> None:
        self.workloads[workload.name] = WorkloadObservation(
            name=workload.name,
            role=workload.role,
            alive=True,
            content_hash=workload.content_hash,
            alive_since=self._clock(),
        )
        if workload.role == "jobmanager":
            self.jobmanagers.append(workload.content_hash)
            self.started.append(workload)
            self.on_new_jobmanager()

    @contextmanager
    def _write(self, write: Write) -> Iterator[None]:
        if write in self.broken:
            raise self.broken[write]
        self._crash("before", write)
        yield
        self.writes.append(write)
        self._crash("after", write)

    def _crash(self, when: Literal["before", "after"], write: Write) -> None:
        if self.crash_at == (when, write):
            self.crash_at = None
            raise OperatorDiedError
