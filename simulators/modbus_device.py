"""Modbus devices on a TCP port or a serial line, answering from the physics.

Used by `simulators.site` and by tests. The protocol is pymodbus's server; registers come from
`simulators.registers`, filled at the moment of each read. Many units share one port or line. A
unit can be made to misbehave (`Condition`). Writing is refused and entered in the ledger: a
monitoring gateway must never cause such an entry.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, assert_never

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest, ReadDeviceInformationResponse
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.errors import UnavailableError
from simulators.ledger import Ledger
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


class UnknownUnit(IntEnum):
    """What answers for a unit number nobody has."""

    NOBODY = 0  # a serial line: silence
    GATEWAY = ExcCodes.GATEWAY_NO_RESPONSE  # a TCP converter: exception 11


@dataclass(slots=True, kw_only=True)
class Unit:
    """One device; `sample` gives what it measures now. `condition` may change at any time."""

    number: int
    name: str
    kind: DeviceKind
    sample: Callable[[], Sample]
    serial: str = ""
    condition: Condition = Working()


class ModbusLine:
    """Several units behind one TCP port or on one serial line."""

    def __init__(self, units: Sequence[Unit], ledger: Ledger) -> None:
        self.units: Mapping[int, Unit] = {unit.number: unit for unit in units}
        self._ledger = ledger
        self._server: ModbusBaseServer | None = None
        self._unknown = UnknownUnit.NOBODY
        self._answers: set[asyncio.Task[None]] = set()

    async def serve_tcp(self, host: str, port: int = 0) -> int:
        """Listen on `host`:`port` and return the port, chosen freely when 0."""
        self._unknown = UnknownUnit.GATEWAY
        server = _TcpServer(self._devices(), address=(host, port))
        server.line = self
        await self._start(server, f"{host}:{port}")
        return int(server.transport.sockets[0].getsockname()[1])  # type: ignore[attr-defined]

    async def serve_rtu(self, device: str, baud: int = 9600, parity: str = "N") -> None:
        """Answer on the serial port `device`."""
        self._unknown = UnknownUnit.NOBODY
        server = _RtuServer(
            self._devices(),
            framer=FramerType.RTU,
            port=device,
            baudrate=baud,
            parity=parity,
            reconnect_delay=0,
        )
        server.line = self
        await self._start(server, device)

    async def close(self) -> None:
        """Stop answering and release the port."""
        for answer in tuple(self._answers):
            answer.cancel()
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    async def _start(self, server: ModbusBaseServer, where: str) -> None:
        self._server = server
        try:
            await server.serve_forever(background=True)
        except RuntimeError as exc:
            raise UnavailableError(f"cannot serve Modbus on {where}; is it in use") from exc

    def _devices(self) -> list[SimDevice]:
        return [_sim_device(unit) for unit in self.units.values()]

    def answer(self, connection: "_Connection", request: ModbusPDU) -> None:
        """Let the addressed unit answer `request` on `connection`, in its own time."""
        task = asyncio.create_task(self._answer(connection, request), name="modbus answer")
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, connection: "_Connection", request: ModbusPDU) -> None:
        unit = self.units.get(request.dev_id)
        if unit is None:
            reply = _nobody(request, self._unknown)
        else:
            reply = await _reply(unit, request, connection.server.context)
        self._note(unit.name if unit else "nobody", request, reply)
        if reply is not None:
            reply.transaction_id, reply.dev_id = request.transaction_id, request.dev_id
            connection.pdu_send(reply)

    def _note(self, name: str, request: ModbusPDU, reply: ModbusPDU | None) -> None:
        function = request.function_code
        facts = {"unit": request.dev_id, "function": function, "address": request.address}
        if reply is None:
            self._ledger.served(name, "silence", **facts)
        elif reply.isError():
            what = "exception" if function in {1, 2, 3, 4, 0x2B} else "write refused"
            self._ledger.served(name, what, code=reply.exception_code, **facts)
        else:
            self._ledger.served(name, "registers", words=list(reply.registers), **facts)


class _Connection(ServerRequestHandler):
    """One client; hands each request to the line together with what it came on.

    pymodbus keeps only the last request of a connection: a slow answer would go out under the
    transaction id of a later question.
    """

    server: Any

    def handle_later(self) -> None:
        """Take the request that has just been decoded."""
        if self.last_pdu is not None:
            self.server.line.answer(self, self.last_pdu)


class _TcpServer(ModbusTcpServer):
    line: ModbusLine

    def callback_new_connection(self) -> _Connection:
        """Return the handler of one new client."""
        return _Connection(self, None, None, None)  # type: ignore[no-untyped-call]


class _RtuServer(ModbusSerialServer):
    line: ModbusLine

    def callback_new_connection(self) -> _Connection:
        """Return the handler of the line."""
        return _Connection(self, None, None, None)  # type: ignore[no-untyped-call]


def _nobody(request: ModbusPDU, unknown: UnknownUnit) -> ModbusPDU | None:
    match unknown:
        case UnknownUnit.NOBODY:
            return None
        case UnknownUnit.GATEWAY:
            return ExceptionResponse(request.function_code, unknown.value)
        case _:
            assert_never(unknown)


async def _reply(unit: Unit, request: ModbusPDU, context: Any) -> ModbusPDU | None:  # noqa: ANN401 - pymodbus's own
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


def _sim_device(unit: Unit) -> SimDevice:
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
