"""Asks one question on an otherwise idle line and keeps every byte that comes back.

Used by `discover` and `doctor`: the poller wants the answer, these want to see the line. Only
what `edge.modbus.frames.Request` allows can leave.
"""

import asyncio
from dataclasses import dataclass, field

from edge.errors import EdgeError
from edge.modbus.config import ModbusBus
from edge.modbus.frames import Outcome, Request
from edge.modbus.query import line_ms
from edge.modbus.wire import Wire

LINGER_S = 0.03
"""After an answer: what still comes is another device's, or the rest of two at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came for one request: its outcome, None for none in time, and all bytes."""

    outcome: Outcome | None
    raw: bytes


@dataclass(slots=True)
class _Ear:
    wire: Wire
    raw: bytearray = field(default_factory=bytearray)
    outcome: Outcome | None = None
    lost: EdgeError | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def on_readable(self) -> None:
        try:
            data = self.wire.read()
            outcome = self.wire.codec.feed(data) if data else None
        except EdgeError as error:
            self.lost = error
            asyncio.get_running_loop().remove_reader(self.wire.fileno())
            self.done.set()
            return
        self.raw += data
        if outcome is not None and self.outcome is None:
            self.outcome = outcome
            self.done.set()


async def ask(
    bus: ModbusBus, wire: Wire, request: Request, *, linger_s: float = LINGER_S
) -> Heard:
    """Send `request` and return what came within the bus's patience.

    Raises:
        LineLostError: the port is gone.
    """
    ear = _Ear(wire)
    loop = asyncio.get_running_loop()
    await asyncio.sleep(wire.gap_s)
    wire.write(wire.codec.begin(request))
    loop.add_reader(wire.fileno(), ear.on_readable)
    try:
        async with asyncio.timeout((bus.timeout_ms + line_ms(bus, request)) / 1000):
            await ear.done.wait()
        await asyncio.sleep(0 if ear.lost else linger_s)
    except TimeoutError:
        ear.outcome = wire.codec.abandon()
    finally:
        loop.remove_reader(wire.fileno())
    if ear.lost is not None:
        raise ear.lost
    return Heard(outcome=ear.outcome, raw=bytes(ear.raw))


async def overhear(wire: Wire, for_s: float) -> bytes:
    """Return what a line says while nobody asks.

    Raises:
        LineLostError: the port is gone.
    """
    ear = _Ear(wire)
    loop = asyncio.get_running_loop()
    loop.add_reader(wire.fileno(), ear.on_readable)
    try:
        await asyncio.sleep(for_s)
    finally:
        loop.remove_reader(wire.fileno())
    if ear.lost is not None:
        raise ear.lost
    return bytes(ear.raw)
