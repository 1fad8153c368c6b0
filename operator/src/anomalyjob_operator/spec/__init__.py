"""The AnomalyJob resource: model, bounds, rules, and sentences for everything that may be wrong with one.

Pure. Whoever reads a resource calls `parse`; nobody else builds an `AnomalyJob`.
"""

from anomalyjob_operator.spec.durations import Duration
from anomalyjob_operator.spec.field_errors import FieldError
from anomalyjob_operator.spec.model import API_VERSION, KIND, AnomalyJob, Metadata, Spec
from anomalyjob_operator.spec.quantities import Quantity
from anomalyjob_operator.spec.validation import InvalidResource, parse

__all__ = [
    "API_VERSION",
    "KIND",
    "AnomalyJob",
    "Duration",
    "FieldError",
    "InvalidResource",
    "Metadata",
    "Quantity",
    "Spec",
    "parse",
]
