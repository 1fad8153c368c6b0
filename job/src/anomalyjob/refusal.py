"""Why a launcher does not start Flink: a reason for machines and plain sentences for people.

Pure. The reasons are a closed list: the operator side shows them in status and decides by them, so a new one is a
change of the contract between the two.
"""

import json
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The closed list of reasons that a launcher can give."""

    BAD_CONFIGURATION = "BadConfiguration"
    BAD_LEDGER = "BadLedger"
    CHECKPOINT_BELOW_FLOOR = "CheckpointBelowFloor"
    CHECKPOINTS_MISSING = "CheckpointsMissing"
    NO_USABLE_CHECKPOINT = "NoUsableCheckpoint"
    RESTORE_PATH_UNUSABLE = "RestorePathUnusable"
    OLDER_INCARNATION = "OlderIncarnation"
    VOLUME_OF_ANOTHER_JOB = "VolumeOfAnotherJob"
    VOLUME_LOCKED = "VolumeLocked"
    NO_WORKING_LOCKS = "NoWorkingLocks"
    VOLUME_MISSING = "VolumeMissing"
    VOLUME_READ_ONLY = "VolumeReadOnly"
    VOLUME_FULL = "VolumeFull"
    VOLUME_DAMAGED = "VolumeDamaged"
    VOLUME_UNUSABLE = "VolumeUnusable"
    FLINK_MISSING = "FlinkMissing"
    JAVA_MISSING = "JavaMissing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refusal; the message says what happened, where, and what to do next."""

    reason: Reason
    message: str

    def line(self) -> str:
        """Return the one JSON line for the termination log, without the line's end."""
        return json.dumps({"reason": str(self.reason), "message": self.message}, ensure_ascii=False)


class RefusedError(Exception):
    """The launcher must not start Flink; carries the refusal to where it is told to the user."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep the refusal for the termination log."""
        super().__init__(message)
        self.refusal = Refusal(reason=reason, message=message)
