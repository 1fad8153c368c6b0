"""What the environment tells the operator's process.

| variable                      | default      | meaning                                                         |
| ----------------------------- | ------------ | --------------------------------------------------------------- |
| ANOMALYJOB_JOB_IMAGE          | (required)   | the image of Flink's pods where a resource names none           |
| ANOMALYJOB_IMAGE_PULL_POLICY  | IfNotPresent | their imagePullPolicy                                           |
| ANOMALYJOB_OPERATOR_NAMESPACE | (required)   | where this process runs: who may ask Flink's REST endpoint      |
| ANOMALYJOB_WATCH_NAMESPACES   | all          | namespaces, with commas between them                            |
| ANOMALYJOB_LIVENESS_PORT      | 8080         | where /healthz answers                                          |
| ANOMALYJOB_METRICS_NAMESPACES | none         | namespaces whose pods may scrape Flink's, with commas           |

It only reads variables; whether what they name is there is seen when it is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")


class SettingsError(Exception):
    """A variable is missing or wrong; the message names it and says what to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """The settings. No watched namespaces means all of them."""

    job_image: str
    image_pull_policy: str
    operator_namespace: str
    watched_namespaces: tuple[str, ...]
    liveness_port: int
    metrics_namespaces: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "ClusterSettings":
        """Read the settings of an environment; a variable that is set to nothing counts as not set.

        Raise SettingsError.
        """
        return cls(
            job_image=_required(environment, "ANOMALYJOB_JOB_IMAGE", "the image of Flink's pods"),
            image_pull_policy=_pull_policy(environment.get("ANOMALYJOB_IMAGE_PULL_POLICY") or "IfNotPresent"),
            operator_namespace=_required(environment, "ANOMALYJOB_OPERATOR_NAMESPACE", "this process's namespace"),
            watched_namespaces=_names(environment.get("ANOMALYJOB_WATCH_NAMESPACES") or ""),
            liveness_port=_port(environment.get("ANOMALYJOB_LIVENESS_PORT") or "8080"),
            metrics_namespaces=_names(environment.get("ANOMALYJOB_METRICS_NAMESPACES") or ""),
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


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise SettingsError(f"ANOMALYJOB_LIVENESS_PORT must be a port from 1 to 65535, found {text}")
    return int(text)
