"""What an operator keeps: a thousand quiet passes leave nothing behind."""

import gc
import sys

import pytest
from tests.unit.cluster_world import KEY, World, a_small_job_that_runs, open_world_after

pytestmark = pytest.mark.asyncio

PASSES = 1_000
WARM_UP = 100
GROWTH_BLOCKS = 700
"""Whatever a pass keeps is at least one block of memory, and every pass would keep it."""


async def blocks_after(world: World, passes: int) -> int:
    """How many blocks of memory are in use after so many passes more."""
    for _ in range(passes):
        await world.jobs.look(KEY)
    # The fake servers remember what they were asked.
    world.flink.fake.requests.clear()
    gc.collect()
    return sys.getallocatedblocks()


async def test_a_thousand_quiet_passes_keep_no_memory() -> None:
    async with open_world_after(a_small_job_that_runs) as world:
        before = await blocks_after(world, WARM_UP)
        after = await blocks_after(world, PASSES)

        assert world.writes == []
        assert after - before < GROWTH_BLOCKS
