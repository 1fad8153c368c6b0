"""How patiently something is sent, and what an answer means.

Pure: chance and time are arguments.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

Verdict = Literal["delivered", "again", "refused", "moot"]
"""Moot: nobody is left who could miss it, so it counts as nothing."""

AGAIN: Final = frozenset({408, 429})
"""Refusals that hold for the moment only; so do all errors of a server."""

LARGEST_EXPONENT: Final = 32
"""Doubling further makes no difference to any permitted pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Bounds for one queue.

    One try takes at most `attempt_seconds`. The pause after the first that failed is `first_pause_seconds`, then it
    doubles up to `longest_pause_seconds`; an answer may ask for more, up to `longest_wished_seconds`. What was not
    taken `total_seconds` after it was offered is given up, but not without one try. At the end of the process what
    still waits gets `drain_seconds`.
    """

    attempt_seconds: float = 5.0
    total_seconds: float = 600.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 60.0
    longest_wished_seconds: float = 120.0
    queue_length: int = 1_000
    drain_seconds: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one try. `words` say why it was in vain, and never hold anything that was sent or received."""

    verdict: Verdict
    words: str = ""
    wished_seconds: float | None = None


def pause_seconds(policy: Policy, failed: int, chance: float, wished_seconds: float | None = None) -> float:
    """Return how long to wait after so many failed tries, from 1; `chance` is from 0 to 1.

    Half of a pause is left to chance, so that many senders do not come back at the same moment.
    """
    doubled = policy.first_pause_seconds * 2.0 ** min(failed - 1, LARGEST_EXPONENT)
    pause = min(doubled, policy.longest_pause_seconds) * (0.5 + 0.5 * chance)
    return max(pause, min(wished_seconds or 0.0, policy.longest_wished_seconds))


def verdict_of(status: int) -> Verdict:
    """Return what an HTTP status means. A redirection is a refusal: headers and body are meant for one place only."""
    if 200 <= status < 300:
        return "delivered"
    return "again" if status in AGAIN or status >= 500 else "refused"


def outcome_of(status: int, retry_after: str | None, now: datetime) -> Outcome:
    """Return what came of a try that was answered so."""
    verdict = verdict_of(status)
    if verdict == "delivered":
        return Outcome(verdict=verdict)
    place = " (a redirection, which is not followed)" if 300 <= status < 400 else ""
    wished = wished_seconds(retry_after, now) if verdict == "again" else None
    return Outcome(verdict=verdict, words=f"it answered {status}{place}", wished_seconds=wished)


def wished_seconds(retry_after: str | None, now: datetime) -> float | None:
    """Return the pause that a Retry-After header asks for; None when it says nothing that can be understood."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except (OverflowError, TypeError, ValueError):
        return None
    zoned = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0.0, (zoned - now).total_seconds())
