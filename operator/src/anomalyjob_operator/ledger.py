"""What must never be forgotten about a job: written before anything that it announces happens.

Pure. The launcher reads `incarnation` and `floor` from the same document (ledger.json), so those two keys keep their
names and places. Nothing in here may be guessed from a clock, and the floor only ever rises within an incarnation.
Lists are bounded: MAXIMUM_TIMES entries each.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field

from anomalyjob_operator.document import Document, Time

MAXIMUM_TIMES: Final = 1_001
"""One more than the largest `recovery.maxRestarts`: enough to see that the budget is spent."""

MAXIMUM_TASKMANAGERS: Final = 200
MAXIMUM_SAVEPOINTS: Final = 10

QUIET_WRITE_SECONDS: Final = 30.0
"""Counters and the floor are written at most this often (or every checkpoint interval, if that is longer)."""

Cause = Literal["TaskManagerLost", "JobManagerLost", "JobFailed", "TaskFailure"]
OperationKind = Literal["Upgrade", "Suspend", "Restart", "Restore", "Resume"]
OperationStep = Literal["Checkpoint", "Savepoint", "Stop"]
StartRuleKind = Literal["latest", "empty", "path"]
SpecDocument = dict[str, Any]
"""A spec as it stands in a resource, with every default written out."""
Times = Annotated[tuple[Time, ...], Field(max_length=MAXIMUM_TIMES)]


class Floor(Document):
    """The newest completed checkpoint on record: no start may go on from an older one.

    `is_savepoint`: it is the canonical savepoint of a deliberate stop, from which any change can go on.
    """

    checkpoint_id: int
    path: str
    is_savepoint: bool = False


class LastCheckpoint(Document):
    """The newest completed checkpoint, as the status tells it."""

    id: int
    path: str
    completed_at: Time
    size_bytes: int
    duration_milliseconds: int


class Counters(Document):
    """Checkpoint counters; `failed` does not contain `failed_before_running` (triggered while not all tasks ran)."""

    completed: int = 0
    failed: int = 0
    failed_before_running: int = 0
    restored: int = 0

    def plus(self, other: Self) -> "Counters":
        """Return the sums."""
        return Counters(
            completed=self.completed + other.completed,
            failed=self.failed + other.failed,
            failed_before_running=self.failed_before_running + other.failed_before_running,
            restored=self.restored + other.restored,
        )


class CurrentStart(Document):
    """What was seen last of the living JobManager's job.

    `started_at` is Flink's start time of the job. It names the start: every JobManager process sets its own. `running`
    tells whether all tasks ran when it was last seen, `ran` whether they ever did in this start.
    """

    started_at: Time
    counters: Counters = Counters()
    job_state: str | None = None
    running: bool = False
    ran: bool = False
    failed_since_completed: int = 0


class Constellation(Document):
    """Who was at work when all tasks last ran. Whatever differs later is a recovery, seen or not seen happening.

    `running_since` is Flink's own time at which the last task began to run; `taskmanagers` maps a workload's name to
    the time since which its process lives. `restored_at` is Flink's last restore, kept only to tell restores apart.
    """

    running_since: Time
    job_started_at: Time
    restored_at: Time | None = None
    jobmanager_since: Time | None = None
    taskmanagers: dict[str, Time] = Field(default={}, max_length=MAXIMUM_TASKMANAGERS)


class Recovery(Document):
    """One recovery. `running_at`: all tasks RUNNING again; `safe_at`: one newer checkpoint completed after that.

    `restored_before` is when Flink had last restored something before it: a later restore is known to be its own.
    """

    cause: Cause
    detected_at: Time
    subject: str = ""
    restored_before: Time | None = None
    from_checkpoint: int | None = None
    running_at: Time | None = None
    safe_at: Time | None = None


class RestoreFailure(Document):
    """The checkpoint that could not be restored; stands until all tasks run or the spec changes."""

    checkpoint_id: int | None
    message: str


class SpecProgress(Document):
    """Since when the spec of this hash is tried, and whether it has completed a checkpoint."""

    spec_hash: str
    since: Time
    proven: bool = False


class Operation(Document):
    """A deliberate stop under way, and what it is for. `id` names it, and everything that is asked of Flink for it."""

    id: str
    kind: OperationKind
    step: OperationStep
    started_at: Time
    step_started_at: Time


class SavepointRequest(Document):
    """A savepoint that the user asked for by `savepointTriggerNonce` and that is not there yet."""

    nonce: int
    asked_at: Time


class Savepoint(Document):
    """A completed savepoint of the user: where it lies. No start goes on from it unless the user names its path."""

    nonce: int
    path: str
    completed_at: Time


class SavepointFailure(Document):
    """A savepoint for a change failed so many times in a row; `spec_hash` is that of the change."""

    spec_hash: str
    message: str
    at: Time
    count: int = 1


class LastGood(Document):
    """The last spec that completed a checkpoint."""

    spec_hash: str
    spec: SpecDocument


class Ledger(Document):
    """The whole record of one job. A new job has `Ledger()`.

    `deployed` is the spec that the workloads are made from, `accepted` the last valid one where that differs;
    `stopped` tells that nothing of it shall run. `rule` holds as long as the incarnation has no checkpoint.
    """

    incarnation: int = 1
    rule: StartRuleKind = "latest"
    rule_path: str | None = None
    has_state: bool = False
    deployed: SpecDocument | None = None
    accepted: SpecDocument | None = None
    stopped: bool = False
    operation: Operation | None = None
    savepoint_failure: SavepointFailure | None = None
    restart_nonce: int | None = None
    restore_nonce: int | None = None
    savepoint_nonce: int | None = None
    savepoint_request: SavepointRequest | None = None
    savepoints: Annotated[tuple[Savepoint, ...], Field(max_length=MAXIMUM_SAVEPOINTS)] = ()
    last_good: LastGood | None = None
    restart_counter: int = 0
    floor: Floor | None = None
    last_checkpoint: LastCheckpoint | None = None
    past: Counters = Counters()
    current: CurrentStart | None = None
    constellation: Constellation | None = None
    open_recovery: Recovery | None = None
    last_recovery: Recovery | None = None
    recoveries: int = 0
    restarts: int = 0
    failed_start: Time | None = None
    crashed_workload: str | None = None
    next_restart_at: Time | None = None
    unproductive_restarts: Times = ()
    unproductive_in_a_row: int = 0
    budget_exhausted: bool = False
    spec: SpecProgress | None = None
    restore_failure: RestoreFailure | None = None
    last_start: int | None = None
    alarms: tuple[str, ...] = ()
    recorded_at: Time | None = None

    @property
    def totals(self) -> Counters:
        """The counters over all starts."""
        return self.past if self.current is None else self.past.plus(self.current.counters)


def ledger_write_due(previous: Ledger, new: Ledger, now: datetime, interval: timedelta) -> bool:
    """Whether `new` must be written although `previous` is on record.

    Everything is an intent and is written at once, except counters, floor and last checkpoint: those move with every
    checkpoint, a stale copy is only lower, and so they wait for the longer of `interval` and QUIET_WRITE_SECONDS. A
    failed checkpoint is told when it is counted, and that must be on record: it would be told again.
    """
    if _without_recording(new) == _without_recording(previous):
        return False
    if _intents(new) != _intents(previous) or previous.recorded_at is None or previous.floor is None:
        return True
    return now - previous.recorded_at >= max(interval, timedelta(seconds=QUIET_WRITE_SECONDS))


def _without_recording(ledger: Ledger) -> Ledger:
    return ledger.model_copy(update={"recorded_at": None})


def _intents(ledger: Ledger) -> Ledger:
    current = ledger.current
    if current is not None:
        told = Counters(failed=current.counters.failed)
        current = current.model_copy(update={"counters": told, "failed_since_completed": 0})
    quiet = {"floor": None, "last_checkpoint": None, "past": Counters(), "current": current, "recorded_at": None}
    return ledger.model_copy(update=quiet)
