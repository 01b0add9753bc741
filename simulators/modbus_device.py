"""Modbus devices on a TCP port or a serial line, answering from the physics.

Used by `simulators.site` and by tests. The protocol is pymodbus's server; registers come from
`simulators.registers`, filled at the moment of each read. Many units share one port or line.
Writing is refused and entered in the ledger: a monitoring gateway never causes such an entry.
"""

import asyncio
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, assert_never

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.server.requesthandler import ServerRequestHandler

from simulators.errors import UnavailableError
from simulators.ledger import Ledger
from simulators.modbus_unit import Unit, device_of, reply_of


class UnknownUnit(IntEnum):
    """What answers for a unit number nobody has."""

    NOBODY = 0  # a serial line: silence
    GATEWAY = ExcCodes.GATEWAY_NO_RESPONSE  # a TCP converter: exception 11


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
        server = _TcpServer(
            [device_of(unit) for unit in self.units.values()], address=(host, port)
        )
        server.line = self
        await self._start(server, f"{host}:{port}")
        return int(server.transport.sockets[0].getsockname()[1])  # type: ignore[attr-defined]

    async def serve_rtu(self, device: str, baud: int = 9600, parity: str = "N") -> None:
        """Answer on the serial port `device`."""
        self._unknown = UnknownUnit.NOBODY
        server = _RtuServer(
            [device_of(unit) for unit in self.units.values()],
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
            reply = await reply_of(unit, request, connection.server.context)
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
