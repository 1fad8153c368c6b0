"""The newest entries of a job's log, and which users each subtask has. Pure; bounded in entries, users and bytes."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final

from anomalyjob.events import ProcessRecord
from anomalyjob_operator.live.encoding import encoded
from anomalyjob_operator.live.log_records import Written, entry

MAXIMUM_ENTRIES: Final = 1_000
MAXIMUM_BYTES: Final = 2_000_000
MAXIMUM_USERS: Final = 1_000
MAXIMUM_USERS_OF_SUBTASK: Final = 20
"""As many as are shown of one; a subtask may have thousands."""


class LogBook:
    """Numbers entries as they come, and forgets the oldest."""

    def __init__(self, job_name: str) -> None:
        self._prefix = f"{job_name}-"
        self._number = 0
        self._entries: deque[bytes] = deque()
        self._bytes = 0
        self._subtasks: OrderedDict[str, int] = OrderedDict()

    @property
    def entries(self) -> tuple[bytes, ...]:
        """All that are kept, encoded, oldest first."""
        return tuple(self._entries)

    @property
    def users(self) -> dict[int, list[str]]:
        """The users of each subtask of `process`, sorted."""
        users: dict[int, list[str]] = {}
        for user, subtask in self._subtasks.items():
            users.setdefault(subtask, []).append(user)
        return {subtask: sorted(of_one)[:MAXIMUM_USERS_OF_SUBTASK] for subtask, of_one in users.items()}

    def add(self, written: Iterable[Written]) -> tuple[bytes, ...]:
        """Enter records, sorted by their times; return the new entries."""
        new = []
        for one in sorted(written, key=lambda one: one.at):
            self._number += 1
            new.append(encoded(entry(one, self._number, one.workload.removeprefix(self._prefix))))
            self._learn(one)
        self._entries.extend(new)
        self._bytes += sum(map(len, new))
        self.forget(MAXIMUM_ENTRIES)
        return tuple(new)

    def forget(self, but: int) -> None:
        """Forget all but so many of the newest entries and users; less, where they are large."""
        while len(self._entries) > but or self._bytes > MAXIMUM_BYTES:
            self._bytes -= len(self._entries.popleft())
        while len(self._subtasks) > min(but, MAXIMUM_USERS):
            self._subtasks.popitem(last=False)

    def forget_users(self) -> None:
        """Begin to learn anew who is where: the job has changed."""
        self._subtasks.clear()

    def _learn(self, written: Written) -> None:
        record = written.record
        if not isinstance(record, ProcessRecord):
            return
        self._subtasks[record.user_id] = record.subtask
        self._subtasks.move_to_end(record.user_id)
