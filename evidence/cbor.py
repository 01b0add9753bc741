"""The part of CBOR this project speaks, and only in its deterministic form (SPEC.md section 2).

Used by every codec of the package. Strict by construction: each item has exactly one accepted
spelling, so whatever `decode` accepts, `encode` gives back byte for byte. Accepted are integers
of 64 bits, byte and text strings, arrays, maps, false, true, null and ten tags; no float, no
bignum, no indefinite length. Work and memory are bounded by the bytes given: a claimed length
is never allocated before it is there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from evidence.errors import WireError

MAX_BYTES = 65536
"""Cap on one item unless the caller gives a smaller one; nothing on the link is larger."""
MAX_DEPTH = 8
"""Nesting of arrays, maps and tags; the deepest message (a point table in a batch) needs 6."""

TAG_SIGN1 = 18
TAGS = frozenset({TAG_SIGN1, 64, 69, 70, 71, 72, 77, 78, 79})
"""COSE_Sign1 and the little-endian typed arrays of RFC 8746."""

UINT, NINT, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
_SIMPLE = {20: False, 21: True, 22: None}
_MAX_HEAD = 1 << 64


class Tag(NamedTuple):
    """A tagged item."""

    number: int
    value: object


def head(major: int, number: int) -> bytes:
    """Return the shortest item head; `number` is below 2^64."""
    if number < 24:
        return _SHORT[major << 5 | number]
    if number < 256:
        return bytes((major << 5 | 24, number))
    if number < 65536:
        return (major << 21 | 25 << 16 | number).to_bytes(3, "big")
    if number < 4294967296:
        return (major << 37 | 26 << 32 | number).to_bytes(5, "big")
    if number >= _MAX_HEAD:
        raise ValueError(f"{number} does not fit 64 bits")
    return (major << 69 | 27 << 64 | number).to_bytes(9, "big")


_SHORT = tuple(bytes((initial,)) for initial in range(256))


def uint(number: int) -> bytes:
    """Return an unsigned integer; `number` is 0 to 2^64-1."""
    if number < 0:
        raise ValueError(f"expected an unsigned integer, got {number}")
    return head(UINT, number)


def integer(number: int) -> bytes:
    """Return an integer; `number` is -2^64 to 2^64-1."""
    return head(UINT, number) if number >= 0 else head(NINT, -1 - number)


def byte_string(value: bytes) -> bytes:
    """Return a byte string."""
    return head(BYTES, len(value)) + value


def encode(value: object) -> bytes:
    """Return the deterministic encoding of `value`.

    Mappings come out sorted by their encoded keys. Programming mistakes (a float, a set, an
    integer over 64 bits) raise `TypeError` or `ValueError`.
    """
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        encoder = next((e for kind, e in _FALLBACKS if isinstance(value, kind)), None)
    if encoder is None:
        raise TypeError(f"cannot encode {type(value).__name__}")
    return encoder(value)


def _text(value: str) -> bytes:
    raw = str.encode(value)
    return head(TEXT, len(raw)) + raw


def _array(values: Sequence[object]) -> bytes:
    return b"".join([head(ARRAY, len(values)), *map(encode, values)])


def _map(values: Mapping[object, object]) -> bytes:
    items = sorted((encode(key), encode(value)) for key, value in values.items())
    return b"".join([head(MAP, len(items)), *(part for item in items for part in item)])


def _tag(value: Tag) -> bytes:
    return head(TAG, value.number) + encode(value.value)


def _buffer(value: bytes | bytearray | memoryview) -> bytes:
    return byte_string(bytes(value))


_FALLBACKS: tuple[tuple[type, Callable[..., bytes]], ...] = (
    (Tag, _tag),
    (int, integer),
    (str, _text),
    (bytes, byte_string),
    (bytearray, _buffer),
    (memoryview, _buffer),
    (Mapping, _map),
    (Sequence, _array),
)
_ENCODERS: dict[type, Callable[..., bytes]] = {
    int: integer,
    bytes: byte_string,
    str: _text,
    list: _array,
    tuple: _array,
    dict: _map,
    Tag: _tag,
    bool: lambda value: b"\xf5" if value else b"\xf4",
    type(None): lambda _: b"\xf6",
}


def decode(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> object:
    """Return the one item that `data` is.

    Values are int, bytes, str, list, dict (keys int, str or bytes), bool, None and `Tag`.

    Raises:
        WireError: "size" over `max_bytes`, "canonical" for a second spelling of something
            allowed, "cbor" for anything else.
    """
    if len(data) > max_bytes:
        raise WireError("size", f"{len(data)} bytes, at most {max_bytes} are allowed")
    value, end = decode_at(data, 0, max_depth=max_depth)
    if end != len(data):
        raise WireError("cbor", f"{len(data) - end} bytes after the end of the item")
    return value


def decode_at(data: bytes, at: int, *, max_depth: int = MAX_DEPTH) -> tuple[object, int]:
    """Return the item that starts at `at` and the position after it; errors as `decode`."""
    try:
        return _read(data, at, max_depth)
    except IndexError:
        raise WireError("cbor", "item is cut short") from None


def read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the byte string that starts at `at` and the position after it.

    The short way for fixed layouts; errors as `decode`.
    """
    head_bytes = data[at : at + 3]
    if len(head_bytes) == 3 and head_bytes[0] == 0x59 and head_bytes[1]:
        start = at + 3
        end = start + (head_bytes[1] << 8 | head_bytes[2])
    else:
        major, length, start = read_head(data, at)
        if major != BYTES:
            raise WireError("cbor", f"expected a byte string at {at}")
        end = start + length
    if end > len(data):
        raise WireError("cbor", "byte string is cut short")
    return data[start:end], end


def read_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Return major type, argument and the position after the head that starts at `at`.

    Raises:
        WireError: "cbor" or "canonical".
    """
    initial = data[at] if at < len(data) else 31
    short = initial & 31
    if short < 24:
        return initial >> 5, short, at + 1
    if short > 27:
        raise WireError("cbor", f"no item of a definite length at {at}")
    size = 1 << short - 24
    end = at + 1 + size
    if end > len(data):
        raise WireError("cbor", f"item at {at} is cut short")
    number = int.from_bytes(data[at + 1 : end], "big")
    if number < _SMALLEST[short]:
        raise WireError("canonical", f"number at {at} is not in its shortest form")
    return initial >> 5, number, end


_SMALLEST = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}


def _read(data: bytes, at: int, depth: int) -> tuple[object, int]:
    initial = data[at]
    if initial < 24:
        return initial, at + 1
    if initial >= SIMPLE << 5:
        if initial & 31 not in _SIMPLE:
            raise WireError("cbor", f"float or simple value at {at} is not allowed")
        return _SIMPLE[initial & 31], at + 1
    major, number, start = read_head(data, at)
    if major == UINT:
        return number, start
    if major == NINT:
        return -1 - number, start
    if major <= TEXT:
        return _read_string(data, start, number, major)
    if depth < 1:
        raise WireError("cbor", f"nested too deep at {at}")
    return _READERS[major](data, start, number, depth - 1)


def _read_string(data: bytes, start: int, length: int, major: int) -> tuple[object, int]:
    end = start + length
    if end > len(data):
        raise IndexError
    raw = data[start:end]
    if major == BYTES:
        return raw, end
    try:
        return raw.decode(), end
    except UnicodeDecodeError:
        raise WireError("cbor", f"text at {start} is not UTF-8") from None


def _read_array(data: bytes, at: int, length: int, depth: int) -> tuple[object, int]:
    if length > len(data) - at:
        raise IndexError
    values = []
    for _ in range(length):
        value, at = _read(data, at, depth)
        values.append(value)
    return values, at


def _read_map(data: bytes, at: int, length: int, depth: int) -> tuple[object, int]:
    if 2 * length > len(data) - at:
        raise IndexError
    values: dict[int | str | bytes, object] = {}
    before = b""
    for _ in range(length):
        key, end = _read(data, at, 0)
        spelled = data[at:end]
        if isinstance(key, bool) or not isinstance(key, (int, str, bytes)):
            raise WireError("cbor", f"map key at {at} is not a number or a string")
        if spelled <= before:
            raise WireError("canonical", f"map key at {at} is a duplicate or out of order")
        values[key], at = _read(data, end, depth)
        before = spelled
    return values, at


def _read_tag(data: bytes, at: int, number: int, depth: int) -> tuple[object, int]:
    if number not in TAGS:
        raise WireError("cbor", f"tag {number} is not allowed")
    value, end = _read(data, at, depth)
    return Tag(number, value), end


_READERS = {ARRAY: _read_array, MAP: _read_map, TAG: _read_tag}
