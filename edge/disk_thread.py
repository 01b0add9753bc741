"""The one thread that may wait for a disk, so that the event loop never does.

The recorder and the uplink share it: everything of `edge.outbox` happens there, in the order in
which it was asked for, and needs no lock. Each of its users has at most one call waiting, which
bounds the queue.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class DiskThread:
    """Runs calls one after the other in a thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="coldwarden-disk")

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what `call` returns; a caller that is cancelled does not stop the call."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: call(*args, **kwargs))

    def close(self) -> None:
        """Wait for the calls that were begun, and end the thread."""
        self._pool.shutdown()
