"""Records of a group, encoded by joining bytes: the short way of `evidence.record`.

Used by the ledger. What one group shares (time, way, kind) is spelled once; a test compares
every result with `evidence.record.encode_record`.
"""

from secrets import token_bytes

from evidence import cbor
from evidence.cbor import byte_string, uint
from evidence.leaf import SALT_BYTES, salted_leaf
from evidence.record import Record, RecordKind, encode_record

_START = b"\x86"
_EXTRA = b"\x84\x48"
_EIGHT = b"\x48"


class BatchSpelling:
    """Spells the batch records that one group brings, received at `recv_ms`."""

    __slots__ = ("_middle", "_recv_ms")

    def __init__(self, recv_ms: int) -> None:
        self._recv_ms = recv_ms
        self._middle: dict[str, bytes] = {}

    def record(
        self, index: int, via: str, data: bytes, run: tuple[bytes, bytes, int, int]
    ) -> bytes:
        """Return the record; `run` is (kid, epoch, seq, lo)."""
        middle = self._middle.get(via)
        if middle is None:
            middle = uint(RecordKind.BATCH) + uint(self._recv_ms) + cbor.encode(via)
            self._middle[via] = middle
        kid, epoch, seq, lo = run
        return b"".join(
            (
                _START,
                uint(index),
                middle,
                byte_string(data),
                _EXTRA,
                kid,
                _EIGHT,
                epoch,
                uint(seq),
                uint(lo),
            )
        )


def salted_record(index: int, kind: int, recv_ms: int, data: bytes) -> tuple[bytes, bytes]:
    """Return the record of an object of our own making, and its leaf, under a new salt."""
    salt = token_bytes(SALT_BYTES)
    record = Record(index, kind, recv_ms, "local", data, (salt,))
    return encode_record(record), salted_leaf(kind, salt, data)
