"""Framing of Modbus messages on TCP: the transaction id tells which request an answer is for.

Used by `edge.modbus.wire`. Pure. Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b,
section 3.1.3 (MBAP header: transaction, protocol 0, length, unit).
"""

from typing import Final

from edge.modbus.errors import DesyncError
from edge.modbus.frames import MAX_PDU_BYTES, Outcome, Request, outcome_of

HEADER_BYTES: Final = 6


class TcpCodec:
    """One connection's framing; one request waits at a time."""

    def __init__(self) -> None:
        self.strays = 0
        self._transaction = 0
        self._request: Request | None = None
        self._id = b""
        self._head = b""  # what a good answer begins with
        # How long it is; -1 when no answer, or one of unknown length, is awaited.
        self._length = -1
        self._buffer = b""

    def begin(self, request: Request) -> bytes:
        """Return the bytes to send; an answer to any earlier request is now a stray."""
        self._forget()
        self._transaction = (self._transaction + 1) & 0xFFFF
        self._request = request
        self._id = self._transaction.to_bytes(2, "big")
        data_bytes = request.data_bytes
        if data_bytes is not None:
            self._length = HEADER_BYTES + 3 + data_bytes
            self._head = b"%b\0\0%b%b" % (
                self._id,
                (3 + data_bytes).to_bytes(2, "big"),
                request.answer_head,
            )
        return b"%b\0\0\0%c%c%b" % (self._id, len(request.pdu) + 1, request.unit, request.pdu)

    def feed(self, data: bytes) -> Outcome | None:
        """Take received bytes; return the waiting request's outcome, at most once.

        Raises:
            DesyncError: the stream is not Modbus TCP.
        """
        # The usual case: one whole, good answer and nothing else.
        if len(data) == self._length and not self._buffer and data.startswith(self._head):
            self._forget()
            return data[HEADER_BYTES + 3 :]
        self._buffer += data
        outcome: Outcome | None = None
        while (message := self._next_message()) is not None:
            transaction, body = message
            request = self._request
            if request is None or transaction != self._id or body[0] != request.unit:
                self.strays += 1
                continue
            self._forget()
            outcome = outcome_of(request, body)
        return outcome

    def abandon(self) -> Outcome | None:
        """Stop waiting; an answer that comes later is dropped by its transaction id."""
        self._forget()
        return None

    def _forget(self) -> None:
        self._request = None
        self._head = b""
        self._length = -1

    def _next_message(self) -> tuple[bytes, bytes] | None:
        buffer = self._buffer
        if len(buffer) < HEADER_BYTES:
            return None
        length = int.from_bytes(buffer[4:6], "big")
        if buffer[2:4] != b"\0\0" or not 2 <= length <= MAX_PDU_BYTES + 1:
            raise DesyncError(
                f"expected a Modbus TCP header, got {buffer[:HEADER_BYTES].hex()}"
            )
        end = HEADER_BYTES + length
        if len(buffer) < end:
            return None
        self._buffer = buffer[end:]
        return buffer[:2], buffer[HEADER_BYTES:end]
