"""The open live pages: whatever is published reaches each of them, and none can hold it up.

Used by `cloud.compose` (publishes from the projections' threads) and by the live route. A
viewer whose queue is full is told to come again, which costs it one reload and the server
nothing.
"""

import asyncio
import threading
from asyncio import AbstractEventLoop, Queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cloud.errors import CloudError
from dashboards.models import LiveUpdate

MAX_VIEWERS: Final = 200
"""Live pages at once: each holds a connection and a queue."""
QUEUE_UPDATES: Final = 512


class TooManyViewersError(CloudError):
    """All places for live pages are taken; the page falls back to reading now and then."""


class Viewers:
    """Passes updates on; `publish` may be called from any thread."""

    def __init__(
        self, max_viewers: int = MAX_VIEWERS, queue_updates: int = QUEUE_UPDATES
    ) -> None:
        self._max_viewers = max_viewers
        self._queue_updates = queue_updates
        self._lock = threading.Lock()
        self._open: dict[int, tuple[AbstractEventLoop, Queue[LiveUpdate | None]]] = {}
        self.dropped = 0
        """How many viewers were told to come again because they were too slow."""

    @property
    def count(self) -> int:
        """How many live pages are open."""
        return len(self._open)

    @contextmanager
    def subscribe(self) -> Iterator[Queue[LiveUpdate | None]]:
        """Give a queue for as long as the block lasts; call on the viewer's event loop."""
        queue: Queue[LiveUpdate | None] = Queue(self._queue_updates)
        with self._lock:
            if len(self._open) >= self._max_viewers:
                raise TooManyViewersError(f"{self._max_viewers} live pages are open already")
            self._open[id(queue)] = asyncio.get_running_loop(), queue
        try:
            yield queue
        finally:
            with self._lock:
                del self._open[id(queue)]

    def publish(self, update: LiveUpdate) -> None:
        """Hand `update` to every open page."""
        with self._lock:
            for loop, queue in self._open.values():
                loop.call_soon_threadsafe(self._offer, queue, update)

    def _offer(self, queue: Queue[LiveUpdate | None], update: LiveUpdate) -> None:
        if not queue.full():
            queue.put_nowait(update)
            return
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)
        self.dropped += 1
