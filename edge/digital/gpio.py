"""One line of a GPIO chip, through the kernel's character device (version 2 of its interface).

Used by `edge.digital.source`. Needs no library: two ioctls and a file descriptor that becomes
readable at every edge. Structures and numbers are those of `linux/gpio.h`; a test compares
them with the header. Lines are requested as inputs only.
"""

import asyncio
import contextlib
import fcntl
import os
import struct
from collections.abc import Callable
from typing import Final, Protocol

from edge.digital.config import Bias, DigitalConfig
from edge.errors import UnreachableError

GET_LINE_IOCTL: Final = 0xC250B407
GET_VALUES_IOCTL: Final = 0xC010B40E
FLAG_ACTIVE_LOW: Final = 1 << 1
FLAG_INPUT: Final = 1 << 2
FLAG_EDGES: Final = 1 << 4 | 1 << 5
BIAS_FLAGS: Final = {Bias.AS_IS: 0, Bias.PULL_UP: 1 << 8, Bias.PULL_DOWN: 1 << 9}
# offsets[64], consumer[32], config {flags, num_attrs, padding, attrs}, num_lines,
# event_buffer_size, padding, fd
REQUEST: Final = struct.Struct("=64I32sQI20x240xII20xi")
VALUES: Final = struct.Struct("=QQ")
EVENT_BYTES: Final = 48
EVENTS_READ: Final = 16
CONSUMER: Final = b"coldwarden"

Ioctl = Callable[[int, int, bytearray], int]


class DigitalInput(Protocol):
    """A line that is open; `close` it. Raises `UnreachableError` once it is gone."""

    def level(self) -> bool:
        """Look at the line: true when active."""

    async def changed(self) -> None:
        """Wait until the line may have moved since the last call."""

    def close(self) -> None:
        """Give the line back."""


class GpioInput:
    """A line requested from the kernel; belongs to the running loop."""

    def __init__(self, config: DigitalConfig, ioctl: Ioctl = fcntl.ioctl) -> None:
        """Request the line.

        Raises:
            UnreachableError: there is no such chip or line, or another program has it.
        """
        self._config = config
        self._ioctl = ioctl
        self._moved = asyncio.Event()
        try:
            chip = os.open(config.chip, os.O_RDWR | os.O_CLOEXEC)
            try:
                request = bytearray(line_request(config))
                ioctl(chip, GET_LINE_IOCTL, request)
            finally:
                os.close(chip)
        except OSError as exc:
            raise self._gone(exc) from exc
        self._line: int = REQUEST.unpack(request)[-1]
        os.set_blocking(self._line, False)
        asyncio.get_running_loop().add_reader(self._line, self._drain)

    def level(self) -> bool:
        """Look at the line: true when active."""
        values = bytearray(VALUES.pack(0, 1))
        try:
            self._ioctl(self._line, GET_VALUES_IOCTL, values)
        except OSError as exc:
            raise self._gone(exc) from exc
        bits, _ = VALUES.unpack(values)
        return bool(bits & 1)

    async def changed(self) -> None:
        """Wait until the line may have moved since the last call."""
        await self._moved.wait()
        self._moved.clear()

    def close(self) -> None:
        """Give the line back."""
        asyncio.get_running_loop().remove_reader(self._line)
        with contextlib.suppress(OSError):
            os.close(self._line)

    def _drain(self) -> None:
        # What the events say is not used: the line itself is looked at after every edge.
        try:
            ended = not os.read(self._line, EVENT_BYTES * EVENTS_READ)
        except BlockingIOError:
            ended = False
        except OSError:
            ended = True
        if ended:
            asyncio.get_running_loop().remove_reader(self._line)
        self._moved.set()

    def _gone(self, exc: OSError) -> UnreachableError:
        return UnreachableError(
            f"digital input {self._config.name!r} at {self._config.source}: {exc}"
        )


def line_request(config: DigitalConfig) -> bytes:
    """Return `struct gpio_v2_line_request` for one input line with both edges."""
    flags = FLAG_INPUT | FLAG_EDGES | BIAS_FLAGS[config.bias]
    if config.active_low:
        flags |= FLAG_ACTIVE_LOW
    offsets = [config.line] + [0] * 63
    return REQUEST.pack(*offsets, CONSUMER, flags, 0, 1, 0, -1)
