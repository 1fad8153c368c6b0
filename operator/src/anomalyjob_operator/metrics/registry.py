"""All metrics of one operator, in a registry of their own: told of passes and looks, asked by whoever scrapes.

It must never disturb a pass: it does no I/O but for what the kernel tells of this process, and keeps one record a job,
which goes when the job is forgotten.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from anomalyjob_operator.metrics.deliveries import MissedCollector, Notifications, NotificationsCollector
from anomalyjob_operator.metrics.families import JOB_LABELS, families
from anomalyjob_operator.metrics.job_record import CAUSES, UNTIL, JobRecord, record_of, recovered
from anomalyjob_operator.pass_report import Key, PassReport
from anomalyjob_operator.reconcile import utc_now

RECOVERY_BUCKETS: Final = (1, 2.5, 5, 10, 15, 20, 30, 45, 60, 120, 300, 600)
RECONCILE_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150)


class _Records(Collector):
    """The records of the jobs, as Prometheus sees them at the moment of the scrape."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.by_key: dict[Key, JobRecord] = {}
        self._clock = clock

    def collect(self) -> Iterator[Metric]:  # type: ignore[explicit-override]  # typing has no override in 3.11
        """Yield the families as they are now."""
        # A copy, made in one step: a pass in another thread may bring a new job meanwhile.
        return families(dict(self.by_key), self._clock())


class _Plain(Collector):
    """A metric without its `_created` samples: one more series for each, which the text format has no meaning for."""

    def __init__(self, metric: Counter | Histogram) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:  # type: ignore[explicit-override]  # typing has no override in 3.11
        """Yield what is left."""
        for family in self._metric.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class Metrics:
    """What one operator has counted. `passed` is a PassListener. It is told in one thread, and may be asked in any."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._registry = CollectorRegistry()
        self._records = _Records(clock)
        self._registry.register(self._records)
        ProcessCollector(registry=self._registry)
        Info("anomalyjob_operator", "The operator's version.", registry=self._registry).info(
            {"version": version("anomalyjob-operator")}
        )
        self._recovery_seconds = Histogram(
            "anomalyjob_recovery_seconds",
            "From a recovery's detection until all tasks were RUNNING, and until a newer checkpoint completed (safe).",
            (*JOB_LABELS, "cause", "until"),
            buckets=RECOVERY_BUCKETS,
            registry=None,
        )
        self._reconcile_seconds = Histogram(
            "anomalyjob_reconcile_seconds",
            "How long the looks at resources took.",
            buckets=RECONCILE_BUCKETS,
            registry=None,
        )
        self._reconcile_errors = Counter(
            "anomalyjob_reconcile_errors_total",
            "Looks at the resource that failed and are made again.",
            JOB_LABELS,
            registry=None,
        )

        for metric in (self._recovery_seconds, self._reconcile_seconds, self._reconcile_errors):
            self._registry.register(_Plain(metric))

    def passed(self, report: PassReport) -> None:
        """Take over what a pass came to."""
        key = (report.job.metadata.namespace, report.job.metadata.name)
        known = self._records.by_key.get(key)
        if known is None:
            self._begin(key)
        for figure in recovered(known, report):
            self._recovery_seconds.labels(*key, figure.cause, figure.until).observe(figure.seconds)
        self._records.by_key[key] = record_of(known, report)

    def forget(self, key: Key) -> None:
        """Drop every series of a job that is gone."""
        self._records.by_key.pop(key, None)
        labels = dict(zip(JOB_LABELS, key, strict=True))
        self._recovery_seconds.remove_by_labels(labels)
        self._reconcile_errors.remove_by_labels(labels)

    def looked(self, seconds: float) -> None:
        """Count a look that came to an end, well or not: in one histogram for all jobs, as its series are many."""
        self._reconcile_seconds.observe(seconds)

    def look_failed(self, key: Key) -> None:
        """Count a look that failed."""
        self._reconcile_errors.labels(*key).inc()

    def watch_notifications(self, notifications: Notifications) -> None:
        """Show what became of notifications, too. To be called once."""
        self._registry.register(NotificationsCollector(notifications))

    def watch_missed(self, count: Callable[[], int]) -> None:
        """Show what `count` returns, too: how many reports never came here. To be called once."""
        self._registry.register(MissedCollector(count))

    def render(self) -> tuple[bytes, str]:
        """Return the exposition and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def _begin(self, key: Key) -> None:
        """Let every series of the job begin at 0: Prometheus sees no increase in a series that begins at 1."""
        self._reconcile_errors.labels(*key)
        for cause in CAUSES:
            for until in UNTIL:
                self._recovery_seconds.labels(*key, cause, until)
