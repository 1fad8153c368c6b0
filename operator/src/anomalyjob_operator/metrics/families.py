"""From the records of all jobs to Prometheus' families of series: every name, label and sentence stands here.

It computes nothing of a job and keeps nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from anomalyjob_operator.metrics.job_record import JobRecord
from anomalyjob_operator.pass_report import Key
from anomalyjob_operator.status import Phase

Records = Mapping[Key, JobRecord]
Value = Callable[[JobRecord], float | None]

JOB_LABELS: Final = ("namespace", "name")
GAUGES: Final[dict[str, tuple[str, Value]]] = {
    "anomalyjob_ready": ("1 when the condition Ready is True.", lambda record: record.ready),
    "anomalyjob_last_checkpoint_timestamp_seconds": (
        "When the newest completed checkpoint completed; missing while there is none.",
        lambda record: record.checkpoint_completed_seconds,
    ),
    "anomalyjob_checkpoint_age_limit_seconds": (
        "How old the newest completed checkpoint may be before the job stops being Ready.",
        lambda record: record.checkpoint_age_limit_seconds,
    ),
    "anomalyjob_volume_free_ratio": (
        "The free part of the volume, 0 to 1; missing while it is not seen.",
        lambda record: record.volume_free_ratio,
    ),
    "anomalyjob_task_managers_ready": (
        "TaskManagers that live and are registered.",
        lambda record: record.status.cluster.task_managers_ready,
    ),
    "anomalyjob_task_managers_desired": (
        "TaskManagers that there shall be.",
        lambda record: record.status.cluster.task_managers_desired,
    ),
}
COUNTERS: Final[dict[str, tuple[str, Value]]] = {
    "anomalyjob_checkpoints_completed_total": (
        "Checkpoints that completed, over all starts of the job.",
        lambda record: record.completed.total,
    ),
    "anomalyjob_checkpoints_failed_total": (
        "Checkpoints that failed while all tasks ran, over all starts of the job.",
        lambda record: record.failed.total,
    ),
    "anomalyjob_restarts_total": (
        "Restarts of the job by the operator, because it had ended.",
        lambda record: record.restarts.total,
    ),
}
PHASES: Final[tuple[Phase, ...]] = tuple(phase for phase in get_args(Phase) if phase != "Deleting")
"""No pass is made over a job that is being deleted, so none ever tells of that phase."""


def families(records: Records, now: datetime) -> Iterator[Metric]:
    """Yield every family that is read off the records."""
    yield _phases(records)
    yield from _gauges(records, now)
    yield from _counters(records)
    yield _recoveries(records)


def _phases(records: Records) -> Metric:
    family = GaugeMetricFamily(
        "anomalyjob_phase", "1 for the phase that the job is in, 0 for the others.", labels=(*JOB_LABELS, "phase")
    )
    for key, record in records.items():
        for phase in PHASES:
            family.add_metric((*key, phase), float(record.status.phase == phase))
    return family


def _gauges(records: Records, now: datetime) -> Iterator[Metric]:
    for name, (sentence, value) in GAUGES.items():
        yield _filled(GaugeMetricFamily(name, sentence, labels=JOB_LABELS), records, value)
    age = GaugeMetricFamily(
        "anomalyjob_checkpoint_age_seconds",
        "How long there was no newer checkpoint: the age of the newest, or the time since the job came up if that is "
        "shorter. Missing while no checkpoint is due.",
        labels=JOB_LABELS,
    )
    yield _filled(age, records, lambda record: record.checkpoint_age_seconds(now))


def _counters(records: Records) -> Iterator[Metric]:
    for name, (sentence, value) in COUNTERS.items():
        yield _filled(CounterMetricFamily(name, sentence, labels=JOB_LABELS), records, value)


def _recoveries(records: Records) -> Metric:
    family = CounterMetricFamily(
        "anomalyjob_recoveries_total",
        "Recoveries that ended with all tasks RUNNING, by what was lost; since this operator started.",
        labels=(*JOB_LABELS, "cause"),
    )
    for key, record in records.items():
        for cause, count in record.recoveries.items():
            family.add_metric((*key, cause), count)
    return family


def _filled(family: GaugeMetricFamily | CounterMetricFamily, records: Records, value: Value) -> Metric:
    for key, record in records.items():
        number = value(record)
        if number is not None:
            family.add_metric(key, float(number))
    return family
