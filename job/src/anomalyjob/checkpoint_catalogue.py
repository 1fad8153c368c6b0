"""Lists the checkpoints of one incarnation on the volume and checks whether their files are all there.

It only reads. A file that cannot be read for another reason than being absent raises OSError: a stumbling disk is no
evidence of damage, and a start that steps back because of one would compute again what is safe on it.
"""

import errno
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from anomalyjob.checkpoint_choice import Candidate, Condition, rank
from anomalyjob.checkpoint_metadata import (
    HEADER_BYTES,
    MetadataError,
    StateFile,
    UnknownMetadataError,
    parse,
    read_header,
)
from anomalyjob.volume_layout import METADATA_NAME, JobFolder, is_checkpoint_name, is_savepoint_name, start_number

BUDGET_SECONDS: Final = 1.0
_METADATA_AT_MOST_BYTES: Final = 256 * 1024 * 1024
_NO_METADATA: Final = f"has no {METADATA_NAME}: it never completed, or the file was removed"


def list_candidates(folder: JobFolder, incarnation: int) -> list[Candidate]:
    """Return all checkpoints and stop savepoints of the incarnation in no order; only their headers have been read."""
    found = [_look(path, start) for path, start in _checkpoint_folders(folder, incarnation)]
    return found + [_look(path, None) for path in _savepoint_folders(folder.stop_savepoints(incarnation))]


def look_at(address: str) -> Candidate:
    """Return what lies at a path that the user named: a folder, its _metadata, or the `file:` address of either."""
    path = Path(local_path(address) or address)
    found = _look(path.parent if path.name == METADATA_NAME else path, None)
    return verify(found, deadline=time.monotonic() + BUDGET_SECONDS) if found.usable else found


def start_folders(folder: JobFolder) -> dict[int, Path]:
    """Return all start folders by number."""
    numbered = ((start_number(path.name), path) for path in _subfolders(folder.checkpoints))
    return {number: path for number, path in numbered if number is not None}


def triggered_since(folder: JobFolder, candidates: Sequence[Candidate], chosen: Candidate) -> int:
    """Return a file time in nanoseconds that lies before the chosen one was triggered, as late as can be told.

    What a sink wrote after the chosen one's barrier was written after that time; the time of its own metadata would be
    too late, since Flink writes that when the last task has answered, up to a checkpoint timeout after the barrier. One
    checkpoint is triggered only after the one before it is complete, the first of a start after the start's record.
    0 when nothing is known. Times later than the chosen one's own are those of files that were put back.
    """
    before = [Path(candidate.path) / METADATA_NAME for candidate in candidates if _precedes(candidate, chosen)]
    if chosen.start is not None:
        before.append(folder.start_record(chosen.start))
    completed = (Path(chosen.path) / METADATA_NAME).stat().st_mtime_ns
    times = (file.stat().st_mtime_ns for file in before if file.exists())
    return max((time for time in times if time <= completed), default=0)


def _precedes(candidate: Candidate, chosen: Candidate) -> bool:
    is_in_line = candidate.condition not in {Condition.ABANDONED, Condition.UNFINISHED}
    return is_in_line and candidate.checkpoint_id is not None and candidate.checkpoint_id < (chosen.checkpoint_id or 0)


def verify_newest(
    candidates: Sequence[Candidate],
    *,
    budget_seconds: float = BUDGET_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> list[Candidate]:
    """Return the candidates, checked from the newest id down to the first one that can be used."""
    deadline = clock() + budget_seconds
    checked = sorted(candidates, key=rank, reverse=True)
    for position, candidate in enumerate(checked):
        if candidate.usable:
            checked[position] = verify(candidate, deadline=deadline, clock=clock)
            if checked[position].usable:
                break
    return checked


def verify(
    candidate: Candidate,
    *,
    deadline: float,
    clock: Callable[[], float] = time.monotonic,
    moved: Callable[[Path], Path] = lambda path: path,
) -> Candidate:
    """Return the candidate with what a check of its metadata and of every state file in it says.

    `moved` tells where an absolute path lies now, in a copy of a volume; Flink itself takes the paths as they are.
    """
    folder = Path(candidate.path)
    file = folder / METADATA_NAME
    if file.stat().st_size > _METADATA_AT_MOST_BYTES:
        return _with(candidate, Condition.UNCONFIRMED, "its metadata is too large to check")
    try:
        metadata = parse(file.read_bytes())
    except UnknownMetadataError as error:
        return _with(candidate, Condition.UNCONFIRMED, f"not all of it could be checked: {error}")
    except MetadataError as error:
        return _with(candidate, Condition.BROKEN, f"its {METADATA_NAME} is damaged: {error}")
    paths = [(_path(folder, file, moved), file.size_bytes) for file in metadata.files]
    return _check_files(candidate, paths, lambda: clock() > deadline)


def _path(folder: Path, file: StateFile, moved: Callable[[Path], Path]) -> Path | None:
    """Return where a state file lies, None when that is outside the local file system."""
    if file.relative:
        return folder / file.path
    path = local_path(file.path)
    return None if path is None else moved(Path(path))


def _check_files(
    candidate: Candidate, files: Sequence[tuple[Path | None, int]], is_over: Callable[[], bool]
) -> Candidate:
    unknown = 0
    for position, (path, size_bytes) in enumerate(files):
        if is_over():
            note = f"the time for the check ran out after {position} of {len(files)} state files"
            return _with(candidate, Condition.UNCONFIRMED, note)
        if path is None:
            unknown += 1
        elif (damage := _damage(path, size_bytes)) is not None:
            return _with(candidate, Condition.BROKEN, damage)
    if unknown:
        return _with(candidate, Condition.UNCONFIRMED, f"{unknown} of its files lie outside the local file system")
    return _with(candidate, Condition.VERIFIED, "")


def _damage(path: Path, size_bytes: int) -> str | None:
    try:
        actual = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return f"its state file {path} is missing"
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return f"its {METADATA_NAME} is damaged: it names a file whose name is too long"
        raise
    except ValueError:
        return f"its {METADATA_NAME} is damaged: it names the file {str(path)!r}, which cannot be"
    return f"its state file {path} has {actual} of {size_bytes} bytes" if actual < size_bytes else None


def local_path(address: str) -> str | None:
    """Return the path of a `file:` address as Flink writes it (nothing is percent-encoded), None for other schemes."""
    if address.startswith("/"):
        return address
    scheme, colon, rest = address.partition(":")
    if not colon or scheme != "file":
        return None
    return "/" + rest.lstrip("/")


def _look(path: Path, start: int | None) -> Candidate:
    """Return the candidate as far as the header tells."""
    unread = Candidate(path=str(path), checkpoint_id=None, start=start, condition=Condition.BROKEN)
    try:
        with (path / METADATA_NAME).open("rb") as stream:
            identifier = read_header(stream.read(HEADER_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return _with(unread, Condition.UNFINISHED, _NO_METADATA)
    except IsADirectoryError:
        return _with(unread, Condition.BROKEN, f"its {METADATA_NAME} is a folder")
    except MetadataError as error:
        return _with(unread, Condition.BROKEN, f"its {METADATA_NAME} is damaged: {error}")
    return Candidate(path=str(path), checkpoint_id=identifier, start=start, condition=Condition.UNCHECKED)


def _with(candidate: Candidate, condition: Condition, note: str) -> Candidate:
    return replace(candidate, condition=condition, note=note)


def _checkpoint_folders(folder: JobFolder, incarnation: int) -> Iterator[tuple[Path, int]]:
    for start, path in start_folders(folder).items():
        for checkpoint in _subfolders(path / folder.job_id(incarnation)):
            if is_checkpoint_name(checkpoint.name):
                yield checkpoint, start


def _savepoint_folders(folder: Path) -> Iterator[Path]:
    return (path for path in _subfolders(folder) if is_savepoint_name(path.name))


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []
