"""The termination log: where a launcher leaves its refusal for whoever watches the process.

It must never make things worse: a log that cannot be written is passed over, stderr has the same sentence.
"""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from anomalyjob.refusal import Refusal

MAXIMUM_BYTES: Final = 4096
"""What Kubernetes reads of a termination log; of a longer line there would be half, which is no JSON any more."""

_ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True)
class TerminationLog:
    """A file for one JSON line; None when nobody knows where."""

    file: Path | None

    @classmethod
    def of(cls, config_file: Path) -> Self:
        """Find the file that a start configuration names, even when the rest of that configuration is wrong."""
        try:
            named = json.loads(config_file.read_text(encoding="utf-8"))["terminationLog"]
        except (OSError, ValueError, KeyError, TypeError):
            return cls(None)
        return cls(Path(named)) if isinstance(named, str) and named.startswith("/") else cls(None)

    def clear(self) -> None:
        """Empty the file, so that an old refusal is not taken for a new one. It may be a mount: it is not removed."""
        if self.file is not None and self.file.exists():
            self._write("")

    def write(self, refusal: Refusal) -> None:
        """Leave the refusal as one JSON line, its message shortened as far as it must be."""
        excess = len(_encoded(f"{refusal.line()}\n")) - MAXIMUM_BYTES
        if excess > 0:
            shorter = refusal.message[: -(excess + len(_encoded(_ELLIPSIS)))]
            refusal = replace(refusal, message=shorter + _ELLIPSIS)
        self._write(f"{refusal.line()}\n")

    def _write(self, text: str) -> None:
        if self.file is not None:
            with contextlib.suppress(OSError):
                self.file.write_bytes(_encoded(text))


def _encoded(text: str) -> bytes:
    """Return UTF-8. A path that is none may stand in the message: it becomes the escapes that JSON knows."""
    return text.encode(encoding="utf-8", errors="backslashreplace")
