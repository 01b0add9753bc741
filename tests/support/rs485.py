"""An RS-485 line with what goes wrong on one: speeds, parity, swapped wires, shared addresses.

A pseudo terminal stands for the gateway's port: the far end sees at what speed and with how
many stop bits it was opened. Parity is lost on a pseudo terminal, so `open` tells it.
"""

import asyncio
import os
import termios
import tty
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from edge.modbus.config import ModbusBus
from edge.modbus.rtu_codec import crc16
from edge.modbus.wire import Wire, open_serial
from gateway_firmware_py.discovering.line_settings import SETTINGS, LineSettings

SPEEDS: Mapping[int, int] = {
    getattr(termios, f"B{baud}"): baud
    for baud in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}
Words = Mapping[int, int]


@dataclass(slots=True)
class Probe:
    """One device: its registers by function and address; `late` bytes after the others."""

    unit: int
    words: Mapping[int, Words]
    settings: LineSettings = SETTINGS[0]
    late: int = 0
    identity: Mapping[int, str] = field(default_factory=dict)

    def answer(self, pdu: bytes) -> bytes:
        """Return the answer on the line, an exception where there is nothing to read."""
        body = bytes((self.unit, *self._answer_pdu(pdu)))
        return body + crc16(body)

    def _answer_pdu(self, pdu: bytes) -> bytes:
        function = pdu[0]
        if function == 0x2B:
            return self._identity() if self.identity else bytes((0xAB, 1))
        words = self.words.get(function)
        if words is None:
            return bytes((function | 0x80, 1))
        start, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        if any(at not in words for at in range(start, start + count)):
            return bytes((function | 0x80, 2))
        data = b"".join(words[at].to_bytes(2, "big") for at in range(start, start + count))
        return bytes((function, len(data))) + data

    def _identity(self) -> bytes:
        objects = b"".join(
            bytes((number, len(text))) + text.encode() for number, text in self.identity.items()
        )
        return bytes((0x2B, 0x0E, 3, 0x83, 0, 0, len(self.identity))) + objects


@dataclass(slots=True)
class Line:
    """The line with its probes; `swapped` exchanges A and B at the gateway."""

    path: str
    far_fd: int
    near_fd: int
    probes: Sequence[Probe] = ()
    swapped: bool = False
    noise: bytes = b""
    parity: str = "N"
    asked: list[bytes] = field(default_factory=list)
    _heard: bytes = b""

    def open(self, bus: ModbusBus) -> Wire:
        """Open the port as the gateway does."""
        self.parity, self._heard = bus.parity, b""
        wire = open_serial(bus)
        if self.swapped:
            os.write(self.far_fd, b"\0")  # a line at rest looks like a break
        return wire

    @property
    def opened(self) -> LineSettings:
        """Return how the port is set now."""
        flags, speed = termios.tcgetattr(self.near_fd)[2], termios.tcgetattr(self.near_fd)[4]
        stop_bits = 2 if flags & termios.CSTOPB else 1
        return LineSettings(baud=SPEEDS[speed], parity=self.parity, stop_bits=stop_bits)

    def on_readable(self) -> None:
        """Take what the gateway sends; whole requests are answered."""
        self._heard += os.read(self.far_fd, 4096)
        while len(self._heard) >= (size := 7 if self._heard[1:2] == b"\x2b" else 8):
            message, self._heard = self._heard[:size], self._heard[size:]
            assert crc16(message[:-2]) == message[-2:], message.hex()
            self.asked.append(message)
            reply = self.noise or self._reply(message)
            if reply:
                os.write(self.far_fd, reply)

    def _reply(self, message: bytes) -> bytes:
        heard = [
            probe
            for probe in self.probes
            if probe.unit == message[0] and probe.settings == self.opened and not self.swapped
        ]
        answers = [b"\xff" * p.late + p.answer(message[1:-2]) for p in heard]
        return collided(answers)


def collided(answers: Sequence[bytes]) -> bytes:
    """Return what a receiver sees of several at once: a 0 of anyone wins over every 1."""
    length = max(map(len, answers), default=0)
    mixed = bytearray(b"\xff" * length)
    for answer in answers:
        for at, byte in enumerate(answer):
            mixed[at] &= byte
    return bytes(mixed)


@asynccontextmanager
async def rs485(
    *probes: Probe, swapped: bool = False, noise: bytes = b""
) -> AsyncIterator[Line]:
    """Give a line with these probes."""
    far_fd, near_fd = os.openpty()
    tty.setraw(near_fd)
    os.set_blocking(far_fd, False)
    line = Line(os.ttyname(near_fd), far_fd, near_fd, probes, swapped, noise)
    loop = asyncio.get_running_loop()
    loop.add_reader(far_fd, line.on_readable)
    try:
        yield line
    finally:
        loop.remove_reader(far_fd)
        os.close(far_fd)
        os.close(near_fd)
