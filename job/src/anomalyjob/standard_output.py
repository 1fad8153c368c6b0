"""The log sink's way out: the standard output of the Flink process, opened by its path and written without a buffer.

By its path, because a Python worker process (process mode) has another standard output, whose lines Flink wraps into
its log. Where part files hold the records as well, an output that cannot be written must not keep them from being
written: lines are missed then, and the log says how many. Where the log is all there is, a failure is raised, so that
the task fails and Flink writes the lines again from the last checkpoint: at least once. A reader that does not read
holds up the writer either way, as it does for Flink's own log on the same output.
"""

import errno
import os
from io import FileIO
from pathlib import Path


class StandardOutput:
    """Whole lines in, one write for each text; opened with the first one, and again after each failure."""

    def __init__(self, path: Path, *, may_miss: bool) -> None:
        self._path = path
        self._may_miss = may_miss
        self._file: FileIO | None = None
        self._is_torn = False
        self._missed_lines = 0
        self._failure = ""

    def write(self, text: str) -> None:
        """Write lines, each with its end; raise OSError if that fails and lines may not be missed."""
        try:
            self._write((self._note() + text).encode("utf-8", "backslashreplace"))
        except OSError as error:
            self.close()
            if not self._may_miss:
                raise
            self._missed_lines += text.count("\n")
            self._failure = error.strerror or str(error)
        else:
            self._is_torn, self._missed_lines = False, 0

    def close(self) -> None:
        """Give the descriptor back; a later write opens the output again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _note(self) -> str:
        """What stands before the next text after a failure: an end for half a line, and what is missing."""
        end = "\n" if self._is_torn else ""
        missed = f"[LOG] {self._missed_lines} lines are missing here: {self._failure}\n" if self._missed_lines else ""
        return end + missed

    def _write(self, content: bytes) -> None:
        if self._file is None:
            self._file = FileIO(str(self._path), "ab", opener=_open_at_once)
        rest = memoryview(content)
        while rest:
            # A full disk takes a part of it, and refuses the rest with the next write.
            written = self._file.write(rest)
            if not written:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(self._path))
            self._is_torn = len(rest) > written or self._is_torn
            rest = rest[written:]


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody reads is an error, while a plain open would wait for a reader for ever."""
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o644)
    os.set_blocking(descriptor, True)
    return descriptor
