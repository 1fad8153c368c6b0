"""One message to a target: what it says, and the JSON that it is sent as.

Pure. A message that is sent again is the same to the byte but for `lost`, so a receiver can tell a repetition by `id`.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from anomalyjob.events import Alert
from anomalyjob.timestamps import format_time
from anomalyjob_operator.pass_report import Key
from anomalyjob_operator.status import Event, EventReason, Phase

MAXIMUM_CHARACTERS: Final = 4_096
MAXIMUM_USER_CHARACTERS: Final = 256
"""A user's id has 64 at most where the source is simulated; a log may hold anything."""

# What could end a line or steer a terminal: a user's id in a log may hold anything.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What happened to one job; `details` are the further keys of its JSON."""

    kind: Literal["event", "alert"]
    type: Literal["Normal", "Warning"]
    reason: EventReason
    message: str
    key: Key
    at: datetime
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def event(self) -> Event:
        """The same as an event, for a back end to tell."""
        return Event(type=self.type, reason=self.reason, message=self.message, at=self.at)

    @property
    def id(self) -> str:
        """16 hex digits: the same for the same thing told again, also by another process."""
        said = "/".join((*self.key, self.reason, self.message, self.at.isoformat()))
        return hashlib.sha256(said.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]

    def body(self, lost: int = 0) -> bytes:
        """Return the JSON; `lost` is how many messages before it did not reach the same target."""
        namespace, name = self.key
        document = {
            "kind": self.kind,
            "id": self.id,
            "type": self.type,
            "reason": self.reason,
            "message": self.message,
            "namespace": namespace,
            "name": name,
            "at": format_time(self.at),
            **self.details,
            **({"lost": lost} if lost else {}),
        }
        return json.dumps(document).encode()


def event_message(key: Key, event: Event, phase: Phase) -> Message:
    """Return the message about an event; `phase` is that of the job after it."""
    return Message(
        kind="event",
        type=event.type,
        reason=event.reason,
        message=_shown(event.message, MAXIMUM_CHARACTERS),
        key=key,
        at=event.at,
        details={"phase": phase},
    )


def alert_message(key: Key, alert: Alert) -> Message:
    """Return the message about one anomaly alert."""
    details = {
        "userId": alert.user_id[:MAXIMUM_USER_CHARACTERS],
        "index": alert.index,
        "count": alert.count,
        "eventTime": format_time(alert.event_time),
        "emittedTime": format_time(alert.emitted_time),
    }
    return _alert(key, alert_text(alert), alert.emitted_time, details)


def more_alerts_message(key: Key, held: int, newest: Alert, since: datetime) -> Message:
    """Return the message that stands for `held` alerts, of which `newest` came last."""
    alerts = "1 more alert" if held == 1 else f"{held} more alerts"
    text = f"and {alerts} since {format_time(since)}; the newest: {alert_text(newest)}"
    return _alert(key, text, newest.emitted_time, {"more": held})


def alert_text(alert: Alert) -> str:
    """Return the line of an alert for people, with nothing in it that could steer a terminal."""
    user = alert.user_id
    shortened = user if len(user) <= MAXIMUM_USER_CHARACTERS else f"{user[:MAXIMUM_USER_CHARACTERS]}…"
    return _shown(f"[ALERT] userId={shortened} abnormal {alert.count} times", MAXIMUM_CHARACTERS)


def _alert(key: Key, text: str, at: datetime, details: Mapping[str, object]) -> Message:
    return Message(kind="alert", type="Warning", reason="AnomalyAlert", message=text, key=key, at=at, details=details)


def _shown(text: str, longest: int) -> str:
    plain = _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
