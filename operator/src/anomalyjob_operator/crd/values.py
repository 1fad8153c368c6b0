"""Rules about one value: the pattern of a text, and the bounds of a text that means an amount.

Pure. An API server checks patterns itself, but says nothing that a user understands; the rule here adds the sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anomalyjob_operator.crd.cel import Rule, sentence, text
from anomalyjob_operator.spec.durations import DURATION_PATTERN, DURATION_RANGE_MESSAGE
from anomalyjob_operator.spec.field_errors import PATTERN_MESSAGES
from anomalyjob_operator.spec.quantities import QUANTITY_RANGE_MESSAGE
from anomalyjob_operator.spec.wording import LONGEST_SHOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

READABLE_DURATION: Final = "^([1-9][0-9]{0,7}ms|[1-9][0-9]{0,5}[smh])$"
"""What CEL's reader of durations takes without an overflow: longer ones are far above every bound, and so refused."""

_SHOWN: Final = f'(self.size() > {LONGEST_SHOWN} ? self.substring(0, {LONGEST_SHOWN}) + "…" : self)'


def readable(duration: str) -> str:
    """Return the CEL expression of whether a text can be read as a duration."""
    return f"{duration}.matches({text(READABLE_DURATION)})"


def pattern_rule(pattern: str) -> Rule:
    """Return the rule that a text matches a pattern of `spec`."""
    return Rule(rule=f"self.matches({text(pattern)})", message=_misshapen(pattern))


def range_rule(pattern: str, bounds: Sequence[str]) -> Rule:
    """Return the rule that a text of this pattern is an amount within bounds, both included."""
    least, most = bounds
    if pattern == DURATION_PATTERN:
        within = f"duration(self) >= duration({text(least)}) && duration(self) <= duration({text(most)})"
        outside = sentence(DURATION_RANGE_MESSAGE, shortest=text(least), longest=text(most), found="self")
        return _range(pattern, f"{readable('self')} && {within}", outside)
    amount = f"self.matches({text(pattern)}) && quantity(self)"
    within = (
        f"{amount}.compareTo(quantity({text(least)})) >= 0 && quantity(self).compareTo(quantity({text(most)})) <= 0"
    )
    outside = sentence(QUANTITY_RANGE_MESSAGE, smallest=text(least), largest=text(most), found="self")
    return _range(pattern, within, outside)


def _range(pattern: str, rule: str, outside: str) -> Rule:
    return Rule(rule=rule, message=f"self.matches({text(pattern)}) ? {outside} : {_misshapen(pattern)}")


def _misshapen(pattern: str) -> str:
    template = PATTERN_MESSAGES[pattern] + "; found the text {found}"
    return sentence(template, found=f"strings.quote({_SHOWN})")
