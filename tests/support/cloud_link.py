"""A transport to the fake cloud in the same process, which loses what a test tells it to."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from edge.uplink.transport import Connected, Inbox, RefusedError, UnreachedError
from tests.support.fake_cloud import FakeCloud, Fault

Extra = Callable[[], Sequence[bytes]]


@dataclass(slots=True)
class CloudLink:
    """One exchange per batch. `faults` are used up one per batch, None for a good exchange."""

    cloud: FakeCloud
    name: str = "fake"
    faults: deque[Fault | None] = field(default_factory=deque)
    down: bool = False
    refuses: bool = False
    silent: bool = False
    attempts: int = 0
    owed: bool = False
    sent: list[bytes] = field(default_factory=list)
    say: deque[bytes] = field(default_factory=deque)
    _queue: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    _broken: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, batches: Sequence[bytes]) -> None:
        for batch in batches:
            self.sent.append(batch)
            self._queue.put_nowait(batch)

    def expect(self, *, answers: bool) -> None:
        self.owed = answers

    def cut(self) -> None:
        """Break the link as a reset does; it stays down until `down` is False."""
        self.down = True
        self._broken.set()

    async def run(self, connected: Connected, inbox: Inbox) -> NoReturn:
        self.attempts += 1
        self._queue, self._broken = asyncio.Queue(), asyncio.Event()
        if self.down:
            raise UnreachedError("cut")
        if self.refuses:
            raise RefusedError("no")
        await connected()
        exchange = asyncio.create_task(self._exchange(inbox))
        broken = asyncio.create_task(self._broken.wait())
        try:
            await asyncio.wait({exchange, broken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            exchange.cancel()
            broken.cancel()
        if exchange.done() and not exchange.cancelled() and exchange.exception():
            exchange.result()
        raise UnreachedError("reset")

    async def _exchange(self, inbox: Inbox) -> None:
        while True:
            batch = await self._queue.get()
            fault = self.faults.popleft() if self.faults else None
            if self.silent or fault is Fault.LOST_REQUEST:
                continue
            answers = self.cloud.take([batch])
            if fault is Fault.LOST_REPLY:
                continue
            answers += self.say
            self.say.clear()
            for answer in answers:
                await inbox(answer)
