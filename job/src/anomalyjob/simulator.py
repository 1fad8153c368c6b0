"""The simulated users: each event is a function of (seed, user, index) alone, so any stretch can be made again.

A restored job and the audit both rely on that. It must not use `random`, `hash()` or the clock, and the hash below must
never change: it would turn every run that is under way into a wrong one.
"""

from datetime import datetime
from hashlib import blake2b

from anomalyjob.events import UserEvent

# A float holds 53 bits exactly, so the fraction below 1 never rounds up to 1 and a ratio of 1 means always.
_FRACTION_BITS = 53
_FRACTION_STEP = 2.0**-_FRACTION_BITS


def abnormal(seed: int, user_id: str, index: int, ratio: float) -> bool:
    """Whether event `index` (from 0) of the user is abnormal; `ratio` is the share of abnormal events, 0.0 to 1.0."""
    # The user comes last: whatever characters it has, two different triples never give the same text.
    text = f"{seed} {index} {user_id}".encode("utf-8", "surrogatepass")
    number = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
    return (number >> (64 - _FRACTION_BITS)) * _FRACTION_STEP < ratio


def event(seed: int, user_id: str, index: int, ratio: float, event_time: datetime) -> UserEvent:
    """Event `index` (from 0) of the user, made at `event_time` (UTC)."""
    return UserEvent(
        user_id=user_id, index=index, event_time=event_time, abnormal=abnormal(seed, user_id, index, ratio)
    )
