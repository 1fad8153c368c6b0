"""Waits for what a cluster brings about: always on a condition, always with a bound. It must not act."""

import contextlib
import time
from collections.abc import Callable
from typing import TypeVar

PAUSE_SECONDS = 0.2

Value = TypeVar("Value")


class NotSeenError(Exception):
    """Nobody answered in time: no evidence of anything, so whoever waits looks again."""


class ConditionNotMetError(AssertionError):
    """A condition did not come true within its bound; the message ends with what was seen last."""


def wait(
    what: str,
    condition: Callable[[], Value | None],
    seconds: float,
    *,
    pause_seconds: float = PAUSE_SECONDS,
    seen: Callable[[], object] | None = None,
) -> Value:
    """Wait until `condition` is truthy and return it; raise ConditionNotMetError after the bound."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(NotSeenError):
            if value := condition():
                return value
        time.sleep(pause_seconds)  # noqa: TID251 - the pause between two looks at a condition, under a bound
    raise ConditionNotMetError(f"{what}: not within {seconds:g} s; seen last: {seen() if seen else 'nothing more'}")
