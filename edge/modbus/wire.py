"""The line itself: a non-blocking descriptor that the event loop watches, and its framing.

The only module that opens sockets and serial ports for Modbus. Raw descriptors rather than
asyncio transports: measured, a poll costs a quarter less.
"""

import asyncio
import contextlib
import errno
import os
import socket
import termios
from collections.abc import Sequence
from typing import Any, Final, Protocol

import serial

from edge.errors import UnreachableError
from edge.modbus.config import LinkKind, ModbusBus
from edge.modbus.errors import LineLostError
from edge.modbus.frames import Codec
from edge.modbus.rtu_codec import RtuCodec
from edge.modbus.tcp_codec import TcpCodec

CONNECT_TIMEOUT_S: Final = 3.0
READ_BYTES: Final = 4096
MAX_EMPTY_READS: Final = 8
"""A serial port reads as empty when its bytes were thrown away meanwhile, but also, for ever,
when its adapter was pulled out."""
FIXED_GAP_S: Final = 0.001_75
"""Above 19200 baud the silence between two messages does not shrink further."""


class Wire(Protocol):
    """An open line. Every method returns at once; `LineLostError` means that it is gone."""

    codec: Codec
    gap_s: float
    """How long the line is silent before a request."""
    is_connection: bool
    """Whether long silence may mean that the line, not the device, is dead."""

    def fileno(self) -> int:
        """Return the descriptor that becomes readable."""

    def read(self) -> bytes:
        """Return what has come; empty when nothing has."""

    def write(self, data: bytes) -> None:
        """Send one request."""

    def close(self) -> None:
        """Give the line back."""


class TcpWire:
    """A connection to a device or to a gateway in front of several."""

    is_connection = True
    gap_s = 0.0

    def __init__(self, sock: socket.socket) -> None:
        self.codec: Codec = TcpCodec()
        self._sock = sock

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    def read(self) -> bytes:
        """Return what has come; the peer's end of the connection is a lost line."""
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            raise LineLostError(f"connection lost: {error.strerror}") from error
        if not data:
            raise LineLostError("connection closed by the device")
        return data

    def write(self, data: bytes) -> None:
        """Send one request; one that does not fit is a lost line, for nothing else waits."""
        try:
            sent = self._sock.send(data)
        except OSError as error:
            raise LineLostError(f"connection lost: {error.strerror}") from error
        if sent != len(data):
            raise LineLostError("connection stalled")

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


class RtuWire:
    """A serial port."""

    is_connection = False

    def __init__(self, port: serial.Serial, gap_s: float) -> None:
        self.codec: Codec = RtuCodec()
        self.gap_s = gap_s
        self._port = port
        self._fd: int = port.fileno()
        self._empty_reads = 0

    def fileno(self) -> int:
        """Return the port's descriptor."""
        return self._fd

    def read(self) -> bytes:
        """Return what has come; an adapter that was pulled out is a lost line."""
        try:
            data = os.read(self._fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            raise LineLostError(f"serial port lost: {error.strerror}") from error
        self._empty_reads = 0 if data else self._empty_reads + 1
        if self._empty_reads > MAX_EMPTY_READS:
            raise LineLostError("serial port lost")
        return data

    def write(self, data: bytes) -> None:
        """Send one request; what has come meanwhile answers nothing and is thrown away."""
        self._empty_reads = 0
        try:
            termios.tcflush(self._fd, termios.TCIFLUSH)
            sent = os.write(self._fd, data)
        except (OSError, termios.error) as error:
            raise LineLostError(f"serial port lost: {error}") from error
        if sent != len(data):
            raise LineLostError("serial port stalled")

    def close(self) -> None:
        """Close the port."""
        with contextlib.suppress(OSError, termios.error):
            self._port.close()


async def open_wire(bus: ModbusBus) -> Wire:
    """Return the open line of `bus`.

    Raises:
        UnreachableError: says what to check; try again later.
    """
    return open_serial(bus) if bus.kind is LinkKind.RTU else await _connect(bus)


async def _connect(bus: ModbusBus) -> TcpWire:
    problem: OSError = TimeoutError()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            for family, _, _, _, address in await _addresses(bus):
                try:
                    return TcpWire(await _connected(family, address))
                except OSError as error:
                    problem = error
    except OSError as error:  # TimeoutError and failed name look-ups are
        problem = error
    raise _unreachable(bus, problem) from problem


async def _addresses(bus: ModbusBus) -> Sequence[tuple[int, int, int, str, Any]]:
    try:  # a numeric address needs no resolver, and so no thread
        return socket.getaddrinfo(
            bus.host, bus.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(bus.host, bus.port, type=socket.SOCK_STREAM)


async def _connected(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def open_serial(bus: ModbusBus) -> RtuWire:
    """Return the open serial port of `bus`; it is ours alone.

    Raises:
        UnreachableError: says what to check.
    """
    try:
        port = serial.Serial(
            port=bus.device,
            baudrate=bus.baud,
            parity=bus.parity,
            stopbits=bus.stop_bits,
            timeout=0,
            exclusive=True,
        )
    except (OSError, termios.error) as error:  # SerialException is an OSError
        raise _unusable(bus, error) from error
    with contextlib.suppress(OSError, ValueError, NotImplementedError):
        port.set_low_latency_mode(True)  # USB adapters else hold an answer back for 16 ms
    char_s = bus.bits_per_char / bus.baud
    return RtuWire(port, FIXED_GAP_S if bus.baud > 19_200 else 3.5 * char_s)


def _unreachable(bus: ModbusBus, error: OSError) -> UnreachableError:
    match error:
        case TimeoutError():
            reason = f"no connection within {CONNECT_TIMEOUT_S:g} s"
        case OSError(errno=number) if number is not None and number > 0:
            reason = os.strerror(number)
        case _:
            reason = str(error.strerror)  # names that cannot be resolved
    return UnreachableError(
        f"modbus bus {bus.name!r}: cannot connect to {bus.where}: {reason}; "
        "check address, port, cabling and whether the device serves another client"
    )


def _unusable(bus: ModbusBus, error: Exception) -> UnreachableError:
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            remedy = "no such device; plug the adapter in or correct `device`"
        case errno.EACCES | errno.EPERM:
            remedy = "not permitted; add this user to group dialout"
        case errno.EAGAIN:
            remedy = "another program has it open; stop that one first"
        case _:
            remedy = f"{error}; check `device`, baud and parity"
    return UnreachableError(f"modbus bus {bus.name!r}: cannot open {bus.device}: {remedy}")
