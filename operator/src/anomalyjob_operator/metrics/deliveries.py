"""Whether what happens is told, as Prometheus sees it: what each queue has counted until a scrape, and what was missed.

It asks whoever delivers, and knows nothing of how that is done.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

OUTCOMES: Final = ("delivered", "failed", "dropped")


class Deliveries(Protocol):
    """What has become of the messages in one queue; `failed` were given up, `dropped` found the queue full."""

    @property
    def waiting(self) -> int: ...  # noqa: D102 - the class says what they are

    @property
    def delivered(self) -> int: ...  # noqa: D102

    @property
    def failed(self) -> int: ...  # noqa: D102

    @property
    def dropped(self) -> int: ...  # noqa: D102


class Notifications(Protocol):
    """What has become of everything that was to be told."""

    def target_counts(self) -> Mapping[str, Deliveries]:
        """Return the deliveries to every target, by its name."""

    def event_counts(self) -> Deliveries:
        """Return the deliveries of events to the back end."""

    @property
    def unknown_targets(self) -> int:
        """How many jobs name a target that there is not."""


class NotificationsCollector(Collector):
    """Tells what `notifications` have counted."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    def collect(self) -> Iterator[Metric]:  # type: ignore[explicit-override]  # typing has no override in 3.11
        """Yield the families as they are now."""
        yield from _of_targets(self._notifications.target_counts())
        yield from _of_events(self._notifications.event_counts())
        yield GaugeMetricFamily(
            "anomalyjob_notification_targets_unknown",
            "Jobs that name a target that is not configured: nothing is sent for them.",
            value=self._notifications.unknown_targets,
        )


class MissedCollector(Collector):
    """`count` returns how many reports were not told, because what looks on did not keep up."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:  # type: ignore[explicit-override]  # typing has no override in 3.11
        """Yield the family as it is now."""
        yield CounterMetricFamily(
            "anomalyjob_reports_missed_total",
            "Reports of passes and looks that dashboard, metrics and notifications missed, as they did not keep up.",
            value=self._count(),
        )


def _of_targets(counts: Mapping[str, Deliveries]) -> Iterator[Metric]:
    sent = CounterMetricFamily(
        "anomalyjob_notifications_total",
        "Notifications by target, and by what became of them: given up ones failed, those without a place dropped.",
        labels=("target", "outcome"),
    )
    waiting = GaugeMetricFamily(
        "anomalyjob_notifications_waiting", "Notifications that wait to be delivered.", labels=("target",)
    )
    for target, deliveries in counts.items():
        waiting.add_metric((target,), deliveries.waiting)
        for outcome in OUTCOMES:
            sent.add_metric((target, outcome), getattr(deliveries, outcome))
    yield sent
    yield waiting


def _of_events(deliveries: Deliveries) -> Iterator[Metric]:
    sent = CounterMetricFamily(
        "anomalyjob_notification_events_total",
        "Alerts and errors of notifications told as events of jobs, by what became of them.",
        labels=("outcome",),
    )
    for outcome in OUTCOMES:
        sent.add_metric((outcome,), getattr(deliveries, outcome))
    yield sent
    yield GaugeMetricFamily(
        "anomalyjob_notification_events_waiting", "Such events that wait to be told.", value=deliveries.waiting
    )
