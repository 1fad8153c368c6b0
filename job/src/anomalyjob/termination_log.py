"""The termination log: where a launcher leaves its refusal for whoever watches the process.

It must never make things worse: a log that cannot be written is passed over, stderr has the same sentence.
"""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from anomalyjob.refusal import Refusal


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
        """Leave the refusal as one JSON line."""
        self._write(f"{refusal.line()}\n")

    def _write(self, text: str) -> None:
        if self.file is not None:
            with contextlib.suppress(OSError):
                # A path that is no UTF-8 may stand in the message; this writes it as the escapes that JSON knows.
                self.file.write_text(text, encoding="utf-8", errors="backslashreplace")
