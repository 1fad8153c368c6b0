"""Looks, before anything is started, whether this machine and the job's folder can run Flink at all.

Everything that is wrong is said at once, one sentence each. It looks; it must not repair.
"""

import errno
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anomalyjob_operator.local.java import Java, NoJavaError, find_java
from anomalyjob_operator.local.state_folder import StateFolder
from anomalyjob_operator.settings import Settings

NEEDED_FREE_BYTES: Final = 200 * 1024**2
"""Enough for logs and what starts write; checkpoints need what they need."""

_TIMEOUT_SECONDS: Final = 60.0
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_PROBE: Final = (
    "import importlib.util as u, sys; sys.exit(0 if all(u.find_spec(m) for m in ('pyflink', 'anomalyjob')) else 3)"
)


class PreflightError(Exception):
    """The machine or the folder cannot run the job; `problems` are whole sentences, never none."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems: Final = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was found: the Java, and the Python that has PyFlink (absolute path)."""

    java: Java
    flink_python: str


def preflight(settings: Settings, folder: StateFolder) -> Machine:
    """Return what Flink can be started with; raise PreflightError with everything that is missing."""
    problems = [*_folder_problems(folder), *_python_problems(settings.flink_python)]
    java = None
    try:
        java = find_java(settings)
    except NoJavaError as error:
        problems.append(str(error))
    if java is None or problems:
        raise PreflightError(tuple(problems))
    return Machine(java=java, flink_python=_absolute(settings.flink_python))


def _python_problems(python: str) -> Iterator[str]:
    advice = "Let ANOMALYJOB_FLINK_PYTHON name the Python of an environment with `anomalyjob[flink]` installed."
    try:
        answer = subprocess.run([python, "-c", _PROBE], capture_output=True, timeout=_TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield f"The Python for Flink, {python}, cannot be run ({error}). {advice}"
        return
    if answer.returncode:
        yield f"PyFlink is not installed for {python}. {advice}"


def _folder_problems(folder: StateFolder) -> Iterator[str]:
    for place, what in ((folder.path, "state folder"), (folder.volume, "volume")):
        problem = _writing_problem(place, what)
        if problem is not None:
            yield problem
            return
    free = shutil.disk_usage(folder.path).free
    if free < NEEDED_FREE_BYTES:
        yield (
            f"Only {free // 1024**2} MiB are free for the state folder {folder.path}, at least "
            f"{NEEDED_FREE_BYTES // 1024**2} MiB are needed. Make space, or let ANOMALYJOB_HOME name another folder."
        )


def _writing_problem(place: Path, what: str) -> str | None:
    """Write a file, lock it twice, and see that the second lock is refused."""
    probe = place / f".probe-{os.getpid()}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        with probe.open("wb") as first, probe.open("rb") as second:
            if not _lock(first.fileno()) or _lock(second.fileno()):
                return f"File locks do not work in the {what} {place}. {_elsewhere(what)}"
    except OSError as error:
        if error.errno in _FULL and what == "volume":
            # No reason not to start: the launcher may make space, and the job heals when space returns.
            return None
        return f"The {what} {place} cannot be written: {error.strerror}. {_elsewhere(what)}"
    finally:
        _quietly(lambda: probe.unlink(missing_ok=True))
    return None


def _elsewhere(what: str) -> str:
    if what == "volume":
        return "Mount it for writing, on a file system with working locks; nothing was started."
    return "Let ANOMALYJOB_HOME name a folder on a local disk; nothing was started."


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _quietly(action: Callable[[], None]) -> None:
    try:
        action()
    except OSError:
        return


def _absolute(program: str) -> str:
    # Not resolved: the path through a virtual environment's link is what makes it that environment.
    return str(Path(shutil.which(program) or program).absolute())
