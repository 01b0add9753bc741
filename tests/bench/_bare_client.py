"""The floor of polling: `python -m tests.bench._bare_client PORT DEVICES REGISTERS SECONDS`.

Reads the registers of so many devices once a second with nothing but asyncio, a connection
each, spread over the second; keeps no value. Prints the process's CPU time in ns and how many
values it read.
"""

import asyncio
import struct
import sys
import time


class Client(asyncio.Protocol):
    """One device."""

    values = 0

    def __init__(self, registers: int) -> None:
        self._request = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, 0, registers)
        self._row = struct.Struct(f">9x{registers}h")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def poll(self) -> None:
        """Send one request."""
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take the values and count them."""
        Client.values += len(self._row.unpack(data))


async def main(port: int, devices: int, registers: int, seconds: int) -> None:
    """Poll, then print."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(devices):
        pair = await loop.create_connection(lambda: Client(registers), "127.0.0.1", port)
        clients.append(pair[1])
    start_s = loop.time()
    before_ns = time.process_time_ns()
    for second in range(seconds):
        for n, client in enumerate(clients):
            due_s = start_s + second + n * 8 // devices / 8
            if due_s > loop.time():
                await asyncio.sleep(due_s - loop.time())
            client.poll()
    await asyncio.sleep(max(start_s + seconds - loop.time(), 0))
    print(time.process_time_ns() - before_ns, Client.values)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:5])))
