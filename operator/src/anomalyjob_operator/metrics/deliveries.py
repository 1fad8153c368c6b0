"""Whether notifications arrive, as Prometheus sees it: what each target's queue has counted until a scrape.

It asks whoever delivers, and knows nothing of how that is done.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

OUTCOMES: Final = ("delivered", "failed", "dropped")


class Deliveries(Protocol):
    """What has become of the messages to one target; `failed` were given up, `dropped` found the queue full."""

    @property
    def waiting(self) -> int: ...  # noqa: D102 - the class says what they are

    @property
    def delivered(self) -> int: ...  # noqa: D102

    @property
    def failed(self) -> int: ...  # noqa: D102

    @property
    def dropped(self) -> int: ...  # noqa: D102


class DeliveriesCollector(Collector):
    """`count` returns the deliveries of every target, by its name."""

    def __init__(self, count: Callable[[], Mapping[str, Deliveries]]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:  # type: ignore[explicit-override]  # typing has no override in 3.11
        """Yield the families as they are now."""
        sent = CounterMetricFamily(
            "anomalyjob_notifications_total",
            "Notifications by target, and by what became of them: given up ones failed, those without a place dropped.",
            labels=("target", "outcome"),
        )
        waiting = GaugeMetricFamily(
            "anomalyjob_notifications_waiting", "Notifications that wait to be delivered.", labels=("target",)
        )
        for target, deliveries in self._count().items():
            waiting.add_metric((target,), deliveries.waiting)
            for outcome in OUTCOMES:
                sent.add_metric((target, outcome), getattr(deliveries, outcome))
        yield sent
        yield waiting
