"""Troubles that are told once when they begin, and may be told again only after they were gone.

Pure. Which of them stand is on record in the ledger, so neither a repeated pass nor a new operator tells one twice.
Where the facts for a check were not seen, an alarm stays as it was.
"""

from dataclasses import dataclass
from typing import Final

from anomalyjob_operator.decide import troubles
from anomalyjob_operator.decide.chain import Outcome, warning
from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.status import Event, EventReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A trouble that makes an event. `needs_flink`: without an answer of REST the check knows nothing."""

    name: str
    check: troubles.Check
    event: EventReason
    needs_flink: bool = False


ALARMS: Final = (
    Alarm(name="ValidationError", check=troubles.invalid, event="ValidationError"),
    Alarm(name="NeedsSavepoint", check=troubles.waits_for_savepoint, event="NeedsSavepoint", needs_flink=True),
    Alarm(name="ObjectRefused", check=troubles.object_refused, event="ObjectRefused"),
    Alarm(name="WorkloadWaiting", check=troubles.workload_waiting, event="WorkloadWaiting"),
    Alarm(name="StartRefused", check=troubles.refused, event="StartRefused"),
    Alarm(name="RestoreFailed", check=troubles.restore_failed, event="RestoreFailed"),
    Alarm(name="RestartBudgetExhausted", check=troubles.budget_exhausted, event="RestartBudgetExhausted"),
    Alarm(
        name="TasksFailAgainAndAgain",
        check=troubles.tasks_fail_again_and_again,
        event="RestartBudgetExhausted",
        needs_flink=True,
    ),
    Alarm(name="JobFinished", check=troubles.finished, event="JobFinished", needs_flink=True),
    Alarm(name="ProgressDeadlineExceeded", check=troubles.no_progress, event="ProgressDeadlineExceeded"),
    Alarm(name="CheckpointOverdue", check=troubles.checkpoint_overdue, event="CheckpointOverdue", needs_flink=True),
    Alarm(name="VolumeNearlyFull", check=troubles.volume_nearly_full, event="VolumeNearlyFull"),
)


def note_alarms(situation: Situation, ledger: Ledger) -> Outcome:
    """Tell what has begun, forget what is over."""
    standing: list[str] = []
    events: list[Event] = []
    for alarm in ALARMS:
        if _unknown(alarm, situation):
            standing += (alarm.name,) if alarm.name in ledger.alarms else ()
            continue
        trouble = alarm.check(situation, ledger)
        if trouble is not None:
            standing.append(alarm.name)
            events += () if alarm.name in ledger.alarms else (warning(alarm.event, trouble[1], situation.now),)
    alarms = tuple(standing)
    return (ledger if alarms == ledger.alarms else ledger.evolve(alarms=alarms)), tuple(events)


def _unknown(alarm: Alarm, situation: Situation) -> bool:
    if alarm.check is troubles.volume_nearly_full:
        return situation.observed.volume_free_ratio is None
    return alarm.needs_flink and situation.flink is None
