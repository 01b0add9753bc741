"""Turns the registers of one point into an integer and its quality.

Pure. Floats are rounded half-even to the profile's exponent here and nowhere else. A value
outside the sensor's range is kept and marked; an error value or a number that is not finite is
no value at all. `domain.profiles.block` does the same for a whole answer at once.
"""

import math
import struct
from collections.abc import Sequence
from typing import Final

from domain.profiles.model import Decoder, PointSpec
from domain.quality import Quality

MAX_MAGNITUDE: Final = 2**52
"""Beyond it a value has no exact place in a batch; no sensor means such a number."""
NEGATIVE_FROM: Final = 10_000


def decode_registers(spec: PointSpec, words: Sequence[int]) -> tuple[int, Quality]:
    """Return (value x 10^-exp, quality) of `spec.words` unsigned registers, or one bit 0/1.

    The value is 0 where the quality says that there is none.
    """
    raw = _joined(spec, words)
    if raw in spec.error_values:
        return 0, Quality.SENSOR_ERROR
    if spec.decoder.is_float:
        return _from_float(spec, raw)
    value = _integer(spec, raw)
    return value, range_quality(spec, value)


def range_quality(spec: PointSpec, value: int) -> Quality:
    """Return GOOD within the sensor's range, else OUT_OF_RANGE."""
    if spec.low is not None and value < spec.low:
        return Quality.OUT_OF_RANGE
    if spec.high is not None and value > spec.high:
        return Quality.OUT_OF_RANGE
    return Quality.GOOD


def round_scaled(value: float, exp: int) -> int | None:
    """Return a finite float as an integer at `exp`, ties to even; None when it has no place.

    Exact for 32-bit floats down to exp -12: 24 bits of mantissa and 5^12 fit in a double.
    """
    if not math.isfinite(value):
        return None
    scaled = value * 10.0**-exp if exp <= 0 else value / 10.0**exp
    return round(scaled) if abs(scaled) <= MAX_MAGNITUDE else None


def _joined(spec: PointSpec, words: Sequence[int]) -> int:
    if len(words) != spec.words:
        raise ValueError(f"{spec.name} takes {spec.words} registers, got {len(words)}")
    if spec.words == 1:
        return words[0]
    first, second = words
    if spec.decoder.is_low_word_first:
        return second << 16 | first
    return first << 16 | second


def _from_float(spec: PointSpec, raw: int) -> tuple[int, Quality]:
    (value,) = struct.unpack(">f", raw.to_bytes(4, "big"))
    if not math.isfinite(value):
        return 0, Quality.NOT_FINITE
    scaled = round_scaled(value, spec.exp)
    if scaled is None:
        return 0, Quality.SENSOR_ERROR
    return scaled, range_quality(spec, scaled)


def _integer(spec: PointSpec, raw: int) -> int:
    match spec.decoder:
        case Decoder.S16:
            return raw - (1 << 16) if raw >= 1 << 15 else raw
        case Decoder.S32 | Decoder.S32_LW:
            return raw - (1 << 32) if raw >= 1 << 31 else raw
        case Decoder.BIT:
            return raw & 1 if spec.table.is_bits else raw >> spec.bit & 1
        case Decoder.OFFSET10000:
            return NEGATIVE_FROM - raw if raw >= NEGATIVE_FROM else raw
        case _:
            return raw
