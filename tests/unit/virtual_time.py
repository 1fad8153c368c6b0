"""An event loop whose clock jumps to the next moment at which anything happens: hours pass at once, and always alike.

For code without real input and output only: whoever waits for a socket waits here for ever, and is told so.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

from typing_extensions import override

Result = TypeVar("Result")


class _Jump(selectors.SelectSelector):
    """Waits for nothing: what would be waited for is added to the time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits for something that will never happen")
        self.now += timeout
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its `time()` begins at zero and passes only while everybody sleeps."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    @override
    def time(self) -> float:
        return self._jump.now


def run(main: Coroutine[object, object, Result]) -> Result:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def now() -> float:
    """The virtual time; also the clock to hand to whoever wants one."""
    return asyncio.get_running_loop().time()
