"""What the job tells of itself by Flink's REST API: how it began, and how full its volume is.

Pure: paths and translations. Shapes: flink.apache.org, REST API v1 of Flink 2.3. None of it is needed to know whether
the job runs, so whoever asks must get along without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from anomalyjob.start_summary import START_PARAMETER, StartSummary
from anomalyjob_operator.observed import StartObservation

Json = Mapping[str, Any]

SINK_VERTEX_ID: Final = "2e588ce1c86a9d46e2e85186773ce4fd"
"""The vertex `sink`: Flink makes its id of the uid alone, so it is the same in every job."""

VOLUME_USED_METRIC: Final = "sink.volumeUsedPermille"
"""See anomalyjob.volume_usage."""


def start_path(job_id: str) -> str:
    """Return where the settings of the job stand."""
    return f"/jobs/{job_id}/config"


def start_observation(config: Json) -> StartObservation:
    """Translate them. Raises KeyError, TypeError or ValueError, also for a job that does not say how it began."""
    text = config["execution-config"]["user-config"][START_PARAMETER]
    return StartObservation(**asdict(StartSummary.parse(text)))


def free_ratio_path(job_id: str) -> str:
    """Return where the tasks tell what is used of the volume; Flink collects that at most every 10 s."""
    return f"/jobs/{job_id}/vertices/{SINK_VERTEX_ID}/subtasks/metrics?get={VOLUME_USED_METRIC}"


def free_ratio(metrics: Sequence[Json]) -> float | None:
    """Translate that, None while no task has looked. Raises KeyError, TypeError, ValueError or IndexError."""
    used = metrics[0]["max"]
    if not isinstance(used, int | float) or not 0 <= used <= 1000:
        raise ValueError(f"not a part of a thousand: {used!r}")
    return 1 - used / 1000 if used else None
