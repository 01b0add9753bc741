"""The one thread that may wait."""

import asyncio
import threading

import pytest

from edge.disk_thread import DiskThread


async def test_calls_run_one_after_the_other_in_one_other_thread() -> None:
    disk, seen = DiskThread(), []

    def call(number: int) -> str:
        seen.append(number)
        return threading.current_thread().name

    names = await asyncio.gather(*(disk.run(call, n) for n in range(20)))
    assert seen == list(range(20))
    assert set(names) == {"coldwarden-disk_0"}
    disk.close()


async def test_what_a_call_raises_comes_back() -> None:
    disk = DiskThread()
    with pytest.raises(ZeroDivisionError):
        await disk.run(lambda: 1 // 0)
    disk.close()
