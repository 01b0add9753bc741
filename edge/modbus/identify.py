"""Asks a device who it is (function 43/14), for `doctor` and for commissioning.

Uses a line of its own, so it does not run beside a source on the same serial port. Function
43/14 only reads. Some devices hold their serial number and calibration date there, in extended
objects 128 and up.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from edge.errors import BadAnswerError, EdgeError, UnreachableError
from edge.modbus.config import ModbusBus
from edge.modbus.frames import (
    Malformed,
    Outcome,
    Refusal,
    Request,
    identify_request,
    identity_page,
)
from edge.modbus.query import line_ms
from edge.modbus.wire import Wire, open_wire

OBJECT_NAMES: Final = {
    0: "vendor",
    1: "product code",
    2: "revision",
    3: "vendor URL",
    4: "product name",
    5: "model name",
    6: "user application",
}
BASIC: Final = 1
EXTENDED: Final = 3
MAX_PAGES: Final = 64
"""A device that always announces one more page is not asked for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a device says of itself: object numbers and their texts, in order."""

    objects: tuple[tuple[int, str], ...]

    def named(self) -> dict[str, str]:
        """Return the texts by name; an object without a standard name is `object N`."""
        return {OBJECT_NAMES.get(n, f"object {n}"): text for n, text in self.objects}


async def identify(bus: ModbusBus, unit: int) -> Identity:
    """Return what `unit` on `bus` says of itself.

    Raises:
        UnreachableError: the line cannot be opened, or the device does not answer.
        BadAnswerError: the device refuses, as many do, or its answer is malformed.
    """
    wire = await open_wire(bus)
    try:
        first = await exchange(bus, wire, identify_request(unit, EXTENDED, 0))
        category = EXTENDED
        if isinstance(first, Refusal):  # a basic device may refuse to be asked for more
            category = BASIC
            first = await exchange(bus, wire, identify_request(unit, BASIC, 0))
        return await _pages(bus, wire, unit, category, first)
    finally:
        wire.close()


async def exchange(bus: ModbusBus, wire: Wire, request: Request) -> Outcome:
    """Send `request` over an otherwise idle line and return how it ended.

    Raises:
        UnreachableError: nothing answered within the bus's `timeout_ms`.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Outcome] = loop.create_future()

    def on_readable() -> None:
        try:
            outcome = wire.codec.feed(wire.read())
        except EdgeError as error:
            loop.remove_reader(wire.fileno())
            ended.set_exception(error)
            return
        if outcome is not None and not ended.done():
            ended.set_result(outcome)

    await asyncio.sleep(wire.gap_s)
    wire.write(wire.codec.begin(request))
    loop.add_reader(wire.fileno(), on_readable)
    try:
        async with asyncio.timeout((bus.timeout_ms + line_ms(bus, request)) / 1000):
            return await ended
    except TimeoutError:
        outcome = wire.codec.abandon()
        if outcome is not None:
            return outcome
        raise UnreachableError(
            f"modbus bus {bus.name!r}: unit {request.unit} did not answer within "
            f"{bus.timeout_ms} ms; check its power, wiring, unit number and line settings"
        ) from None
    finally:
        loop.remove_reader(wire.fileno())


async def _pages(
    bus: ModbusBus, wire: Wire, unit: int, category: int, first: Outcome
) -> Identity:
    texts: dict[int, str] = {}
    outcome = first
    for _ in range(MAX_PAGES):
        if not isinstance(outcome, bytes):
            reason = outcome.reason if isinstance(outcome, Malformed) else outcome
            raise BadAnswerError(
                f"modbus bus {bus.name!r}: unit {unit} does not identify itself: {reason}"
            )
        page = identity_page(outcome)
        texts.update((n, text.decode("ascii", "replace")) for n, text in page.objects)
        if page.next_object is None:
            break
        outcome = await exchange(bus, wire, identify_request(unit, category, page.next_object))
    return Identity(objects=tuple(sorted(texts.items())))
