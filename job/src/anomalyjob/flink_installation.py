"""Finds Flink, Java and the Python path on this machine, without importing PyFlink (that costs seconds)."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import anomalyjob
from anomalyjob.java_command import FlinkInstallation, order_jars
from anomalyjob.refusal import Reason, RefusedError


def find_installation(environment: Mapping[str, str]) -> FlinkInstallation:
    """Return what is installed; raise RefusedError naming what is missing.

    FLINK_HOME comes from the environment, else it is the folder of the pyflink package, whose wheel is a whole Flink
    distribution. Java comes from JAVA_HOME, else from PATH.
    """
    package = _pyflink_folder()
    home = Path(environment.get("FLINK_HOME") or package)
    own = Path(anomalyjob.__file__).resolve().parent.parent
    others = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    return FlinkInstallation(
        java=_java(environment),
        python=sys.executable,
        home=str(home),
        jars=_jars(home),
        python_path=tuple(dict.fromkeys([str(package.parent), str(own), *others])),
    )


def _pyflink_folder() -> Path:
    spec = importlib.util.find_spec("pyflink")
    if spec is None or not spec.submodule_search_locations:
        message = f"PyFlink is not installed for {sys.executable}. Install anomalyjob with its extra `flink`."
        raise RefusedError(Reason.FLINK_MISSING, message)
    return Path(spec.submodule_search_locations[0]).resolve()


def _jars(home: Path) -> tuple[str, ...]:
    library = sorted(home.glob("lib/*.jar"))
    python = sorted(home.glob("opt/flink-python-*.jar"))
    if not any(jar.name.startswith("flink-dist") for jar in library) or not python:
        message = (
            f"{home} is not a whole Flink: lib/flink-dist-*.jar and opt/flink-python-*.jar are needed. "
            "Install apache-flink again, or let FLINK_HOME name a Flink distribution with PyFlink."
        )
        raise RefusedError(Reason.FLINK_MISSING, message)
    return order_jars([str(jar) for jar in (*library, *python)])


def _java(environment: Mapping[str, str]) -> str:
    home = environment.get("JAVA_HOME")
    if home and os.access(f"{home}/bin/java", os.X_OK):
        return f"{home}/bin/java"
    found = shutil.which("java", path=environment.get("PATH"))
    if found is None:
        message = "There is no Java: neither JAVA_HOME nor PATH leads to one. Install Java 17 or 21."
        raise RefusedError(Reason.JAVA_MISSING, message)
    return found
