"""A cancellation that a library swallowed still ends the task."""

import asyncio
import contextlib

from edge.cancellation import heed_cancellation


async def test_a_swallowed_cancellation_is_raised_at_the_next_look() -> None:
    async def deaf() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        heed_cancellation()

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_nobody_else_is_disturbed() -> None:
    heed_cancellation()
    async with asyncio.timeout(10):
        await asyncio.sleep(0)
        heed_cancellation()
