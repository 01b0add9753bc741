"""Far ends of Modbus lines, made by hand so that they can misbehave; they record every byte."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from edge.modbus.rtu_codec import crc16


class Far(Protocol):
    """What a peer answers through: whole TCP messages or bytes on a serial line."""

    def send(self, data: bytes) -> None: ...


def data_of(address: int, count: int) -> bytes:
    """Registers that hold their own address."""
    return b"".join((a & 0xFFFF).to_bytes(2, "big") for a in range(address, address + count))


def answer_pdu(pdu: bytes, data: bytes | None = None) -> bytes:
    """The good answer to a read; registers hold their own address unless `data` is given."""
    address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
    if data is None:
        data = data_of(address, count) if pdu[0] > 2 else bytes((count + 7) // 8)
    return bytes((pdu[0], len(data))) + data


def refusal_pdu(pdu: bytes, code: int) -> bytes:
    return bytes((pdu[0] | 0x80, code))


@dataclass
class Asked:
    """One request as it arrived, and how to answer it."""

    number: int
    transaction: bytes
    unit: int
    pdu: bytes
    far: Far

    def reply(self, pdu: bytes | None = None) -> None:
        """Answer with `pdu`, by default with good data."""
        body = bytes((self.unit,)) + (answer_pdu(self.pdu) if pdu is None else pdu)
        if self.transaction:
            head = self.transaction + bytes(2) + len(body).to_bytes(2, "big")
            self.far.send(head + body)
        else:
            self.far.send(body + crc16(body))

    def refuse(self, code: int) -> None:
        self.reply(refusal_pdu(self.pdu, code))


Behaviour = Callable[[Asked], None]


def answers(asked: Asked) -> None:
    """Behave well."""
    asked.reply()


def is_silent(_asked: Asked) -> None:
    """Say nothing."""


@dataclass
class Peer:
    """A device; `behaviour` may be exchanged at any time."""

    behaviour: Behaviour = answers
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    received: bytearray = field(default_factory=bytearray)
    """Every byte that ever came, whatever it was."""
    far: list["Connection"] = field(default_factory=list)

    def take(self, transaction: bytes, unit: int, pdu: bytes, far: Far) -> None:
        asked = Asked(len(self.asked), transaction, unit, pdu, far)
        self.asked.append(asked)
        self.behaviour(asked)

    @property
    def functions(self) -> set[int]:
        return {asked.pdu[0] for asked in self.asked}

    @property
    def understood(self) -> int:
        """How many received bytes were whole requests."""
        return sum(len(asked.pdu) + (7 if asked.transaction else 3) for asked in self.asked)


class Connection(asyncio.Protocol):
    """One TCP client of a peer."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.peer.connections += 1
        self.peer.far.append(self)

    def data_received(self, data: bytes) -> None:
        self.peer.received += data
        self.buffer += data
        while len(self.buffer) >= 6:
            end = 6 + int.from_bytes(self.buffer[4:6], "big")
            if len(self.buffer) < end:
                return
            head, body = self.buffer[:6], self.buffer[6:end]
            self.buffer = self.buffer[end:]
            self.peer.take(head[:2], body[0], body[1:], self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.peer.far.remove(self)

    def send(self, data: bytes) -> None:
        self.transport.write(data)


@asynccontextmanager
async def tcp_peer(port: int, behaviour: Behaviour = answers) -> AsyncIterator[Peer]:
    """Serve Modbus TCP on `port`."""
    peer = Peer(behaviour)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(peer), "127.0.0.1", port)
    try:
        yield peer
    finally:
        server.close()
        for connection in tuple(peer.far):
            connection.transport.abort()
        await server.wait_closed()


class PtyEnd:
    """The far end of a serial line."""

    def __init__(self, peer: Peer, fd: int) -> None:
        self.peer = peer
        self.fd = fd
        self.received = b""

    def on_readable(self) -> None:
        data = os.read(self.fd, 4096)
        self.peer.received += data
        self.received += data
        while len(self.received) >= (length := 7 if self.received[1:2] == b"\x2b" else 8):
            message, self.received = self.received[:length], self.received[length:]
            assert crc16(message[:-2]) == message[-2:], message.hex()
            self.peer.take(b"", message[0], message[1:-2], self)

    def send(self, data: bytes) -> None:
        os.write(self.fd, data)


@asynccontextmanager
async def pty_peer(behaviour: Behaviour = answers) -> AsyncIterator[tuple[Peer, str, PtyEnd]]:
    """Serve Modbus RTU on one end of a pseudo terminal; the other end's path is given."""
    peer = Peer(behaviour)
    far_fd, near_fd = os.openpty()
    tty.setraw(near_fd)
    loop = asyncio.get_running_loop()
    end = PtyEnd(peer, far_fd)
    loop.add_reader(far_fd, end.on_readable)
    try:
        yield peer, os.ttyname(near_fd), end
    finally:
        loop.remove_reader(far_fd)
        os.close(far_fd)
        os.close(near_fd)


@asynccontextmanager
async def pty_pair() -> AsyncIterator[tuple[str, str]]:
    """Give two serial ports that are wired to each other."""
    loop = asyncio.get_running_loop()
    ends = [os.openpty(), os.openpty()]
    for _, near_fd in ends:
        tty.setraw(near_fd)
    (one, _), (other, _) = ends
    loop.add_reader(one, lambda: os.write(other, os.read(one, 4096)))
    loop.add_reader(other, lambda: os.write(one, os.read(other, 4096)))
    try:
        yield os.ttyname(ends[0][1]), os.ttyname(ends[1][1])
    finally:
        for far_fd, near_fd in ends:
            loop.remove_reader(far_fd)
            os.close(far_fd)
            os.close(near_fd)
