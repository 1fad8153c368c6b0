"""Tasks that are done at the same time for one purpose: all of them, or none goes on.

Trap: this stands in for asyncio.TaskGroup. In Python 3.11 a group leaves its own task marked as being cancelled when a
child failed while the group waited for its end (seen with 3.11.2). The next timeout in that task then ends the task
itself instead of raising TimeoutError.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any


async def all_of(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait for all; the first that fails ends the others, and its error is raised."""
    try:
        await asyncio.gather(*tasks)
    finally:
        await end(tasks)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel what of the tasks has not ended, and wait for the end of all."""
    tasks = tuple(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
