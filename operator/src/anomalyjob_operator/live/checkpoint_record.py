"""The server's own record of checkpoints: it outlives the JobManager, whose history is short and ends with it.

It computes only. A checkpoint is named by its JobManager's start and its id: ids go on over starts, but one that a lost
JobManager was just taking comes twice. Bounded: MAXIMUM_ENTRIES; the counters go on. Trap: Flink tells its latest
restore, failure and savepoint with every answer, however old: nothing as old as what was forgotten is counted.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from anomalyjob_operator.live.checkpoint_answers import CheckpointAnswer, Entry

MAXIMUM_ENTRIES: Final = 200

_EntryKey = tuple[datetime, str, int | datetime]
_Age = tuple[datetime, bool, int]


class CheckpointRecord:
    """What this process has seen of one job's checkpoints; `version` rises with every change."""

    def __init__(self) -> None:
        self.version = 0
        self.completed = 0
        self.failed = 0
        self.restored = 0
        self._entries: dict[_EntryKey, Entry] = {}
        self._forgotten_until: _Age | None = None
        self._restore: Entry | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The newest first."""
        return tuple(sorted(self._entries.values(), key=_age, reverse=True))

    @property
    def newest_completed(self) -> Entry | None:
        """The newest that completed, of any start."""
        return next((entry for entry in self.entries if entry.state == "COMPLETED"), None)

    def restored_by(self, start: datetime | None) -> Entry | None:
        """Return the last restore of the job that began then, if it is the newest of all."""
        return self._restore if self._restore is not None and self._restore.start == start else None

    def note(self, answer: CheckpointAnswer) -> None:
        """Take over what Flink tells now."""
        self._drop_unknown_ends(answer)
        self.add(answer.entries)

    def add(self, entries: Iterable[Entry]) -> None:
        """Take over these entries: new ones, and what became of known ones."""
        for entry in sorted(entries, key=_age)[-MAXIMUM_ENTRIES:]:
            self._add(entry)
        for key in sorted(self._entries, key=lambda key: _age(self._entries[key]))[:-MAXIMUM_ENTRIES]:
            self._forget(key)

    def _forget(self, key: _EntryKey) -> None:
        age = _age(self._entries.pop(key))
        self._forgotten_until = age if self._forgotten_until is None else max(age, self._forgotten_until)

    def _is_forgotten(self, entry: Entry) -> bool:
        return self._forgotten_until is not None and _age(entry) <= self._forgotten_until

    def _add(self, entry: Entry) -> None:
        if entry.kind == "restore" and _is_newer(entry, self._restore):
            self._restore = entry
        known = self._entries.get(_key(entry))
        if known == entry or (known is not None and not _says_more(entry, known)):
            return
        if known is None and self._is_forgotten(entry):
            return
        self._entries[_key(entry)] = entry
        self.version += 1
        if known is None or known.state != entry.state:
            self._count(entry)

    def _count(self, entry: Entry) -> None:
        self.completed += entry.state == "COMPLETED"
        self.failed += entry.state == "FAILED"
        self.restored += entry.state == "RESTORED"

    def _drop_unknown_ends(self, answer: CheckpointAnswer) -> None:
        """Forget what another JobManager had in progress, or this one no longer tells of: nobody knows its end."""
        told = {_key(entry) for entry in answer.entries}
        for key, entry in tuple(self._entries.items()):
            if entry.state == "IN_PROGRESS" and key not in told:
                del self._entries[key]
                self.version += 1


def _key(entry: Entry) -> _EntryKey:
    if entry.kind == "restore":
        return entry.start, entry.kind, entry.triggered_at
    return entry.start, "checkpoint", entry.checkpoint_id


def _says_more(entry: Entry, known: Entry) -> bool:
    """Whether the entry is newer or fuller: answers may arrive late, and a pass tells less than the history does."""
    if known.state != entry.state:
        return known.state == "IN_PROGRESS"
    return sum(part is None for part in _parts(entry)) <= sum(part is None for part in _parts(known))


def _is_newer(restore: Entry, kept: Entry | None) -> bool:
    """Whether it is a later restore, or tells more of the same."""
    if kept is None or _key(restore) == _key(kept):
        return kept is None or _says_more(restore, kept)
    return _age(restore) > _age(kept)


def _parts(entry: Entry) -> tuple[object, ...]:
    return entry.size_bytes, entry.full_size_bytes, entry.path, entry.failure


def _age(entry: Entry) -> _Age:
    """Return what orders entries in time; a checkpoint of the moment of a restore comes after it."""
    return entry.triggered_at, entry.kind != "restore", entry.checkpoint_id
