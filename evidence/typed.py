"""Columns of integers as RFC 8746 typed arrays, little endian, in the smallest width that fits.

Used by the columns of a batch. The tag is the type check: no float, bignum or string can hide
in a column, and the bytes given bound the memory. An empty column has the one-byte type.
"""

import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from evidence import cbor
from evidence.cbor import Tag
from evidence.errors import WireError

if sys.byteorder != "little":  # memoryview.cast reads in the machine's own order
    raise ImportError("evidence reads columns in place and needs a little-endian machine")

UNSIGNED: Mapping[int, str] = {64: "B", 69: "H", 70: "I", 71: "Q"}
"""Tag to `array` type code, narrowest first."""
SIGNED: Mapping[int, str] = {72: "b", 77: "h", 78: "i", 79: "q"}
"""Tag to `array` type code, narrowest first."""

_NARROWER = {
    "H": (0, 0xFF),
    "I": (0, 0xFFFF),
    "Q": (0, 0xFFFF_FFFF),
    "h": (-0x80, 0x7F),
    "i": (-0x8000, 0x7FFF),
    "q": (-0x8000_0000, 0x7FFF_FFFF),
}
"""What the next narrower type could have held."""


def pack_unsigned(values: Iterable[int]) -> Tag:
    """Return 0..2^64-1 integers as the narrowest unsigned typed array.

    Raises:
        OverflowError: a value does not fit.
    """
    return _pack(values, UNSIGNED)


def pack_signed(values: Iterable[int]) -> Tag:
    """Return -2^63..2^63-1 integers as the narrowest signed typed array.

    Raises:
        OverflowError: a value does not fit.
    """
    return _pack(values, SIGNED)


def _pack(values: Iterable[int], kinds: Mapping[int, str]) -> Tag:
    kept = values if isinstance(values, (array, memoryview, list, tuple)) else list(values)
    *narrow, (widest_tag, widest) = kinds.items()
    for tag, code in narrow:
        try:
            return Tag(tag, array(code, kept).tobytes())
        except OverflowError:
            continue
    return Tag(widest_tag, array(widest, kept).tobytes())


def unpack(item: object, kinds: Mapping[int, str]) -> memoryview:
    """Return the integers of a decoded typed array, without copying them.

    Args:
        item: what `evidence.cbor.decode` gave.
        kinds: the permitted tags, `UNSIGNED`, `SIGNED` or a part of them.

    Raises:
        WireError: "field" when it is another kind of item, "canonical" when a narrower type
            would have held every value.
    """
    match item:
        case Tag(number, bytes() as raw) if number in kinds:
            return view(memoryview(raw), kinds[number])
        case _:
            raise WireError("field", f"expected a typed array with tag {sorted(kinds)}")


def view(raw: memoryview, code: str) -> memoryview:
    """Return `raw` as integers of type `code`; errors as `unpack`."""
    try:
        values: memoryview = raw.cast(code)  # type: ignore[call-overload]
    except TypeError:
        raise WireError("field", f"{len(raw)} bytes are not whole numbers") from None
    if code in _NARROWER:
        _check_needed(values, *_NARROWER[code])
    return values


def _check_needed(values: memoryview, low: int, high: int) -> None:
    if not values or (max(values) <= high and min(values) >= low):
        raise WireError("canonical", "column is wider than its values need")


def repeated(column: memoryview, times: int) -> memoryview:
    """Return a column that holds `column` this many times."""
    return _repeated(column.tobytes(), column.format, times)


@lru_cache(maxsize=4096)
def _repeated(raw: bytes, code: str, times: int) -> memoryview:
    """Remembered: a gateway's batches say the same exponent and period again and again."""
    return memoryview(raw * times).cast(code)  # type: ignore[call-overload, no-any-return]


def read_all(
    data: bytes, at: int, kinds: Sequence[Mapping[bytes, str]]
) -> tuple[list[memoryview], int]:
    """Return consecutive typed arrays that start at `at`, and the position after the last.

    Args:
        data: the whole payload; the results refer to it.
        at: where the first array starts.
        kinds: for each array, two-byte tag to type code, made by `spelled`.

    Raises:
        WireError: as `unpack`, or as `evidence.cbor.decode`.
    """
    whole, size = memoryview(data), len(data)
    columns = []
    for permitted in kinds:
        code = permitted.get(data[at : at + 2])
        if code is None or at + 2 >= size:
            raise WireError("field", f"no typed array of a permitted type at {at}")
        start, length = at + 3, data[at + 2] - _EMPTY
        if not 0 <= length < 24:
            length, start = _long_length(data, at + 2)
        at = start + length
        column = whole[start:at]
        if code == "b":
            column = column.cast("b")
        elif code != "B":
            column = view(column, code)
        columns.append(column)
    if at > size:
        raise WireError("cbor", "typed array is cut short")
    return columns, at


_EMPTY = cbor.BYTES << 5


def _long_length(data: bytes, at: int) -> tuple[int, int]:
    major, length, start = cbor.read_head(data, at)
    if major != cbor.BYTES:
        raise WireError("field", f"typed array at {at} does not hold a byte string")
    return length, start


def spelled(kinds: Mapping[int, str], *, max_width: int) -> Mapping[bytes, str]:
    """Return `kinds` up to `max_width` bytes a number, keyed by the tag as on the wire."""
    return {
        bytes((0xD8, tag)): code
        for tag, code in kinds.items()
        if array(code).itemsize <= max_width
    }
