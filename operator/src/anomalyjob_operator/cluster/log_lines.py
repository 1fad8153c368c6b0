"""Lines out of the bytes of a pod's log, each once, also when the log has to be asked for again.

Pure. Kubernetes can only go on from a whole second, so lines come twice; their times, to the nanosecond, tell which.
"""

from datetime import UTC, datetime
from typing import Final

MAXIMUM_LINE_BYTES: Final = 16_384
_STAMP_CHARACTERS: Final = 20
"""The least that a time has; a line without one is what the kubelet has to say."""


class LineCutter:
    """Cuts bytes into lines as they come; of a line that is too long only the beginning is kept."""

    def __init__(self) -> None:
        self._rest = b""

    def lines(self, chunk: bytes) -> list[str]:
        """Return the lines that end in this chunk."""
        *whole, rest = chunk.split(b"\n")
        found = [self._completed(part) for part in whole]
        self._keep(rest)
        return [line.decode("utf-8", errors="replace") for line in found]

    def _completed(self, part: bytes) -> bytes:
        self._keep(part)
        line, self._rest = self._rest, b""
        return line

    def _keep(self, part: bytes) -> None:
        if len(self._rest) < MAXIMUM_LINE_BYTES:
            self._rest += part[: MAXIMUM_LINE_BYTES - len(self._rest)]


class NewLines:
    """Takes the times off the lines of one container, and drops those that were there before."""

    def __init__(self) -> None:
        self._last = ""
        self._at_last = 0
        self._repeated = 0
        self._catches_up = False

    @property
    def since(self) -> str | None:
        """The whole second to go on from, as Kubernetes reads it; None at the beginning."""
        return _key(self._last)[0].strftime("%Y-%m-%dT%H:%M:%SZ") if self._last else None

    def ask_again(self) -> None:
        """Expect lines that have been there."""
        self._catches_up = bool(self._last)
        self._repeated = self._at_last

    def take(self, line: str) -> str | None:
        """Return the line without its time, None when it has been there."""
        stamp, blank, text = line.partition(" ")
        if not blank or not _is_stamp(stamp) or self._was_there(stamp):
            return None
        self._at_last = self._at_last + 1 if stamp == self._last else 1
        self._last = stamp
        return text

    def _was_there(self, stamp: str) -> bool:
        if not self._catches_up:
            return False
        new, last = _key(stamp), _key(self._last)
        if new < last:
            return True
        if new == last and self._repeated > 0:
            self._repeated -= 1
            return True
        self._catches_up = False
        return False


def _is_stamp(text: str) -> bool:
    return len(text) >= _STAMP_CHARACTERS and text[4:5] == "-" and text[10:11] == "T" and text[:4].isdigit()


def _key(stamp: str) -> tuple[datetime, str]:
    """Return the time in UTC and the digits of it that a datetime does not hold."""
    whole, _, fraction = stamp.partition(".")
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    zone = fraction[len(digits) :] if digits else ""
    return datetime.fromisoformat(f"{whole}{zone}").astimezone(UTC), digits.ljust(9, "0")
