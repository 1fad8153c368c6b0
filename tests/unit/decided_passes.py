"""Decisions one after the other, for tests: each on the ledger that the one before left."""

from collections.abc import Iterable

from tests.unit.observations import at, resource

from anomalyjob_operator.decide import Plan, decide
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.spec import AnomalyJob

Moment = tuple[float, Observed]


def history(moments: Iterable[Moment], ledger: Ledger | None = None, job: AnomalyJob | None = None) -> list[Plan]:
    """Pass after pass, each on the ledger of the one before."""
    plans: list[Plan] = []
    ledger = ledger or Ledger()
    for seconds, observed in moments:
        plans.append(decide(job or resource(), ledger, observed, at(seconds)))
        ledger = plans[-1].ledger
    return plans


def passes(*moments: Moment, ledger: Ledger | None = None) -> list[Plan]:
    """The same, moment after moment as arguments."""
    return history(moments, ledger)
