"""Modbus TCP devices as cheap as can be, a process: `python -m tests.bench._devices`.

Every connection is a device; it answers any read of holding registers with temperatures around
5.00 that move at every poll. Prints its port; when its input ends it prints, as one line of
JSON, the intervals between the requests of each connection, in ms.
"""

import argparse
import asyncio
import json
import random
import struct
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, cast

import uvloop

MOMENTS: Final = 64
READ_HOLDING: Final = 3
REQUEST = struct.Struct(
    ">HHHBBHH"
)  # transaction, protocol, length, unit, function, start, count


def moments(registers: int) -> list[bytes]:
    """Return register blocks as probes would show them, round and round."""
    rng = random.Random(registers)
    values = [500] * registers
    blocks = []
    for _ in range(MOMENTS // 2):
        values = [min(max(v + rng.randrange(-6, 7), 250), 750) for v in values]
        blocks.append(struct.pack(f">{registers}h", *values))
    return blocks + blocks[::-1]


class Device(asyncio.Protocol):
    """One connection."""

    def __init__(self, blocks: Sequence[bytes], asked_ns: list[list[int]]) -> None:
        self._blocks = blocks
        self._asked_ns: list[int] = []
        self._polls = 0
        asked_ns.append(self._asked_ns)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer one request; our clients send one at a time."""
        self._asked_ns.append(time.monotonic_ns())
        transaction, _, _, unit, function, start, count = REQUEST.unpack(data)
        assert function == READ_HOLDING, function
        block = self._blocks[self._polls % MOMENTS][2 * start : 2 * (start + count)]
        self._polls += 1
        head = struct.pack(">HHHBBB", transaction, 0, 3 + len(block), unit, 3, len(block))
        self._transport.write(head + block)


async def serve(registers: int) -> list[list[float]]:
    """Serve until the input ends; return the intervals."""
    loop = asyncio.get_running_loop()
    asked_ns: list[list[int]] = []
    blocks = moments(registers)
    server = await loop.create_server(lambda: Device(blocks, asked_ns), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    return [[(b - a) / 1e6 for a, b in pairwise(asked)] for asked in asked_ns]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registers", type=int, default=100)
    uvloop.install()
    print(json.dumps(asyncio.run(serve(parser.parse_args().registers))))
