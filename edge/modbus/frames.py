"""What Modbus messages look like, apart from the line they travel on.

Every request of this package is a `Request`, and a `Request` of any function but 1 to 4 and
43/14 cannot be made: nothing that writes can leave the gateway (GSP Annex 3 article 11).

Pure. Source: Modbus Application Protocol V1.1b3, sections 6.1 to 6.4, 6.21 and 7. The framing
on TCP is `edge.modbus.tcp_codec`, on serial lines `edge.modbus.rtu_codec`.
"""

from dataclasses import dataclass, field
from typing import Final, Protocol

from domain.profiles.model import RegisterTable
from edge.errors import BadAnswerError

MAX_REGISTERS: Final = 125
MAX_BITS: Final = 2000
MAX_PDU_BYTES: Final = 253
READ_FUNCTIONS: Final = frozenset({1, 2, 3, 4})
IDENTIFY: Final = 0x2B
IDENTIFY_MEI: Final = 0x0E
EXCEPTION_FLAG: Final = 0x80

ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
PATH_UNAVAILABLE: Final = 10
NO_TARGET: Final = 11
EXCEPTIONS: Final = {
    1: "illegal function",
    ILLEGAL_ADDRESS: "illegal data address",
    ILLEGAL_VALUE: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    PATH_UNAVAILABLE: "gateway path unavailable",
    NO_TARGET: "gateway target did not answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A message that may leave for `unit`, and how its answer begins.

    `data_bytes` is the length of what follows a read's byte count; None for identification,
    whose answer says itself how long it is.
    """

    unit: int
    pdu: bytes
    data_bytes: int | None
    answer_head: bytes = field(init=False)
    """Unit, function and byte count (or MEI type) of a normal answer."""
    refusal_head: bytes = field(init=False)

    def __post_init__(self) -> None:
        function = self.pdu[0]
        is_read = function in READ_FUNCTIONS and len(self.pdu) == 5
        is_identify = self.pdu[:2] == bytes((IDENTIFY, IDENTIFY_MEI)) and len(self.pdu) == 4
        if not (is_read or is_identify):
            raise ValueError(f"function {function} never leaves the gateway")
        third = IDENTIFY_MEI if self.data_bytes is None else self.data_bytes
        object.__setattr__(self, "answer_head", bytes((self.unit, function, third)))
        object.__setattr__(self, "refusal_head", bytes((self.unit, function | EXCEPTION_FLAG)))


@dataclass(frozen=True, slots=True)
class Refusal:
    """The device answered with an exception."""

    code: int

    def __str__(self) -> str:
        return f"exception {self.code} ({EXCEPTIONS.get(self.code, 'unknown')})"


@dataclass(frozen=True, slots=True)
class Malformed:
    """The device answered this very request with something that is no answer to it."""

    reason: str


Outcome = bytes | Refusal | Malformed
"""How a request ended: the answer's data, or why there is none. A time-out is no answer."""


class Codec(Protocol):
    """One line's framing: what to send, and whether what came in answers it."""

    strays: int
    """Messages and bytes dropped because they answered nothing that was waiting."""

    def begin(self, request: Request) -> bytes:
        """Return the bytes to send; whatever came before is forgotten."""

    def feed(self, data: bytes) -> Outcome | None:
        """Take received bytes; return the waiting request's outcome, at most once."""

    def abandon(self) -> Outcome | None:
        """Stop waiting for the answer; return it if it had come but was still in doubt."""


def read_request(unit: int, table: RegisterTable, address: int, count: int) -> Request:
    """Return the request for `count` registers or bits of `table` from `address`."""
    limit = MAX_BITS if table.is_bits else MAX_REGISTERS
    if not (0 <= unit <= 255 and 1 <= count <= limit and 0 <= address <= 0x1_0000 - count):
        raise ValueError(f"cannot read {count} of {table} at {address} from unit {unit}")
    pdu = bytes((table.function,)) + address.to_bytes(2, "big") + count.to_bytes(2, "big")
    data_bytes = (count + 7) // 8 if table.is_bits else 2 * count
    return Request(unit=unit, pdu=pdu, data_bytes=data_bytes)


def identify_request(unit: int, category: int, first_object: int) -> Request:
    """Return a request for device identification: category 1 basic, 2 regular, 3 extended."""
    pdu = bytes((IDENTIFY, IDENTIFY_MEI, category, first_object))
    return Request(unit=unit, pdu=pdu, data_bytes=None)


def answer_bytes(request: Request, message: bytes) -> int | None:
    """Return the length of the answer that `message` (unit and PDU) begins; None: unknown yet.

    Needed on serial lines, where nothing but the content says where a message ends. The
    message starts with `request.answer_head`.
    """
    if request.data_bytes is not None:
        return 3 + request.data_bytes
    if len(message) < 8:
        return None
    at = 8
    for _ in range(message[7]):
        if len(message) < at + 2:
            return None
        at += 2 + message[at + 1]
    return at


def outcome_of(request: Request, message: bytes) -> Outcome:
    """Return what a whole message (unit and PDU) that came for `request` says."""
    if message.startswith(request.refusal_head):
        if len(message) != 3:
            return Malformed(f"an exception of {len(message) - 1} bytes")
        return Refusal(message[2])
    if not message.startswith(request.answer_head):
        return Malformed(f"expected {request.answer_head.hex()}, got {message[:3].hex()}")
    expected = answer_bytes(request, message)
    if expected != len(message):
        return Malformed(f"expected {expected} bytes, got {len(message)}")
    return message[3:]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityPage:
    """One answer to an identification request; `next_object` is None on the last page."""

    objects: tuple[tuple[int, bytes], ...]
    next_object: int | None


def identity_page(data: bytes) -> IdentityPage:
    """Return the page that an identification outcome holds.

    Raises:
        BadAnswerError: the answer is not what section 6.21 describes.
    """
    # category, conformity level, more follows, next object, number of objects, objects
    if len(data) < 5:
        raise BadAnswerError(f"identification: expected at least 5 bytes, got {len(data)}")
    objects: list[tuple[int, bytes]] = []
    at = 5
    for _ in range(data[4]):
        if len(data) < at + 2 or len(data) < at + 2 + data[at + 1]:
            raise BadAnswerError("identification: the answer ends inside an object")
        objects.append((data[at], data[at + 2 : at + 2 + data[at + 1]]))
        at += 2 + data[at + 1]
    if at != len(data):
        raise BadAnswerError(f"identification: {len(data) - at} bytes follow the last object")
    return IdentityPage(objects=tuple(objects), next_object=data[3] if data[2] else None)
