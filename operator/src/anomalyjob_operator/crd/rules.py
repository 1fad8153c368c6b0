"""The twins, in CEL, of what `spec` checks beyond single fields: same path, same sentence.

Pure. A rule may be asked although a single field is wrong: it must then not fail itself, and holds its peace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anomalyjob_operator.crd.cel import Rule, sentence, text, texts
from anomalyjob_operator.spec import field_errors, validation
from anomalyjob_operator.spec.durations import DURATION_MESSAGE, DURATION_PATTERN, DURATION_RANGE_MESSAGE
from anomalyjob_operator.spec.flink_keys import OWNED_KEYS, OWNED_PREFIXES
from anomalyjob_operator.spec.model import (
    A_SINK_MESSAGE,
    NAME_PATTERN,
    ONE_SOURCE_MESSAGE,
    OWNED_KEY_MESSAGE,
)
from anomalyjob_operator.spec.quantities import (
    CPU_MESSAGE,
    CPU_PATTERN,
    QUANTITY_MESSAGE,
    QUANTITY_PATTERN,
    QUANTITY_RANGE_MESSAGE,
)
from anomalyjob_operator.spec.storage import ONE_CLAIM_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOUND: Final = '"; found the text " + strings.quote(self)'
# What CEL's own reader of durations takes without an overflow; whatever is longer is above every bound.
_READABLE: Final = "^([1-9][0-9]{0,7}ms|[1-9][0-9]{0,5}[smh])$"


def _readable(expression: str) -> str:
    return f"{expression}.matches({text(_READABLE)})"


def duration_range(shortest: str, longest: str) -> Rule:
    """Return the rule for a duration between two others."""
    within = f"duration(self) >= duration({text(shortest)}) && duration(self) <= duration({text(longest)})"
    outside = sentence(DURATION_RANGE_MESSAGE, shortest=text(shortest), longest=text(longest), found="self")
    return Rule(
        rule=f"{_readable('self')} && {within}",
        message=_understood(DURATION_PATTERN, DURATION_MESSAGE, outside),
    )


def quantity_range(pattern: str, smallest: str, largest: str) -> Rule:
    """Return the rule for an amount, of memory or of processor time, between two others."""
    least = f"quantity(self).compareTo(quantity({text(smallest)})) >= 0"
    most = f"quantity(self).compareTo(quantity({text(largest)})) <= 0"
    outside = sentence(QUANTITY_RANGE_MESSAGE, smallest=text(smallest), largest=text(largest), found="self")
    meaning = {QUANTITY_PATTERN: QUANTITY_MESSAGE, CPU_PATTERN: CPU_MESSAGE}[pattern]
    return Rule(
        rule=f"isQuantity(self) && {least} && {most}",
        message=_understood(pattern, meaning, outside),
    )


def range_rule(pattern: str, bounds: tuple[str, str]) -> Rule:
    """Return the rule for a text of this pattern that means an amount between two others."""
    return duration_range(*bounds) if pattern == DURATION_PATTERN else quantity_range(pattern, *bounds)


def _understood(pattern: str, meaning: str, outside: str) -> str:
    return f"self.matches({text(pattern)}) ? {outside} : {text(meaning)} + {_FOUND}"


def _not_longer(longer: str, shorter: str, *, equal: bool = True) -> str:
    known = f"!({_readable(longer)} && {_readable(shorter)})"
    return f"{known} || duration({shorter}) {'<=' if equal else '<'} duration({longer})"


def _request(role: str, kind: str) -> Rule:
    request = f"self.{role}.resources.requests.{kind}"
    limit = f"self.{role}.resources.limits.{kind}"
    known = f"has({request}) && has({limit}) && isQuantity({request}) && isQuantity({limit})"
    return Rule(
        rule=f"!({known}) || quantity({request}).compareTo(quantity({limit})) <= 0",
        message=sentence(validation.REQUESTS_MESSAGE, limit=limit, found=request),
        field=f".{role}.resources.requests.{kind}",
    )


_SLOTS: Final = "self.taskManager.replicas * self.taskManager.slots"
_NEEDED: Final = f"{validation.SLOT_SHARING_GROUPS} * self.job.parallelism"

SPEC_RULES: Final[Mapping[str, Rule]] = {
    "spec.job.parallelism": Rule(
        rule=f"{_NEEDED} <= {_SLOTS}",
        message=sentence(
            validation.SLOTS_MESSAGE,
            needed=f"{_NEEDED}",
            parallelism="self.job.parallelism",
            slots=f"{_SLOTS}",
            replicas="self.taskManager.replicas",
            each="self.taskManager.slots",
        ),
        field=".job.parallelism",
    ),
    "spec.checkpointing.minPause": Rule(
        rule="!has(self.checkpointing.minPause) || "
        + _not_longer("self.checkpointing.interval", "self.checkpointing.minPause"),
        message=sentence(
            validation.MIN_PAUSE_MESSAGE,
            interval="self.checkpointing.interval",
            min_pause="self.checkpointing.minPause",
        ),
        field=".checkpointing.minPause",
    ),
    "spec.recovery.maxBackoff": Rule(
        rule=_not_longer("self.recovery.maxBackoff", "self.recovery.initialBackoff"),
        message=sentence(
            validation.BACKOFF_MESSAGE, initial="self.recovery.initialBackoff", largest="self.recovery.maxBackoff"
        ),
        field=".recovery.maxBackoff",
    ),
    "spec.recovery.progressDeadline": Rule(
        rule=_not_longer("self.recovery.progressDeadline", "self.checkpointing.interval", equal=False),
        message=sentence(
            validation.PROGRESS_MESSAGE,
            interval="self.checkpointing.interval",
            deadline="self.recovery.progressDeadline",
        ),
        field=".recovery.progressDeadline",
    ),
    "spec.deletionPolicy": Rule(
        rule='self.deletionPolicy == "Retain" || !has(self.checkpointing.storage.existingClaim)',
        message=text(validation.DELETION_MESSAGE),
        field=".deletionPolicy",
    ),
    **{
        f"spec.{role}.resources.requests.{kind}": _request(role, kind)
        for role in ("jobManager", "taskManager")
        for kind in ("memory", "cpu")
    },
}
"""Path, as in validation.RULES → its twin, which stands on the spec."""

NAME_RULE: Final = Rule(
    rule=f"self.metadata.name.size() <= 40 && self.metadata.name.matches({text(NAME_PATTERN)})",
    message=text(f"metadata.name {field_errors.PATTERN_MESSAGES[NAME_PATTERN]}, and be at most 40 characters long"),
)

PART_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "source": (
        Rule(
            rule="has(self.simulated)",
            message=text(ONE_SOURCE_MESSAGE.format(found="none; write simulated: {}")),
        ),
    ),
    "sink": (Rule(rule="has(self.log) || has(self.files)", message=text(A_SINK_MESSAGE)),),
    "storage": (
        Rule(
            rule="has(self.persistentVolumeClaim) != has(self.existingClaim)",
            message="has(self.existingClaim) ? "
            + text(ONE_CLAIM_MESSAGE.format(found="both"))
            + " : "
            + text(ONE_CLAIM_MESSAGE.format(found="none; write persistentVolumeClaim: {}")),
        ),
        Rule(
            rule="has(self.existingClaim) == has(oldSelf.existingClaim)",
            message=text("cannot be changed between persistentVolumeClaim and existingClaim"),
        ),
    ),
    "existingClaim": (Rule(rule="self == oldSelf", message=sentence("cannot be changed, was {old}", old="oldSelf")),),
}


def owned_key_rules() -> list[Rule]:
    """Return one rule for each reason why the operator owns Flink settings."""
    reasons = sorted({*OWNED_KEYS.values(), *OWNED_PREFIXES.values()})
    return [_owned(reason) for reason in reasons]


def _owned(reason: str) -> Rule:
    keys = [key for key, why in OWNED_KEYS.items() if why == reason]
    prefixes = [prefix for prefix, why in OWNED_PREFIXES.items() if why == reason]
    found = [f"key in {texts(keys)}"] if keys else []
    found += [f"key.startsWith({text(prefix)})" for prefix in prefixes]
    owned = " || ".join(found)
    message = "{key} " + OWNED_KEY_MESSAGE.format(reason=reason)
    return Rule(
        rule=f"!self.exists(key, {owned})",
        message=sentence(message, key=f"self.filter(key, {owned})[0]"),
    )
