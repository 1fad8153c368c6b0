"""Reports of passes, as the reconciler hands them to its listener, and what an exposition says afterwards."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families
from tests.unit.decided_passes import Moment
from tests.unit.observations import at, resource

from anomalyjob_operator.decide import decide, status_document
from anomalyjob_operator.ledger import Ledger
from anomalyjob_operator.pass_report import PassReport
from anomalyjob_operator.spec import AnomalyJob

Samples = dict[str, float]


def reports(*moments: Moment, ledger: Ledger | None = None, job: AnomalyJob | None = None) -> list[PassReport]:
    """Pass after pass, each on the ledger of the one before."""
    job, ledger, previous = job or resource(), ledger or Ledger(), None
    told: list[PassReport] = []
    for seconds, observed in moments:
        plan = decide(job, ledger, observed, at(seconds))
        ledger = plan.ledger
        previous = status_document(job, plan, observed, at(seconds), generation=1, previous=previous)
        told.append(
            PassReport(job=job, observed=observed, status=previous, events=plan.events, rest_url=None, at=at(seconds))
        )
    return told


def with_status(report: PassReport, **changes: object) -> PassReport:
    """The same report, with these fields of the status changed."""
    return replace(report, status=report.status.evolve(**changes), events=())


def samples(exposition: bytes, **labels: str) -> Samples:
    """Every sample that has these labels: name, with the rest of its labels in braces, to value."""
    found: Samples = {}
    for family in text_string_to_metric_families(exposition.decode()):
        for sample in family.samples:
            if labels.items() <= sample.labels.items():
                rest = {key: value for key, value in sample.labels.items() if key not in labels}
                words = ",".join(f"{key}={value}" for key, value in sorted(rest.items()))
                found[f"{sample.name}{{{words}}}" if words else sample.name] = sample.value
    return found
