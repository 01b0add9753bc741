"""Opening a scanner: a serial port, a network port, or an input device, as a stream of bytes.

Used by `edge.scanner.source`. Everything that can go wrong with the device is one
`UnreachableError`. Nothing is ever written to a scanner.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any, Final, assert_never

import serial

from edge.errors import UnreachableError
from edge.scanner.config import ScannerConfig, ScannerKind

CONNECT_TIMEOUT_S: Final = 5.0
EVIOCGRAB: Final = 0x40044590
"""Take the keys for ourselves: a scan must not be typed into a login prompt."""


@asynccontextmanager
async def opened(config: ScannerConfig) -> AsyncIterator[asyncio.StreamReader]:
    """Open the scanner for as long as the block lasts.

    Raises:
        UnreachableError: it is not there, not ours to read, or it went away in the block.
    """
    try:
        match config.kind:
            case ScannerKind.TCP:
                async with _network(config) as reader:
                    yield reader
            case ScannerKind.SERIAL:
                async with _pipe(_serial_port(config)) as reader:
                    yield reader
            case ScannerKind.KEYBOARD:
                async with _pipe(_input_device(config)) as reader:
                    yield reader
            case _:
                assert_never(config.kind)
    except (OSError, TimeoutError) as exc:
        raise UnreachableError(f"scanner {config.name!r} at {config.where}: {exc}") from exc


@asynccontextmanager
async def _network(config: ScannerConfig) -> AsyncIterator[asyncio.StreamReader]:
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(config.host, config.port)
    try:
        yield reader
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def _pipe(port: IO[bytes]) -> AsyncIterator[asyncio.StreamReader]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        transport, _ = await loop.connect_read_pipe(lambda: protocol, port)
    except ValueError as exc:
        port.close()
        raise OSError("is not a device") from exc
    try:
        yield reader
    finally:
        transport.close()


def _serial_port(config: ScannerConfig) -> Any:  # noqa: ANN401 - the library has no types
    return serial.Serial(config.device, config.baud, timeout=0, exclusive=True)


def _input_device(config: ScannerConfig) -> IO[bytes]:
    port = os.fdopen(os.open(config.device, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
    with contextlib.suppress(OSError):  # a pipe in a test is no input device
        fcntl.ioctl(port, EVIOCGRAB, 1)
    return port
