"""Finds the Java that runs Flink on this machine: $JAVA_HOME first, then PATH; 17 or 21.

Whoever looks gets either a Java that fits or one sentence with the Debian package to install.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anomalyjob_operator.settings import Settings

SUPPORTED: Final = (17, 21)
"""The long-term releases that Flink 2.3 supports."""

_TIMEOUT_SECONDS: Final = 30.0
_PACKAGE: Final = "openjdk-17-jre-headless"
_ADVICE: Final = f"Install one (Debian, Ubuntu: apt-get install {_PACKAGE}), or let JAVA_HOME name one."


class NoJavaError(Exception):
    """There is no Java that can run Flink; the message says what was found and what to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A Java that fits: `home` is what JAVA_HOME must be for it, `version` its feature release."""

    home: str
    version: int


def find_java(settings: Settings) -> Java:
    """Return the first Java that fits; raise NoJavaError when there is none."""
    programs = _programs(settings)
    found: list[str] = []
    for program in programs:
        version = _version(program)
        if version in SUPPORTED:
            return Java(home=str(Path(program).resolve().parent.parent), version=version)
        found.append(f"{program} {'does not run as a Java' if version is None else f'is Java {version}'}")
    what = "; ".join(found) if found else "neither JAVA_HOME nor PATH leads to a Java"
    raise NoJavaError(f"Flink needs Java 17 or 21: {what}. {_ADVICE}")


def java_version(text: str) -> int | None:
    """Return the feature release in what `java -version` prints; the old ones call themselves 1.8."""
    match = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if match is None:
        return None
    first, second = match.groups()
    return int(second) if first == "1" and second else int(first)


def _programs(settings: Settings) -> tuple[str, ...]:
    named = None if settings.java_home is None else str(Path(settings.java_home) / "bin" / "java")
    found = (named, shutil.which("java", path=settings.path))
    return tuple(dict.fromkeys(program for program in found if program))


def _version(program: str) -> int | None:
    try:
        answer = subprocess.run(
            [program, "-version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return java_version(answer.stderr + answer.stdout)
