"""What a decision says: the ledger to record, what has to run, what to ask of Flink, what to tell, when to look again.

Pure. There are no action objects: a deliberate restart is a raised `ledger.restart_counter`, which changes the content
hash of the JobManager's workload, and the back end replaces what differs. A stop is a deployment that does not run.
"""

from dataclasses import dataclass
from typing import Literal

from anomalyjob_operator.desired.workloads import StartIntent
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.spec import Spec
from anomalyjob_operator.status import Event, Phase, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What has to run now; `spec` may be older than the resource. Without `running`, no process of the job is left."""

    spec: Spec
    running: bool
    intent: StartIntent


@dataclass(frozen=True, slots=True, kw_only=True)
class FlinkRequest:
    """One thing to ask of Flink; asked twice with one `trigger_id` it is done once, or harms nothing.

    `folder` is where a savepoint goes, below the job's folder on its volume. The kind `stop` ends the job with it.
    """

    kind: Literal["checkpoint", "savepoint", "stop"]
    job_id: str
    trigger_id: str
    folder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The outcome of one decision. `conditions` has one verdict of each type; events tell each fact once."""

    ledger: Ledger
    deployment: Deployment
    requests: tuple[FlinkRequest, ...]
    phase: Phase
    conditions: tuple[Verdict, ...]
    events: tuple[Event, ...]
    message: str
    requeue_after_seconds: float
