"""A planned read made ready: the request to send and how its answer becomes one row.

Used by `edge.modbus.schedule` and `edge.modbus.poller`. Pure; everything that can be worked out
beforehand is, because `decode` runs for every answer.
"""

from collections.abc import Callable, Sequence
from typing import Final

from domain.frame import Frame
from domain.profiles.block import Block
from domain.profiles.decode import decode_registers
from domain.profiles.model import PointSpec
from edge.modbus.config import LinkKind, ModbusBus
from edge.modbus.frames import Request, read_request
from edge.modbus.plan import PlannedRead

Row = tuple[Sequence[int], Sequence[int] | None]
"""Values in the order of the frame's channels, and their qualities; None: all good."""

RTU_OVERHEAD_CHARS: Final = 13
"""Request (8) and what surrounds the data of an answer (5)."""


class Query:
    """One request of one device, ready to be sent again and again."""

    __slots__ = ("decode", "frame", "patience_ms", "request", "zeros")

    def __init__(self, bus: ModbusBus, unit: int, period_ms: int, read: PlannedRead) -> None:
        specs = tuple(point.spec for point in read.points)
        self.request: Request = read_request(unit, read.table, read.start, read.count)
        self.frame = Frame(
            channels=tuple(point.channel for point in read.points),
            exps=tuple(spec.exp for spec in specs),
            period_ms=period_ms,
        )
        self.decode: Callable[[bytes], Row] = (
            BitBlock(specs, read.start).decode
            if read.table.is_bits
            else Block(specs, read.start, read.count).decode
        )
        self.patience_ms = bus.timeout_ms + line_ms(bus, self.request)
        """How long to wait for the whole answer after sending began."""
        self.zeros = (0,) * len(specs)


class BitBlock:
    """The points that one request for coils or discrete inputs answers."""

    def __init__(self, specs: Sequence[PointSpec], start: int) -> None:
        self._places = tuple((spec, *divmod(spec.address - start, 8)) for spec in specs)

    def decode(self, payload: bytes) -> Row:
        """Return (values 0 or 1, qualities) of the packed bits, lowest address lowest bit."""
        decoded = [
            decode_registers(spec, (payload[byte] >> bit & 1,))
            for spec, byte, bit in self._places
        ]
        qualities = [quality for _, quality in decoded]
        return [value for value, _ in decoded], qualities if any(qualities) else None


def line_ms(bus: ModbusBus, request: Request) -> int:
    """Return how long a request and its answer take to cross the line; 0 on TCP."""
    if bus.kind is LinkKind.TCP:
        return 0
    chars = RTU_OVERHEAD_CHARS + (request.data_bytes or 250)
    return -(-chars * bus.bits_per_char * 1000 // bus.baud)
