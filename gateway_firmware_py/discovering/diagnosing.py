"""Finds out why a device on a serial line is not heard, by asking in other ways.

Used by `gateway_firmware_py.doctor`. Everything is a read. Bounded: `TRIES` questions as
configured, one in each other setting, one to each other unit number.
"""

from collections.abc import Callable
from typing import Final

from edge.errors import UnreachableError
from edge.modbus.config import ModbusBus, ModbusDevice
from edge.modbus.errors import LineLostError
from edge.modbus.frames import Request, read_request
from edge.modbus.wire import Wire, open_serial
from gateway_firmware_py.discovering.asking import ask, overhear
from gateway_firmware_py.discovering.line_settings import (
    LineSettings,
    other_than,
    units_in_order,
)
from gateway_firmware_py.discovering.verdict import (
    Diagnosis,
    Seen,
    Sign,
    diagnose,
    is_doubled,
    sign_of,
)

TRIES: Final = 4
IDLE_S: Final = 0.2
QUICK_MS: Final = 120
"""A device begins to answer within this; scanning waits no longer for each."""
MAX_UNITS: Final = 32
OpenLine = Callable[[ModbusBus], Wire]


async def diagnose_line(
    bus: ModbusBus,
    device: ModbusDevice,
    open_line: OpenLine = open_serial,
    *,
    quick_ms: int = QUICK_MS,
) -> Diagnosis:
    """Return what is wrong with `device` on the serial line of `bus`, if anything is.

    Raises:
        UnreachableError: the port cannot be opened.
    """
    spec = device.profile.points[device.points[0].name]
    request = read_request(device.unit, spec.table, spec.address, spec.words)
    configured = LineSettings.of(bus)
    idle, signs = await _as_configured(bus, request, open_line)
    seen = Seen(signs=signs, idle=idle)
    if Sign.CLEAN not in signs and not is_doubled(signs):
        settings = await _other_settings(bus, request, open_line, quick_ms)
        units = () if settings else await _other_units(bus, request, open_line, quick_ms)
        seen = Seen(signs=signs, idle=idle, settings=settings, units=units)
    return diagnose(device.unit, configured, seen)


async def _as_configured(
    bus: ModbusBus, request: Request, open_line: OpenLine
) -> tuple[bytes, list[Sign]]:
    wire = open_line(bus)
    try:
        idle = await overhear(wire, IDLE_S)
        heard = [await ask(bus, wire, request) for _ in range(TRIES)]
    except LineLostError as error:
        raise UnreachableError(f"{bus.where}: {error}; plug the adapter in again") from error
    finally:
        wire.close()
    return idle, [sign_of(request, one.raw) for one in heard]


async def _other_settings(
    bus: ModbusBus, request: Request, open_line: OpenLine, quick_ms: int
) -> LineSettings | None:
    for settings in other_than(LineSettings.of(bus)):
        tried = settings.on(bus, quick_ms)
        if await _answers(tried, request, open_line):
            return settings
    return None


async def _other_units(
    bus: ModbusBus, request: Request, open_line: OpenLine, quick_ms: int
) -> tuple[int, ...]:
    """Return the unit that answers in the configured settings, if one does."""
    known = {device.unit for device in bus.devices}
    tried = LineSettings.of(bus).on(bus, quick_ms)
    for unit in units_in_order(MAX_UNITS):
        if unit not in known and await _answers(tried, _to(unit, request), open_line):
            return (unit,)
    return ()


async def _answers(bus: ModbusBus, request: Request, open_line: OpenLine) -> bool:
    try:
        wire = open_line(bus)
    except UnreachableError:
        return False  # a port that does not know these settings
    try:
        heard = await ask(bus, wire, request, linger_s=0)
    except LineLostError:
        return False
    finally:
        wire.close()
    return sign_of(request, heard.raw) in {Sign.CLEAN, Sign.DOUBLED}


def _to(unit: int, request: Request) -> Request:
    return Request(unit=unit, pdu=request.pdu, data_bytes=request.data_bytes)
