"""Rules about the keys of maps: a structural schema can bound the values of a map, but not its keys.

Pure. An error stands at the map and names the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from anomalyjob_operator.crd.cel import Rule, sentence, text, texts
from anomalyjob_operator.spec.field_errors import PATTERN_MESSAGES
from anomalyjob_operator.spec.flink_keys import OWNED_KEYS, OWNED_PREFIXES
from anomalyjob_operator.spec.model import OWNED_KEY_MESSAGE
from anomalyjob_operator.spec.pod_mask import OPERATORS_LABELS, OPERATORS_PREFIX, UNCONFINING_PREFIXES
from anomalyjob_operator.spec.pod_rules import CONFINEMENT_MESSAGE, OPERATORS_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

LENGTH_MESSAGE: Final = "a key must be from {shortest} to {longest} characters long"


def key_rules(found: dict[str, Any]) -> list[Rule]:
    """Return the rules for the keys of a map, from its JSON schema."""
    lengths = found.get("propertyNames", {})
    shortest, longest = lengths.get("minLength", 1), lengths.get("maxLength")
    rules = [
        _refused(f"!key.matches({text(one)})", PATTERN_MESSAGES[one]) for one in found.get("patternProperties", ())
    ]
    if longest is not None:
        within = f"self.all(key, key.size() >= {shortest} && key.size() <= {longest})"
        message = text(LENGTH_MESSAGE.format(shortest=shortest, longest=longest))
        rules.append(Rule(rule=within, message=message))
    return rules


def owned_setting_rules() -> tuple[Rule, ...]:
    """Return one rule for each reason why the operator owns Flink settings."""
    reasons = sorted({*OWNED_KEYS.values(), *OWNED_PREFIXES.values()})
    return tuple(_owned(reason) for reason in reasons)


def operators_labels_rule() -> Rule:
    """Return the rule against labels that are the operator's."""
    own = sorted(key for key in OPERATORS_LABELS if not key.startswith(OPERATORS_PREFIX))
    return _refused(_any(own, [OPERATORS_PREFIX]), OPERATORS_MESSAGE)


def operators_annotations_rules() -> tuple[Rule, ...]:
    """Return the rules against annotations that are the operator's, or take a container out of its confinement."""
    own = _refused(_any([], [OPERATORS_PREFIX]), OPERATORS_MESSAGE)
    return own, _refused(_any([], UNCONFINING_PREFIXES), CONFINEMENT_MESSAGE)


def _owned(reason: str) -> Rule:
    keys = [key for key, why in OWNED_KEYS.items() if why == reason]
    prefixes = [prefix for prefix, why in OWNED_PREFIXES.items() if why == reason]
    return _refused(_any(keys, prefixes), OWNED_KEY_MESSAGE.format(reason=reason))


def _any(keys: Sequence[str], prefixes: Sequence[str]) -> str:
    found = [f"key in {texts(keys)}"] if keys else []
    return " || ".join([*found, *(f"key.startsWith({text(prefix)})" for prefix in prefixes)])


def _refused(condition: str, message: str) -> Rule:
    return Rule(
        rule=f"!self.exists(key, {condition})",
        message=sentence(f"{{key}} {message}", key=f"self.filter(key, {condition})[0]"),
    )
