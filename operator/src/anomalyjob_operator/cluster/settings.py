"""What the environment tells the operator's process.

| variable                        | default      | meaning                                                        |
| ------------------------------- | ------------ | -------------------------------------------------------------- |
| ANOMALYJOB_JOB_IMAGE            | (required)   | the image of Flink's pods where a resource names none          |
| ANOMALYJOB_IMAGE_PULL_POLICY    | IfNotPresent | their imagePullPolicy                                          |
| ANOMALYJOB_OPERATOR_NAMESPACE   | (required)   | where this process runs: who may ask Flink's REST endpoint     |
| ANOMALYJOB_WATCH_NAMESPACES     | all          | namespaces, with commas between them                           |
| ANOMALYJOB_LIVENESS_PORT        | 8080         | where /healthz answers                                         |
| ANOMALYJOB_DASHBOARD_PORT       | 8090         | where the dashboard answers; 0: nowhere                        |
| ANOMALYJOB_DASHBOARD_HOSTS      | none         | host names of the dashboard besides localhost, with commas     |
| ANOMALYJOB_DASHBOARD_TOKEN_FILE | none         | the file with the token for reading the dashboard              |
| ANOMALYJOB_METRICS_PORT         | 8091         | where /metrics answers; 0: nowhere                             |
| ANOMALYJOB_METRICS_NAMESPACES   | none         | namespaces whose pods may scrape Flink's, with commas          |
| ANOMALYJOB_NOTIFICATION_TARGETS | none         | the JSON file with the targets of notifications                |

It only reads variables; whether what they name is there is seen when it is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")


class SettingsError(Exception):
    """A variable is missing or wrong; the message names it and says what to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """The settings. No watched namespaces means all of them; port 0 means that nothing is served there."""

    job_image: str
    image_pull_policy: str
    operator_namespace: str
    watched_namespaces: tuple[str, ...]
    liveness_port: int
    metrics_namespaces: tuple[str, ...] = ()
    dashboard_port: int = 8090
    dashboard_hosts: tuple[str, ...] = ()
    dashboard_token_file: str | None = None
    metrics_port: int = 8091
    notification_targets: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "ClusterSettings":
        """Read the settings of an environment; a variable that is set to nothing counts as not set.

        Raise SettingsError.
        """
        liveness, dashboard, metrics = _ports(environment)
        return cls(
            job_image=_required(environment, "ANOMALYJOB_JOB_IMAGE", "the image of Flink's pods"),
            image_pull_policy=_pull_policy(environment.get("ANOMALYJOB_IMAGE_PULL_POLICY") or "IfNotPresent"),
            operator_namespace=_required(environment, "ANOMALYJOB_OPERATOR_NAMESPACE", "this process's namespace"),
            watched_namespaces=_names(environment.get("ANOMALYJOB_WATCH_NAMESPACES") or ""),
            liveness_port=liveness,
            metrics_namespaces=_names(environment.get("ANOMALYJOB_METRICS_NAMESPACES") or ""),
            dashboard_port=dashboard,
            dashboard_hosts=_names(environment.get("ANOMALYJOB_DASHBOARD_HOSTS") or ""),
            dashboard_token_file=environment.get("ANOMALYJOB_DASHBOARD_TOKEN_FILE") or None,
            metrics_port=metrics,
            notification_targets=environment.get("ANOMALYJOB_NOTIFICATION_TARGETS") or None,
        )


def _required(environment: Mapping[str, str], name: str, what: str) -> str:
    value = environment.get(name)
    if not value:
        raise SettingsError(f"{name} is not set: it must name {what}")
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _pull_policy(text: str) -> str:
    if text not in PULL_POLICIES:
        raise SettingsError(f"ANOMALYJOB_IMAGE_PULL_POLICY must be one of {', '.join(PULL_POLICIES)}, found {text}")
    return text


def _ports(environment: Mapping[str, str]) -> tuple[int, int, int]:
    """Return the ports for liveness, dashboard and metrics: no two alike, but for those that are 0."""
    ports = {
        name: _port(environment, name, default, least)
        for name, default, least in (
            ("ANOMALYJOB_LIVENESS_PORT", 8080, 1),
            ("ANOMALYJOB_DASHBOARD_PORT", 8090, 0),
            ("ANOMALYJOB_METRICS_PORT", 8091, 0),
        )
    }
    for (one, port), (other, others) in combinations(ports.items(), 2):
        if port and port == others:
            raise SettingsError(f"{one} and {other} are both {port}: give each a port of its own")
    liveness, dashboard, metrics = ports.values()
    return liveness, dashboard, metrics


def _port(environment: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= 65_535:
        raise SettingsError(f"{name} must be a port from {least} to 65535, found {text}")
    return int(text)
