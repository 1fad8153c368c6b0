"""Moments in the life of a job, and what must be told of them: the words of the table of phases."""

from dataclasses import dataclass, field
from typing import Any

from tests.unit.decided_passes import Moment
from tests.unit.observations import at, checkpoints, completed, flink, jobmanager, seen, taskmanager

from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import JobFailure, Observed, Refusal, WorkloadObservation

HEALTHY: Moment = (32, seen(checkpoints(completed(1, 30))))
PROVEN: Moment = (42, seen(checkpoints(completed(2, 40))))
SLOW = checkpoints(completed(1, 30), recent_durations_milliseconds=(1, 40_000, 40_000))
NOTHING = Observed(jobmanager=None, first_look=True)
STARTING = flink(job_state="CREATED", tasks_running=4, tasks_changed_at=at(9))
RESTARTING = flink(checkpoints(completed(1, 30)), job_state="RESTARTING", tasks_running=0, tasks_changed_at=at(41))
REFUSED = Refusal(reason="CheckpointBelowFloor", message="The newest checkpoint is 16, but 17 is on record.")
LOCKED = Refusal(reason="VolumeLocked", message="Process 77 holds the lock.")
RESTORED = checkpoints(completed(1, 30), latest_restored_id=1, latest_restored_at=at(40))
BROKEN = JobFailure(at=at(41), message="java.lang.Exception: Exception while creating StreamOperatorStateContext.")

UNSCHEDULABLE = taskmanager(4, alive=False, alive_since=None, waiting=Refusal(reason="Unschedulable", message="0/3"))


def pending(reason: str) -> WorkloadObservation:
    """A JobManager's pod that does not come to run."""
    return jobmanager(alive=False, alive_since=None, waiting=Refusal(reason=reason, message="it is not there"))


@dataclass(frozen=True, kw_only=True)
class Case:
    """What was seen, at which seconds; what the last pass must say. `conditions`: type to (status, reason)."""

    moments: tuple[Moment, ...]
    phase: str
    conditions: dict[str, tuple[str, str]]
    says: str = ""
    spec: dict[str, Any] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
