"""Samples of one figure and how they are told: median, 99th percentile, all of them. Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What was measured, in the order of measuring; `unit` as it is printed."""

    values: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def p99(self) -> float:
        """The smallest value that at least 99 % of the samples do not exceed (nearest rank)."""
        return percentile(self.values, 99)

    def summary(self) -> str:
        """Median, 99th percentile and how many samples."""
        return f"{self.median:.3g} {self.unit} (p99 {self.p99:.3g} {self.unit}, {len(self.values)} samples)"

    def listed(self) -> str:
        """Median and every sample."""
        each = ", ".join(f"{value:.1f}" for value in self.values)
        return f"{self.median:.1f} {self.unit} ({each})"


def percentile(values: Sequence[float], rank: float) -> float:
    """Return the nearest-rank percentile; `rank` is between 0 (excluded) and 100."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(rank / 100 * len(ordered)) - 1)]
