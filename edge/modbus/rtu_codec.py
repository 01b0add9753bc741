"""Framing of Modbus messages on a serial line: found by what they must begin with, and a CRC.

Used by `edge.modbus.wire`. Pure. A line may put noise before an answer (transceivers that
switch), and some adapters echo what is sent; both are passed over. An RTU answer does not say
which request it is for: `edge.modbus.schedule` leaves a silent device alone long enough that a
late answer has passed. Source: MODBUS over Serial Line V1.02, section 2.5.1.
"""

from typing import Final

from edge.modbus.frames import Outcome, Request, answer_bytes, outcome_of

MAX_BUFFER_BYTES: Final = 1024
"""Four whole messages; a line that babbles costs no more memory than this."""
_CRC_BYTES: Final = 2
_REFUSAL_BYTES: Final = 3


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


def crc16(message: bytes) -> bytes:
    """Return the two CRC bytes that follow `message` on the line, low byte first."""
    crc = 0xFFFF
    for byte in message:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


class RtuCodec:
    """One serial line's framing; one request waits at a time."""

    def __init__(self) -> None:
        self.strays = 0
        self._request: Request | None = None
        self._sent = b""
        self._buffer = b""

    def begin(self, request: Request) -> bytes:
        """Return the bytes to send; whatever came before is forgotten."""
        message = bytes((request.unit,)) + request.pdu
        self._request = request
        self._sent = message + crc16(message)
        self._buffer = b""
        return self._sent

    def feed(self, data: bytes) -> Outcome | None:
        """Take received bytes; return the waiting request's outcome, at most once."""
        request = self._request
        if request is None:
            self.strays += 1
            return None
        self._buffer = (self._buffer + data)[-MAX_BUFFER_BYTES:]
        if self._sent.startswith(self._buffer):
            return None  # an echo, or an answer that looks like one: the next byte tells
        start = len(self._sent) if self._buffer.startswith(self._sent) else 0
        return self._found(request, start, is_complete=False)

    def abandon(self) -> Outcome | None:
        """Stop waiting for the answer; return it if it had come but was still in doubt.

        What is left in doubt until the line is silent: an answer that begins like an echo, and
        one behind noise that looks like the beginning of a longer answer.
        """
        request = self._request
        if request is None:
            return None
        outcome = self._found(request, 0, is_complete=True)
        if outcome is None and self._buffer:
            self.strays += 1
        self._request = None
        self._buffer = b""
        return outcome

    def _found(self, request: Request, start: int, *, is_complete: bool) -> Outcome | None:
        """Return the first message from `start` on whose CRC holds."""
        buffer = self._buffer
        for at in range(start, len(buffer)):
            length = _length_at(request, buffer[at:])
            if length is None:
                continue
            end = at + length + _CRC_BYTES
            if length == 0 or end > len(buffer):
                if is_complete:
                    continue
                return None
            if crc16(buffer[at : at + length]) == buffer[at + length : end]:
                self._request = None
                self._buffer = b""
                return outcome_of(request, buffer[at : at + length])
        return None


def _length_at(request: Request, window: bytes) -> int | None:
    """Return how long the message that `window` begins is; 0 not yet known, None no message."""
    if window.startswith(request.refusal_head):
        return _REFUSAL_BYTES
    if window.startswith(request.answer_head):
        return answer_bytes(request, window) or 0
    return None
