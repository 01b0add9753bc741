"""Records of a group, encoded by joining bytes: the short way of `evidence.record`.

Used by the ledger. What one group shares (time, way, kind) is spelled once; a test compares
every result with `evidence.record` and `evidence.leaf`.
"""

from secrets import token_bytes

from evidence import cbor
from evidence.cbor import BYTES, head, uint
from evidence.leaf import SALT_BYTES, salted_leaf
from evidence.record import Record, RecordKind, encode_record

_EIGHT = b"\x48"


class BatchSpelling:
    """Spells the records and leaves of the batches that one group brings."""

    __slots__ = ("_middle", "_recv_ms")

    def __init__(self, recv_ms: int) -> None:
        self._recv_ms = recv_ms
        self._middle: dict[str, bytes] = {}

    def spell(
        self,
        index: int,
        via: str,
        data: bytes,
        run: tuple[bytes, bytes, int, int],
        sha256: bytes,
    ) -> tuple[bytes, bytes]:
        """Return record and leaf; `run` is (kid, epoch, seq, lo), `sha256` that of `data`."""
        middle = self._middle.get(via) or self._shared(via)
        kid, epoch, seq, lo = run
        place = b"".join((_EIGHT, kid, _EIGHT, epoch, uint(seq), uint(lo)))
        record = b"".join(
            (b"\x86", uint(index), middle, head(BYTES, len(data)), data, b"\x84", place)
        )
        return record, b"".join((b"\x86\x01", place, b"\x58\x20", sha256))

    def _shared(self, via: str) -> bytes:
        middle = uint(RecordKind.BATCH) + uint(self._recv_ms) + cbor.encode(via)
        self._middle[via] = middle
        return middle


def salted_record(index: int, kind: int, recv_ms: int, data: bytes) -> tuple[bytes, bytes]:
    """Return the record of an object of our own making, and its leaf, under a new salt."""
    salt = token_bytes(SALT_BYTES)
    record = Record(index, kind, recv_ms, "local", data, (salt,))
    return encode_record(record), salted_leaf(kind, salt, data)
