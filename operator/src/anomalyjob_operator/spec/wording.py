"""How places and values are written in sentences to the user. Pure; it knows nothing of the resource."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

LONGEST_SHOWN: Final = 60
_WORDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = ((Mapping, "a mapping"), ((list, tuple), "a list"))


def path_text(location: Sequence[str | int]) -> str:
    """Return a location as it is written in a sentence: dots between names, brackets around positions."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier():
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text


def found_text(value: object) -> str:
    """Return what was found, in words: "nothing", "true", "the number 5", 'the text "5"', "a mapping", "a list"."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {_shortened(str(value))}"
    if isinstance(value, str):
        return f"the text {json.dumps(_shortened(value))}"
    names = (name for kinds, name in _WORDS if isinstance(value, kinds))
    return next(names, f"a value of type {type(value).__name__}")


def bound_text(bound: float) -> str:
    """Return a bound without a needless fraction; whole numbers stay exact."""
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
