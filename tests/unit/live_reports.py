"""Reports of passes for tests of what is shown live: made by the real decisions from short words for what was seen."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.unit.observations import at, resource, seen

from anomalyjob_operator.decide import decide, status_document
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.observed import Observed
from anomalyjob_operator.pass_report import PassReport

if TYPE_CHECKING:
    from anomalyjob_operator.status import Status


class Passes:
    """One job over several passes: each goes on from the ledger and the status of the one before."""

    def __init__(self, **spec: Any) -> None:
        self.job = resource(**spec)
        self.ledger = Ledger()
        self.status: Status | None = None

    def report(self, observed: Observed, now: datetime, rest_url: str | None = None) -> PassReport:
        """The report of a pass at that moment."""
        plan = decide(self.job, self.ledger, observed, now)
        self.ledger = plan.ledger
        self.status = status_document(self.job, plan, observed, now, generation=1, previous=self.status)
        return PassReport(
            job=self.job, observed=observed, status=self.status, events=plan.events, rest_url=rest_url, at=now
        )


def healthy_report(seconds: float = 20, rest_url: str | None = None) -> PassReport:
    """The report of a pass in which all is well."""
    return Passes().report(seen(), at(seconds), rest_url)
