"""pymodbus as the far end: a device with all four tables and an identity."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymodbus.pdu.device import ModbusDeviceIdentification
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

IDENTITY = {0: "Coldwarden tests", 1: "CW-1", 2: "1.2", 4: "Fridge probe", 128: "SN-0042"}
MISSING = range(20, 24)
"""Holding registers that the device does not have."""


def holding(address: int) -> int:
    """What a holding register holds: negative numbers too."""
    return (3 * address - 50) & 0xFFFF


def _device(unit: int) -> SimDevice:
    bits = SimData(0, values=[bool(a % 3) for a in range(64)], datatype=DataType.BITS)
    blocks = [
        SimData(r.start, values=[holding(a) for a in r], datatype=DataType.REGISTERS)
        for r in (range(MISSING.start), range(MISSING.stop, 100))
    ]
    low_word_first = [0x7AE1, 0x41F4]  # 30.56, as in the manual of a Vaisala HMP4
    inputs = SimData(0, values=[7, 8, *low_word_first], datatype=DataType.REGISTERS)
    return SimDevice(id=unit, simdata=([bits], [bits], blocks, [inputs]))


def _identity() -> ModbusDeviceIdentification:
    texts = {number: text.encode() for number, text in IDENTITY.items()}
    return ModbusDeviceIdentification(texts)  # type: ignore[no-untyped-call]


@asynccontextmanager
async def pymodbus_tcp(port: int, *units: int) -> AsyncIterator[None]:
    """Serve `units` on a TCP port."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    server = ModbusTcpServer(
        [_device(unit) for unit in units],
        identity=_identity(),
        address=("127.0.0.1", port),
        ignore_missing_devices=True,
    )
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def pymodbus_rtu(path: str, *units: int) -> AsyncIterator[None]:
    """Serve `units` on a serial port."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    server = ModbusSerialServer(
        [_device(unit) for unit in units],
        identity=_identity(),
        port=path,
        baudrate=115_200,
        ignore_missing_devices=True,
    )
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
