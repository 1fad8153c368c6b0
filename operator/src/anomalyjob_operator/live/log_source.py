"""Where the lines come from that the log sink wrote: what a back end must be able to do for the live log.

Pure: an interface. A source reads; it must not interpret the lines, nor remember them for longer than a batch.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBatch:
    """Whole lines of one workload's output, oldest first, without their line ends; Flink's own lines among them."""

    workload: str
    lines: tuple[str, ...]


class LogSource(Protocol):
    """The output of all TaskManagers of one job."""

    def follow(self, history: int) -> AsyncIterator[LogBatch]:
        """Begin with about the last `history` lines of each workload, then go on for ever.

        It may end or raise when it cannot go on; it is then followed anew. Lines that come twice are noticed.
        """
