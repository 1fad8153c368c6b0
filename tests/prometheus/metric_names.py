"""Which metrics there are, and which an expression asks for."""

import re
from pathlib import Path

from tests.unit.notify_moments import NotificationCounts
from tests.unit.observations import checkpoints, completed, seen
from tests.unit.reported_passes import reports, samples

from anomalyjob_operator.metrics.registry import Metrics
from anomalyjob_operator.notify.out_queue import QueueCounts

FLINK_NAMES = Path(__file__).parent / "flink_metric_names.txt"
"""The names that the expressions use, each of which test_flink_reporter.py asks a real Flink for."""


def operators() -> frozenset[str]:
    """The names of everything that the operator tells of one running job."""
    metrics = Metrics()
    (report,) = reports((32, seen(checkpoints(completed(1, 30)))))
    metrics.passed(report)
    metrics.watch_notifications(NotificationCounts({"pager": QueueCounts()}))
    metrics.watch_missed(lambda: 0)
    metrics.looked(1.0)
    return frozenset(re.sub(r"\{.*", "", name, flags=re.DOTALL) for name in samples(metrics.render()[0]))


def flinks() -> frozenset[str]:
    """The names of Flink's that may be asked for."""
    return frozenset(FLINK_NAMES.read_text(encoding="utf-8").split())


def asked_for(expression: str) -> frozenset[str]:
    """The names of the metrics in an expression: ours, Flink's and those of any process."""
    return frozenset(re.findall(r"\b(?:anomalyjob|flink|process)_\w+", expression))
