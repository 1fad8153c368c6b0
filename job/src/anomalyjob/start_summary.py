"""The short form of a start record: what the job itself carries, so that Flink's REST endpoint tells how it began.

Pure. Where nobody but Flink sees the volume, this is how the operator learns what the launcher chose. Writing keeps to
ASCII, because it passes through environments and Flink's configuration; reading overlooks keys that it does not know,
because the job may be newer than its reader.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from anomalyjob.strict_document import ConfigError, Section, decode_json
from anomalyjob.timestamps import format_time, parse_time

START_VARIABLE: Final = "ANOMALYJOB_START_SUMMARY"
"""The environment variable by which the launcher hands it to the job."""

START_PARAMETER: Final = "anomalyjob.start"
"""The global job parameter under which Flink keeps it."""

MAXIMUM_MESSAGE_CHARACTERS: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSummary:
    """What one start went on from. `skipped` counts the checkpoints that it passed over."""

    start: int
    incarnation: int
    started_at: datetime
    restart_counter: int
    chosen_checkpoint_id: int | None
    chosen_path: str | None
    skipped: int
    message: str

    def text(self) -> str:
        """Return it as one short line of JSON; what does not fit of the message is cut off."""
        document = {
            "start": self.start,
            "incarnation": self.incarnation,
            "startedAt": format_time(self.started_at),
            "restartCounter": self.restart_counter,
            "chosenCheckpointId": self.chosen_checkpoint_id,
            "chosenPath": None if self.chosen_path is None else _unicode(self.chosen_path),
            "skipped": self.skipped,
            "message": _shortened(_unicode(self.message)),
        }
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `text` wrote; raise ConfigError naming the key that is wrong."""
        root = Section(decode_json(text))
        return cls(
            start=root.integer("start", minimum=1),
            incarnation=root.integer("incarnation", minimum=1),
            started_at=_time(root),
            restart_counter=root.integer("restartCounter", minimum=0),
            chosen_checkpoint_id=root.integer("chosenCheckpointId") if root.has("chosenCheckpointId") else None,
            chosen_path=root.text("chosenPath") if root.has("chosenPath") else None,
            skipped=root.integer("skipped", minimum=0),
            message=root.text("message"),
        )


def _time(root: Section) -> datetime:
    text = root.text("startedAt")
    try:
        return parse_time(text)
    except ValueError as error:
        raise ConfigError(root.path_of("startedAt"), str(error)) from None


def _unicode(text: str) -> str:
    """Return the text with question marks for what is no Unicode: a file's name may be any bytes, Java's JSON not."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _shortened(text: str) -> str:
    if len(text) <= MAXIMUM_MESSAGE_CHARACTERS:
        return text
    return text[: MAXIMUM_MESSAGE_CHARACTERS - 1] + "…"
