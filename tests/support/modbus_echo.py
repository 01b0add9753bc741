"""A Modbus TCP device of a few lines: answers reads of registers with values of the test."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

READS = {3, 4}


@asynccontextmanager
async def modbus_echo(value_at: Callable[[int], int]) -> AsyncIterator[int]:
    """Serve every unit; the value of a register is `value_at(address)`. Yields the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = await reader.readexactly(8)
                transaction, _, length, unit, function = struct.unpack(">HHHBB", head)
                rest = await reader.readexactly(length - 2)
                assert function in READS | {43}, "only reads may reach a device"
                writer.write(_answer(transaction, unit, function, rest, value_at))
                await writer.drain()
        tasks.discard(task)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for task in tuple(tasks):
            task.cancel()
        server.close()
        await server.wait_closed()


def _answer(
    transaction: int, unit: int, function: int, rest: bytes, value_at: Callable[[int], int]
) -> bytes:
    if function not in READS:
        pdu = bytes((function | 0x80, 1))
    else:
        start, count = struct.unpack(">HH", rest)
        values = [value_at(start + i) & 0xFFFF for i in range(count)]
        pdu = struct.pack(f">BB{count}H", function, 2 * count, *values)
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu
