"""One supervisor per job: an exclusive lock that ends with its process, however it ends.

Who holds it stands in supervisor.json, for messages only: the lock alone decides.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from anomalyjob.timestamps import format_time
from anomalyjob_operator.local.json_file import DamagedFileError, read_json, write_json
from anomalyjob_operator.local.process_identity import ProcessIdentity, identify
from anomalyjob_operator.local.state_folder import StateFolder


class AlreadySupervisedError(Exception):
    """Another process supervises this job, or is just ending it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorRecord:
    """Who supervises, or did last; `started_at` is RFC 3339 text."""

    identity: ProcessIdentity
    started_at: str
    rest_url: str


@contextmanager
def supervisor_lock(folder: StateFolder) -> Iterator[None]:
    """Hold the job's lock; raise AlreadySupervisedError naming the holder, or OSError when the disk refuses."""
    folder.path.mkdir(parents=True, exist_ok=True)
    descriptor = _take(folder.lock_file)
    if descriptor is None:
        raise AlreadySupervisedError(_refusal(folder))
    try:
        yield
    finally:
        os.close(descriptor)


def is_supervised(folder: StateFolder) -> bool:
    """Tell whether a living process holds the job's lock."""
    if not folder.lock_file.exists():
        return False
    descriptor = _take(folder.lock_file)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def write_supervisor_record(folder: StateFolder, now: datetime, rest_url: str) -> None:
    """Record this process as the supervisor."""
    identity = identify(os.getpid())
    if identity is not None:
        document = {**identity.document(), "startedAt": format_time(now), "restUrl": rest_url}
        write_json(folder.supervisor_file, document)


def read_supervisor_record(folder: StateFolder) -> SupervisorRecord | None:
    """Return who supervises, or did last; None when that is not known."""
    try:
        document = read_json(folder.supervisor_file)
        if document is None:
            return None
        return SupervisorRecord(
            identity=ProcessIdentity.parse(document),
            started_at=str(document["startedAt"]),
            rest_url=str(document["restUrl"]),
        )
    except (DamagedFileError, KeyError, TypeError, ValueError):
        return None


def _take(lock_file: Path) -> int | None:
    """Return the descriptor of the lock now held, None when another process holds it.

    The file may be deleted and made anew between opening and locking: then the lock held is on nobody's file.
    """
    for _attempt in range(5):
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), lock_file.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        os.close(descriptor)
    return None


def _refusal(folder: StateFolder) -> str:
    record = read_supervisor_record(folder)
    who = "another process" if record is None else f"process {record.identity.pid} (since {record.started_at})"
    return (
        f"job {folder.key} is already run by {who}. Nothing was started. Save the file that it was started with "
        f"to apply a change, or stop it first: anomalyjob down {folder.name} --namespace {folder.namespace}"
    )
