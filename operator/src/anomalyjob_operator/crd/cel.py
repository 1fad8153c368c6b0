"""Rules in CEL, with messages that fill the gaps of a sentence of ours. Pure; it knows nothing of the resource."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule on one part of a resource. `message` is a CEL expression; `field` is where the error stands below it."""

    rule: str
    message: str
    field: str | None = None

    def document(self) -> dict[str, str]:
        """Return the rule as an API server takes it; a text without gaps is a plain message."""
        placed = {} if self.field is None else {"fieldPath": self.field}
        plain = plain_text(self.message)
        message = {"messageExpression": self.message} if plain is None else {"message": plain}
        return {"rule": self.rule, **message, **placed}


def documents(rules: Iterable[Rule]) -> dict[str, Any]:
    """Return what a schema with these rules has more than one without."""
    found = [rule.document() for rule in rules]
    return {"x-kubernetes-validations": found} if found else {}


def text(value: str) -> str:
    """Return the text as CEL writes it."""
    return json.dumps(value, ensure_ascii=False)


def plain_text(expression: str) -> str | None:
    """Return the text that an expression is, or None when there is something to compute."""
    try:
        found = json.loads(expression)
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def texts(values: Iterable[str]) -> str:
    """Return a list of texts as CEL writes it."""
    return f"[{', '.join(map(text, values))}]"


def sentence(template: str, /, **expressions: str) -> str:
    """Return the CEL expression of the sentence that `template.format` makes of values; these come from expressions.

    It formats instead of adding texts up: of a sum with a number in it an API server cannot tell how long it gets.
    """
    parts = list(string.Formatter().parse(template))
    words = "".join(word.replace("%", "%%") + ("%s" if gap else "") for word, gap, _, _ in parts)
    values = [expressions[gap] for _, gap, _, _ in parts if gap]
    return f"{text(words)}.format([{', '.join(values)}])"
