"""Keeps the outbox flowing to the cloud: obeys `edge.uplink.window` over one of the transports.

One task owns the state. Everything that happens comes to it as an event through one bounded
queue; what it decides is done at once or handed to the disk thread or the transport. A receipt
is verified in the disk thread before the window hears of it.

Limits: `QUEUE_MAX` events wait; a transport that brings more is made to wait. Batches sealed
beyond that are remembered by number alone, and sent from the disk as all are.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import assert_never

from edge.clock import Clock
from edge.disk_thread import DiskThread
from edge.recorder.writer import Written
from edge.runs import NONE
from edge.uplink import choice, window
from edge.uplink.backoff import Loss
from edge.uplink.carrier import own_link_events
from edge.uplink.desk import Desk, Moment
from edge.uplink.events import (
    Action,
    Configured,
    Connect,
    Connected,
    Disconnect,
    Event,
    Lost,
    OpenEpoch,
    OwnLinkUp,
    Receipted,
    Sealed,
    Send,
    SetAside,
    Tick,
)
from edge.uplink.transport import RefusedError, Transport, UnreachedError
from evidence.configuration import ConfigurationDocument

log = logging.getLogger(__name__)

QUEUE_MAX = 1024
MAX_WAIT_S = 60.0
CLOSE_TIMEOUT_S = 1.0


def _no_configuration(document: ConfigurationDocument) -> None:
    log.warning("the cloud sent configuration %d, which nobody here applies", document.version)


@dataclass(slots=True, kw_only=True)
class UplinkParts:
    """What the uplink works with; `ways` are the transports, the better one first.

    `configure` takes each verified configuration that comes down, on the loop, and returns at
    once; the same one may come again.
    """

    clock: Clock
    disk: DiskThread
    desk: Desk
    ways: Sequence[Transport]
    open_epoch: Callable[[bytes], None]
    configure: Callable[[ConfigurationDocument], None] = _no_configuration
    policy: window.Policy = field(default_factory=window.Policy)
    draw: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkStatus:
    """The uplink in numbers; `last_receipt_ms` is wall time."""

    link: str
    way: str
    in_flight: int
    waiting: int
    last_receipt_ms: int | None
    connections: int
    last_error: str


class Uplink:
    """See the module. Everything belongs to the event loop."""

    def __init__(self, parts: UplinkParts, state: window.State) -> None:
        self._parts = parts
        self._state = state
        self._choice = choice.Choice(ways=len(parts.ways))
        # An event of a link carries its generation: those of an older link mean nothing.
        self._events: asyncio.Queue[tuple[int | None, Event]] = asyncio.Queue(QUEUE_MAX)
        self._unheard = NONE  # batches sealed while the queue was full
        self._ticked = False
        self._link: asyncio.Task[None] | None = None
        self._generation = 0
        self._way = parts.ways[0]
        self._last_receipt_ms: int | None = None
        self._connections = 0
        self._last_error = ""
        self._stepped = asyncio.Event()

    @property
    def status(self) -> UplinkStatus:
        """Return the uplink in numbers."""
        state, lanes = self._state, self._state.lanes
        return UplinkStatus(
            link=state.phase.name.lower(),
            way=self._way.name,
            in_flight=len(state.in_flight) + len(state.archived),
            waiting=len(lanes.urgent) + len(lanes.live) + len(lanes.backlog) + len(state.later),
            last_receipt_ms=self._last_receipt_ms,
            connections=self._connections,
            last_error=self._last_error,
        )

    def sealed(self, written: Written) -> None:
        """Take note of a batch that is durable now."""
        if written.number is None:
            return
        event = Sealed(self._now_ms(), written.number, alarm=written.alarm)
        try:
            self._events.put_nowait((None, event))
        except asyncio.QueueFull:
            self._unheard = self._unheard.add(written.number, written.number)

    async def run(self) -> None:
        """Send until cancelled."""
        async with own_link_events() as own_link, asyncio.TaskGroup() as group:
            group.create_task(self._watch(own_link), name="uplink.own_link")
            group.create_task(self._obey(), name="uplink.window")

    async def drained(self) -> None:
        """Return once every batch that was sealed has its outcome."""
        while not (self._state.idle and self._events.empty() and not self._unheard):
            self._stepped.clear()
            await self._stepped.wait()

    # -- events

    async def _watch(self, own_link: asyncio.Event) -> None:
        while True:
            await own_link.wait()
            own_link.clear()
            await self._events.put((None, OwnLinkUp(self._now_ms(), self._parts.draw())))

    async def _obey(self) -> None:
        try:
            while True:
                generation, event = await self._next_event()
                if generation in {None, self._generation}:
                    await self._take(event)
        finally:
            await self._drop_link()

    async def _next_event(self) -> tuple[int | None, Event]:
        if self._unheard and self._events.empty():
            number = self._unheard.first or 0
            self._unheard = self._unheard.remove(number, number)
            return None, Sealed(self._now_ms(), number, alarm=False)
        due_ms = window.next_tick_ms(self._parts.policy, self._state)
        wait_s = MAX_WAIT_S if due_ms is None else (due_ms - self._now_ms()) / 1000
        # Time that is due comes first, but not twice in a row: neither may starve the other.
        if wait_s > 0 or (self._ticked and not self._events.empty()):
            self._ticked = False
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0, min(wait_s, MAX_WAIT_S))):
                    return await self._events.get()
        self._ticked = True
        return None, Tick(self._now_ms(), self._parts.draw())

    async def _take(self, event: Event) -> None:
        self._note(event)
        await self._step(event)
        self._way.expect(answers=bool(self._state.in_flight or self._state.archived))
        self._stepped.set()
        if choice.first_is_due(self._choice, event.at_ms) and self._state.idle:
            await self._leave()

    def _note(self, event: Event) -> None:
        match event:
            case Configured(document=document):
                self._parts.configure(document)
            case Receipted():
                self._last_receipt_ms = self._parts.clock.wall_ms()
            case Connected():
                self._choice = choice.after_connect(self._choice, event.at_ms)
                self._connections += 1
                self._last_error = ""
            case Lost():
                self._choice = choice.after_loss(self._choice)
            case _:
                pass

    # -- actions

    async def _step(self, event: Event) -> None:
        self._state, actions = window.step(self._parts.policy, self._state, event)
        for action in actions:
            await self._do(action)

    async def _do(self, action: Action) -> None:
        match action:
            case Connect():
                self._connect()
            case Disconnect():
                log.warning("no answer from the cloud: the link is dropped")
                self._last_error = "no answer from the cloud"
                self._choice = choice.after_loss(self._choice)
                await self._drop_link()
            case Send(numbers=numbers):
                await self._send(numbers)
            case SetAside(number=number, code=code):
                await self._parts.disk.run(self._parts.desk.set_aside, number, code)
            case OpenEpoch(epoch=epoch):
                self._parts.open_epoch(epoch)
            case _:
                assert_never(action)

    async def _send(self, numbers: tuple[int, ...]) -> None:
        batches, lost = await self._parts.disk.run(self._parts.desk.read_all, numbers)
        if batches:
            self._way.send(batches)
        if lost:
            # What rotted on the disk has its outcome: the next batch declares the gap.
            await self._step(Receipted(self._now_ms(), lost))

    # -- the link

    def _connect(self) -> None:
        self._generation += 1
        self._way = self._parts.ways[self._choice.at]
        link = self._hold_link(self._way, self._generation)
        self._link = asyncio.create_task(link, name="uplink.link")

    async def _hold_link(self, way: Transport, generation: int) -> None:
        async def connected() -> None:
            log.info("linked to the cloud by %s", way.name)
            await self._events.put((generation, Connected(self._now_ms())))

        try:
            await way.run(connected, self._inbox)
        except UnreachedError as error:
            await self._note_lost(generation, Loss.UNREACHED, error)
        except RefusedError as error:
            await self._note_lost(generation, Loss.REFUSED, error)
        except Exception as error:
            # A mistake in a transport must not end the recording: it is a link that fails.
            log.exception("the link to the cloud failed in an unforeseen way")
            await self._note_lost(generation, Loss.REFUSED, error)

    async def _note_lost(self, generation: int, loss: Loss, error: Exception) -> None:
        if str(error) != self._last_error:  # an outage is one line, not one every few seconds
            log.warning("no link to the cloud: %s", error)
        self._last_error = str(error)
        await self._events.put((generation, Lost(self._now_ms(), loss, self._parts.draw())))

    async def _inbox(self, data: bytes) -> None:
        moment = Moment(at_ms=self._now_ms(), draw=self._parts.draw())
        answer = await self._parts.disk.run(self._parts.desk.take, data, moment)
        if answer is not None:
            await self._events.put((None, answer))

    async def _leave(self) -> None:
        """Leave a way that works, to try the better one."""
        await self._drop_link()
        self._choice = choice.Choice(ways=self._choice.ways)
        await self._step(Lost(self._now_ms(), Loss.UNREACHED, 0.0))

    async def _drop_link(self) -> None:
        link, self._link = self._link, None
        self._generation += 1
        if link is not None:
            link.cancel()
            await asyncio.wait({link}, timeout=CLOSE_TIMEOUT_S)

    def _now_ms(self) -> int:
        return self._parts.clock.mono_ms()
