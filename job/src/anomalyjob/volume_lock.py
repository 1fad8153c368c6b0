"""The lock that makes the JobManager the one writer of its job folder.

It is an exclusive `flock` whose descriptor is inherited through `exec`, so the kernel frees it exactly when the JVM
that the launcher turned into ends, however it ends. It must never be taken by waiting without a bound, and never be
given up by this process: only its death may do that.
"""

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from anomalyjob.refusal import Reason, RefusedError
from anomalyjob.timestamps import format_time

POLL_SECONDS: Final = 0.1
_HOLDER_BYTES: Final = 512
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_HELD_ELSEWHERE: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES})


def take_lock(lock_file: Path, *, timeout_seconds: float, now: datetime, log: Callable[[str], None]) -> int:
    """Take the lock and return its descriptor, which stays open in whatever program this process becomes.

    Raise RefusedError naming the holder after `timeout_seconds`, or when locks do not work on this volume.
    """
    deadline = time.monotonic() + timeout_seconds
    waiting = False
    while (descriptor := _try_lock(lock_file)) is None:
        if time.monotonic() >= deadline:
            raise RefusedError(Reason.VOLUME_LOCKED, _locked_message(lock_file, timeout_seconds))
        if not waiting:
            log(f"waiting at most {timeout_seconds:g} s for the lock {lock_file}, held by {_holder(lock_file)}")
            waiting = True
        time.sleep(POLL_SECONDS)  # noqa: TID251 - flock has no wait with a bound, and an alarm would hit the whole process
    _write_holder(descriptor, now)
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - the standard library takes it by position only
    return descriptor


def _try_lock(lock_file: Path) -> int | None:
    """Return the descriptor of the lock now held, None when another process holds it."""
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if _flock(descriptor, lock_file) and _is_still(descriptor, lock_file):
            _refuse_without_working_locks(lock_file)
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _flock(descriptor: int, lock_file: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_ELSEWHERE:
            return False
        if error.errno in _NO_LOCKS:
            raise RefusedError(
                Reason.NO_WORKING_LOCKS, _no_locks_message(lock_file, error.strerror or str(error))
            ) from None
        raise
    return True


def _is_still(descriptor: int, lock_file: Path) -> bool:
    """Tell whether the locked file is the one under that name: somebody may have removed it in between."""
    try:
        there = lock_file.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _refuse_without_working_locks(lock_file: Path) -> None:
    """Try the lock a second time: some volumes accept every lock and keep none."""
    second = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC)
    try:
        if _flock(second, lock_file):
            message = _no_locks_message(lock_file, "it was given twice at the same time")
            raise RefusedError(Reason.NO_WORKING_LOCKS, message)
    finally:
        os.close(second)


def _write_holder(descriptor: int, now: datetime) -> None:
    """Say who holds the lock, padded to one size: rewriting it then needs no new space on a full volume."""
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": format_time(now)}
    try:
        os.pwrite(descriptor, json.dumps(holder).ljust(_HOLDER_BYTES - 1).encode() + b"\n", 0)
    except OSError as error:
        # The lock holds without it, and the pruning that follows may be what makes space again.
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise


def _holder(lock_file: Path) -> str:
    try:
        holder = json.loads(lock_file.read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that left no name"


def _locked_message(lock_file: Path, timeout_seconds: float) -> str:
    return (
        f"Another JobManager holds the lock {lock_file}: {_holder(lock_file)}. Waited {timeout_seconds:g} s for it. "
        "Nothing was written. End that process, or wait until it has ended; then start again."
    )


def _no_locks_message(lock_file: Path, why: str) -> str:
    return (
        f"File locks do not work on this volume ({lock_file}: {why}). Without them two JobManagers could write at the "
        "same time, so none is started. Use a volume whose file system supports flock."
    )
