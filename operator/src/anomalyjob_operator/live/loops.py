"""Loops that outlive their own failures: what goes wrong once is logged, and the next round is made all the same."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

logger = logging.getLogger(__name__)

AFTER_FAILURE_SECONDS: Final = 5.0


async def repeat(step: Callable[[], Awaitable[None]], what: str) -> None:
    """Take one step after the other; a step waits for something by itself, and others have their turn in any case."""
    while True:
        await asyncio.sleep(0)
        try:
            await step()
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            logger.exception("%s broke off (trying again)", what)
        except Exception:
            logger.exception("%s failed (trying again)", what)
            await asyncio.sleep(AFTER_FAILURE_SECONDS)


def _is_cancelled() -> bool:
    """Tell whether this task was told to end, rather than something in it that was cancelled by itself."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def took(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, but no longer than that; take it, so that it wakes nobody twice. Tell whether it came.

    Trap: to wait for an event that is set does not let others have their turn. A loop that does not take it hangs all.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    came = event.is_set()
    event.clear()
    return came
