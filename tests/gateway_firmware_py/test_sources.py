"""One source that is wrong costs no other source anything."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from edge.errors import SourceConfigError
from gateway_firmware_py.sources import Source, keep_running
from tests.support.wait import until


def source(failures: list[Exception]) -> tuple[Source, list[int]]:
    runs: list[int] = []

    async def run() -> None:
        runs.append(len(runs))
        if failures:
            raise failures.pop()
        await asyncio.Event().wait()

    def status() -> Mapping[str, object]:
        return {}

    return Source(name="one", run=run, status=status), runs


async def test_a_source_that_breaks_is_begun_again() -> None:
    one, runs = source([ZeroDivisionError(), SourceConfigError("no such port")])
    task = asyncio.create_task(keep_running(one, restart_s=0))
    await until(lambda: len(runs) == 3)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_source_that_tidies_up_when_cancelled_ends() -> None:
    begun = asyncio.Event()

    async def run() -> None:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    task = asyncio.create_task(keep_running(Source(name="one", run=run, status=dict)))
    await begun.wait()
    task.cancel()
    async with asyncio.timeout(2):
        await task
