"""Decodes one device's whole answer at once.

A source builds a `Block` for each request and calls `decode` for each answer. When the answer
holds only 16- and 32-bit integers it is one `struct` call and two whole-row comparisons; single
registers are looked at only when the row holds something that is not plain good.
"""

import struct
from collections.abc import Sequence
from operator import ge, le
from typing import Final

from domain.profiles.decode import MAX_MAGNITUDE, decode_registers
from domain.profiles.model import Decoder, PointSpec

_PLAIN: Final = {Decoder.U16: "H", Decoder.S16: "h", Decoder.U32: "I", Decoder.S32: "i"}


def plain_s16_block(specs: Sequence[PointSpec]) -> bool:
    """Return whether `specs` are adjacent one-register integers of one table, in order.

    Then one `array` or `struct` call decodes them all.
    """
    if not specs:
        return False
    first = specs[0]
    return all(
        spec.decoder in {Decoder.S16, Decoder.U16}
        and spec.table is first.table
        and spec.address == first.address + i
        for i, spec in enumerate(specs)
    )


class Block:
    """The points that one request answers; values come in the order of `specs`."""

    def __init__(self, specs: Sequence[PointSpec], start: int, count: int) -> None:
        """Lay `specs` over an answer of `count` registers from address `start`.

        Raises:
            ValueError: a point does not lie inside the answer.
        """
        for spec in specs:
            if spec.address < start or spec.address + spec.words > start + count:
                raise ValueError(f"{spec.name} at {spec.address} is outside {start}+{count}")
        self._specs = tuple(specs)
        self._start = start
        self._size = 2 * count
        self._words = struct.Struct(f">{count}H")
        self._plain = _plain_layout(self._specs, start, count)
        bands = [_clean_band(spec) for spec in self._specs]
        self._lows = tuple(low for low, _ in bands)
        self._highs = tuple(high for _, high in bands)

    def decode(self, payload: bytes | memoryview) -> tuple[Sequence[int], Sequence[int] | None]:
        """Return (values, qualities) of the register bytes; qualities is None when all good.

        Raises:
            ValueError: `payload` is not exactly the registers asked for.
        """
        if len(payload) != self._size:
            raise ValueError(f"expected {self._size} bytes of registers, got {len(payload)}")
        if self._plain is not None:
            values = self._plain.unpack(payload)
            if all(map(ge, values, self._lows)) and all(map(le, values, self._highs)):
                return values, None
        return self._one_by_one(payload)

    def _one_by_one(self, payload: bytes | memoryview) -> tuple[list[int], list[int] | None]:
        words = self._words.unpack(payload)
        values: list[int] = []
        qualities: list[int] = []
        for spec in self._specs:
            at = spec.address - self._start
            value, quality = decode_registers(spec, words[at : at + spec.words])
            values.append(value)
            qualities.append(quality)
        return values, qualities if any(qualities) else None


def _plain_layout(specs: Sequence[PointSpec], start: int, count: int) -> struct.Struct | None:
    """Return the struct that unpacks `specs` directly, or None when they are not plain."""
    layout = [">"]
    at = start
    for spec in specs:
        if spec.decoder not in _PLAIN or spec.address < at:
            return None
        layout.append("xx" * (spec.address - at))
        layout.append(_PLAIN[spec.decoder])
        at = spec.address + spec.words
    layout.append("xx" * (start + count - at))
    return struct.Struct("".join(layout))


def _clean_band(spec: PointSpec) -> tuple[int, int]:
    """Return a band in which a decoded value is good and no error value lies.

    Error values normally lie beyond the sensor's range; when one does not, the band is empty
    and the point is always looked at by itself.
    """
    low = -MAX_MAGNITUDE if spec.low is None else spec.low
    high = MAX_MAGNITUDE if spec.high is None else spec.high
    for raw in spec.error_values:
        value = raw
        if spec.decoder in {Decoder.S16, Decoder.S32}:
            sign = 1 << (16 * spec.words - 1)
            value = (raw ^ sign) - sign
        if low <= value <= high:
            return 1, 0
    return low, high
