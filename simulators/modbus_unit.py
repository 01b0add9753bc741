"""One simulated Modbus device: what it is, how it misbehaves, what it answers.

Used by `simulators.modbus_device`. Registers are filled from the physics at the moment of each
read.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest, ReadDeviceInformationResponse
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.refrigerator import Sample
from simulators.registers import HOLDING, INPUT, DeviceKind, Image

NO_BITS = [False] * 16


@dataclass(frozen=True, slots=True)
class Working:
    """The device answers at once and rightly."""


@dataclass(frozen=True, slots=True)
class Silent:
    """The device never answers: unplugged, or on another baud rate."""


@dataclass(frozen=True, slots=True)
class Slow:
    """The device answers rightly, `delay_s` late."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class SensorFailed:
    """The device answers, but its registers hold the maker's error values."""


@dataclass(frozen=True, slots=True)
class Excepting:
    """The device answers every read with exception `code`."""

    code: int


Condition = Working | Silent | Slow | SensorFailed | Excepting


@dataclass(slots=True, kw_only=True)
class Unit:
    """One device; `sample` gives what it measures now. `condition` may change at any time."""

    number: int
    name: str
    kind: DeviceKind
    sample: Callable[[], Sample]
    serial: str = ""
    condition: Condition = Working()


async def reply_of(unit: Unit, request: ModbusPDU, context: Any) -> ModbusPDU | None:  # noqa: ANN401 - pymodbus's own
    """Return the answer of `unit`, in its own time; None when it stays silent."""
    match unit.condition:
        case Silent():
            return None
        case Excepting(code):
            return ExceptionResponse(request.function_code, code)
        case Slow(delay_s):
            await asyncio.sleep(delay_s)
        case Working() | SensorFailed():
            pass
        case _:
            assert_never(unit.condition)
    if isinstance(request, ReadDeviceInformationRequest):
        return _identity(unit, request)
    if not unit.kind.image(unit.sample()).get(request.function_code):
        return ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_FUNCTION)
    reply: ModbusPDU = await request.datastore_update(context, request.dev_id)
    return reply


def _identity(unit: Unit, request: ReadDeviceInformationRequest) -> ModbusPDU:
    kind = unit.kind
    texts = {0: kind.vendor, 1: kind.name, 2: kind.revision, 0x80: unit.serial}
    asked = {number: text.encode() for number, text in texts.items() if text}
    return ReadDeviceInformationResponse(request.read_code, asked)


def device_of(unit: Unit) -> SimDevice:
    """Return the unit as pymodbus's server wants it."""
    image = _image(unit)

    async def refresh(
        function: int,
        start: int,
        address: int,  # noqa: ARG001
        count: int,  # noqa: ARG001
        registers: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if written is not None:
            return ExcCodes.ILLEGAL_FUNCTION
        for at, word in _image(unit)[function].items():
            registers[at - start] = word
        return None

    bits = [SimData(0, values=NO_BITS, datatype=DataType.BITS)]
    blocks = (bits, list(bits), _block(image[HOLDING]), _block(image[INPUT]))
    return SimDevice(id=unit.number, simdata=blocks, action=refresh)


def _image(unit: Unit) -> Image:
    sample = unit.sample()
    if isinstance(unit.condition, SensorFailed):
        return unit.kind.failed_image(sample)
    return unit.kind.image(sample)


def _block(words: Mapping[int, int]) -> list[SimData]:
    if not words:
        return [SimData(0)]
    return [SimData(at, values=words[at], datatype=DataType.REGISTERS) for at in sorted(words)]
