"""A reader of a feed for tests: reads until something holds, within a bound."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

from anomalyjob_operator.live.subscription import Message, Subscription

BOUND_SECONDS: Final = 30.0


def decoded(messages: list[Message]) -> dict[str, Any]:
    """The newest document of each event."""
    return {message.event: json.loads(message.data) for message in messages}


async def read_until(subscription: Subscription, event: str, holds: Callable[[Any], object]) -> Any:
    """The first document of that event of which something holds."""
    async with asyncio.timeout(BOUND_SECONDS):
        while True:
            for message in await subscription.next():
                if message.event == event and holds(document := json.loads(message.data)):
                    return document
