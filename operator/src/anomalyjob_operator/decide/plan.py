"""What a decision says: the ledger to record, what to tell, and when to look again. Pure.

There are no action objects: a deliberate restart is a raised `ledger.restart_counter`, which changes the content hash
of the JobManager's workload, and the back end replaces what differs.
"""

from dataclasses import dataclass

from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.status import Event, Phase, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The outcome of one decision. `conditions` has one verdict of each type; events tell each fact once."""

    ledger: Ledger
    phase: Phase
    conditions: tuple[Verdict, ...]
    events: tuple[Event, ...]
    message: str
    requeue_after_seconds: float
