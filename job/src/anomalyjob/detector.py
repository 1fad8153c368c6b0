"""The detection rule: how many abnormal events of one user came in a row, and when that is an alert.

An abnormal event adds one, a normal event sets back to 0; there is an alert as soon as and as long as the count is at
least `max_count`. It must know nothing of Flink, users or time: whoever calls it keeps the count.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`max_count`: the count from which on each further abnormal event is an alert. Raises ValueError below 1."""

    max_count: int

    def __post_init__(self) -> None:
        if self.max_count < 1:
            raise ValueError(f"max_count is {self.max_count}; it must be at least 1")


def step(count: int, abnormal: bool, rule: Rule) -> tuple[int, bool]:
    """(new count, whether this event is an alert) after one more event of the user whose count was `count`."""
    if not abnormal:
        return 0, False
    return count + 1, count + 1 >= rule.max_count
