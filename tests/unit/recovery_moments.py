"""A job with a checkpoint that loses something and comes back: its moments, and the passes over them."""

from typing import Any

from tests.unit.observations import at, checkpoints, completed, flink, seen

from anomalyjob_operator.decide import Plan
from anomalyjob_operator.observed import FlinkObservation

BEFORE = checkpoints(completed(3, 30))
RUNNING_BEFORE = (31, seen(BEFORE))


def restarting(**changes: Any) -> FlinkObservation:
    return flink(BEFORE, **{"job_state": "RESTARTING", "tasks_running": 4, "tasks_changed_at": at(41), **changes})


def back(seconds: float, restored: int = 3, newest: int = 3, newest_at: float = 30, **changes: Any) -> FlinkObservation:
    """All tasks RUNNING since then, restored a second earlier."""
    statistics = checkpoints(
        completed(newest, newest_at), restored=1, latest_restored_id=restored, latest_restored_at=at(seconds - 1)
    )
    return flink(statistics, **{"tasks_changed_at": at(seconds), **changes})


def reasons(plans: list[Plan]) -> list[str]:
    """The reasons of all events but the state changes of the job."""
    return [event.reason for plan in plans for event in plan.events if event.reason != "JobStatusChanged"]
