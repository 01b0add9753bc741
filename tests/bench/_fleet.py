"""A fleet that has signed before it is told to send: `python -m tests.bench._fleet PORT ...`.

Signs `rounds` batches of each gateway, a minute apart, the last one a minute ago; says `ready`.
Told a number of rounds on its input, it posts those over keep-alive connections, each with one
request under way, as a proxy before many gateways would, and prints what that took as JSON.
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from array import array
from collections import deque
from hashlib import sha256
from typing import Final, cast

import uvloop

from evidence.batch import NO_PREV, Body, Columns, encode_body, expected_header
from evidence.cose import sign1
from evidence.keys import SoftwareKey
from tests.support.batches import real_columns

SITE: Final = "chs-001"
CHANNELS: Final = 4
READINGS: Final = 40
MINUTE_MS: Final = 60_000
SHAPES: Final = 64
WARM: Final = 950
"""9.50: out of 2 to 8."""
EXCURSIONS: Final = 200
"""One gateway in so many has a door left open for two minutes."""
EXCURSION_MINUTES: Final = (2, 3)


def gateway_name(number: int) -> str:
    """Return the id of a gateway."""
    return f"gw-{number:05}"


def gateway_key(number: int) -> SoftwareKey:
    """Return its key."""
    return SoftwareKey(-19, (number + 1).to_bytes(32, "big"))


def signed(number: int, rounds: int, start_ms: int) -> list[bytes]:
    """Return the requests of one gateway, batch by batch."""
    name, key = gateway_name(number), gateway_key(number)
    header = expected_header(name, SITE, key.public)
    epoch, prev = number.to_bytes(8, "big"), NO_PREV
    requests = []
    for seq in range(rounds):
        body = Body(
            epoch=epoch,
            seq=seq,
            prev=prev,
            t0=start_ms + seq * MINUTE_MS,
            mono_ms=1_000_000 + seq * MINUTE_MS,
            boot=1,
            sync=1,
            err_ms=20,
            columns=_columns(number, seq),
            readings_total=(seq + 1) * READINGS,
            lowest_held=(epoch, 0),
            config=bytes(32),
        )
        batch = sign1(header, encode_body(body), key)
        prev = sha256(batch).digest()
        requests.append(_request(name, batch))
    return requests


_SHAPES = [real_columns(READINGS, channels=CHANNELS, seed=n) for n in range(SHAPES)]


def _columns(number: int, seq: int) -> Columns:
    columns = _SHAPES[(number + seq) % SHAPES]
    if number % EXCURSIONS or seq not in EXCURSION_MINUTES:
        return columns
    fields = {name: getattr(columns, name) for name in Columns.__slots__}
    return Columns(**{**fields, "v0": array("q", [WARM] * CHANNELS)})


def _request(name: str, batch: bytes) -> bytes:
    return (
        f"POST /v1/gateways/{name}/batches HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/cbor-seq\r\nContent-Length: {len(batch)}\r\n\r\n"
    ).encode() + batch


class Sender(asyncio.Protocol):
    """One connection; takes requests from `waiting` until there are none."""

    def __init__(self, done: "asyncio.Queue[Sender]") -> None:
        self.waiting: deque[bytes] = deque()
        self.answer_bytes = 0
        self._done = done
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def go(self) -> None:
        """Send the next request, or say that all have their answers."""
        if self.waiting:
            self._transport.write(self.waiting.popleft())
        else:
            self._done.put_nowait(self)

    def data_received(self, data: bytes) -> None:
        """Take an answer; nothing but its length is looked at."""
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self._buffer) < end + 4 + length:
            return
        self.answer_bytes += length
        self._buffer = b""
        self.go()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop for good: the server must not close what is in use."""
        if self.waiting:
            sys.exit(f"connection lost: {exc}")


async def send(port: int, rounds: list[list[bytes]], connections: int) -> None:
    """Obey the input: post so many rounds at a time."""
    loop = asyncio.get_running_loop()
    done: asyncio.Queue[Sender] = asyncio.Queue()
    senders = []
    for _ in range(connections):
        _, sender = await loop.create_connection(lambda: Sender(done), "127.0.0.1", port)
        senders.append(sender)
    print("ready", flush=True)
    at = 0
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        count = int(line)
        for requests in rounds[at : at + count]:
            for number, request in enumerate(requests):
                senders[number % connections].waiting.append(request)
        at += count
        begun_s, cpu_s = time.monotonic(), time.process_time()
        for sender in senders:
            sender.go()
        for _ in senders:
            await done.get()
        wall_s, cpu_s = time.monotonic() - begun_s, time.process_time() - cpu_s
        answers = sum(sender.answer_bytes for sender in senders)
        print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "answer_bytes": answers}))
        sys.stdout.flush()


def main() -> None:
    """Sign, then send."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "gateways", "rounds", "connections"):
        parser.add_argument(name, type=int)
    args = parser.parse_args()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    start_ms = time.time_ns() // 1_000_000 - (args.rounds + 1) * MINUTE_MS
    each = [signed(number, args.rounds, start_ms) for number in range(args.gateways)]
    rounds = [[requests[n] for requests in each] for n in range(args.rounds)]
    uvloop.install()
    asyncio.run(send(args.port, rounds, args.connections))


if __name__ == "__main__":
    main()
