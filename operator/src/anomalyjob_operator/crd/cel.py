"""Rules in CEL, with messages that fill the gaps of a sentence of ours. Pure; it knows nothing of the resource."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule on one part of a resource. `message` is a CEL expression; `field` is where the error stands below it."""

    rule: str
    message: str
    field: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the rule as an API server takes it; a text without gaps is a plain message."""
        placed = {} if self.field is None else {"fieldPath": self.field}
        if is_text(self.message):
            return {"rule": self.rule, "message": json.loads(self.message), **placed}
        return {"rule": self.rule, "messageExpression": self.message, **placed}


def text(value: str) -> str:
    """Return the text as CEL writes it."""
    return json.dumps(value, ensure_ascii=False)


def texts(values: list[str]) -> str:
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


def is_text(expression: str) -> bool:
    """Tell whether an expression is nothing but a text."""
    try:
        return isinstance(json.loads(expression), str)
    except ValueError:
        return False
