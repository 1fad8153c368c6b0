"""The shape of every step of a decision: from a situation and a ledger to the next ledger and what is to be told.

Pure. A step looks at facts, never at which step ran before, so that a pass repeated on the same facts changes nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from anomalyjob_operator.decide.situation import Situation
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.status import Event, EventReason

Outcome = tuple[Ledger, tuple[Event, ...]]
Step = Callable[[Situation, Ledger], Outcome]


def run(steps: Sequence[Step], situation: Situation, ledger: Ledger) -> Outcome:
    """Run the steps in order; each sees the ledger of the one before."""
    events: tuple[Event, ...] = ()
    for step in steps:
        ledger, told = step(situation, ledger)
        events += told
    return ledger, events


def normal(reason: EventReason, message: str, at: datetime) -> Event:
    """Return an event that is no reason to worry."""
    return Event(type="Normal", reason=reason, message=message, at=at)


def warning(reason: EventReason, message: str, at: datetime) -> Event:
    """Return an event that somebody should look at."""
    return Event(type="Warning", reason=reason, message=message, at=at)
