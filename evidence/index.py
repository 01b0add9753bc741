"""Where each batch of a closed segment lies: sorted, rebuildable, and checked by the verifier.

The cloud's archive writes one beside each segment that it closes, and asks it for duplicates,
forks and proofs. It says nothing that the segment does not: whoever doubts it makes it again.

    header  = magic 8 | segment id 16 | first_seq u64 | records u64 | entries u64
            | first_ms u64 | last_ms u64                       (big endian, of recv_ms)
    entry   = kid 8 | epoch 8 | seq u64 | offset u32 | record - first_seq u32    (sorted)
    file    = header, entries, crc32 u32
"""

import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from zlib import crc32

from evidence.disk import REAL_DISK, Disk, write_file
from evidence.errors import CorruptError
from evidence.record import Record, RecordKind, decode_record, run_of
from evidence.segment import Found, Header
from evidence.segment_file import INDEX_SUFFIX, SegmentFile
from evidence.segment_log import Position

MAGIC = b"CWIDX\x00\x00\x01"
KEY_BYTES = 24
ENTRY_BYTES = 32
_HEADER = struct.Struct(">8s16sQQQQQ")
_KEY = struct.Struct(">8s8sQ")
_PLACE = struct.Struct(">II")
_CRC = struct.Struct(">I")


class IndexBuilder:
    """The index of a segment that still grows; serves look-ups until it is written."""

    def __init__(self, first_seq: int) -> None:
        self._first_seq = first_seq
        self._places: dict[bytes, bytes] = {}
        self._records = 0
        self._first_ms = self._last_ms = 0

    def add(self, record: Record, offset: int) -> None:
        """Take the next record of the segment, which lies at `offset`."""
        at_ms = record.recv_ms
        self._first_ms = min(self._first_ms, at_ms) if self._records else at_ms
        self._last_ms = max(self._last_ms, at_ms)
        self._records += 1
        if record.kind == RecordKind.BATCH:
            kid, epoch, seq, _ = run_of(record)
            place = _PLACE.pack(offset, record.index - self._first_seq)
            self._places.setdefault(_KEY.pack(kid, epoch, seq), place)

    def find(self, kid: bytes, epoch: bytes, seq: int) -> Position | None:
        """Return where the batch lies, None when it is not in this segment."""
        place = self._places.get(_KEY.pack(kid, epoch, seq))
        return None if place is None else _position(self._first_seq, place)

    def build(self, segment: Header) -> bytes:
        """Return the file of the index."""
        head = _HEADER.pack(
            MAGIC,
            segment.id,
            self._first_seq,
            self._records,
            len(self._places),
            self._first_ms,
            self._last_ms,
        )
        entries = b"".join([key + self._places[key] for key in sorted(self._places)])
        return head + entries + _CRC.pack(crc32(head + entries))


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentIndex:
    """The index of a closed segment; times are the server's when it took the records."""

    first_seq: int
    records: int
    first_ms: int
    last_ms: int
    entries: bytes

    @classmethod
    def load(cls, path: Path, segment: Header) -> Self:
        """Return the index in `path`.

        Raises:
            CorruptError: it is not there, damaged, or of another segment.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CorruptError(path, 0, str(error)) from error
        body = data[: -_CRC.size]
        if len(body) < _HEADER.size or data[-_CRC.size :] != _CRC.pack(crc32(body)):
            raise CorruptError(path, 0, "the index is damaged")
        magic, segment_id, first_seq, records, entries, first_ms, last_ms = _HEADER.unpack_from(
            body
        )
        whole = len(body) == _HEADER.size + entries * ENTRY_BYTES
        if magic != MAGIC or segment_id != segment.id or not whole:
            raise CorruptError(path, 0, "the index is of another segment")
        return cls(
            first_seq=first_seq,
            records=records,
            first_ms=first_ms,
            last_ms=last_ms,
            entries=body[_HEADER.size :],
        )

    def find(self, kid: bytes, epoch: bytes, seq: int) -> Position | None:
        """Return where the batch lies, None when it is not in this segment."""
        key = _KEY.pack(kid, epoch, seq)
        low, high = 0, len(self.entries) // ENTRY_BYTES
        while low < high:
            middle = (low + high) // 2
            at = middle * ENTRY_BYTES
            found = self.entries[at : at + KEY_BYTES]
            if found == key:
                place = self.entries[at + KEY_BYTES : at + ENTRY_BYTES]
                return _position(self.first_seq, place)
            if found < key:
                low = middle + 1
            else:
                high = middle
        return None


def index_path(segment: SegmentFile) -> Path:
    """Return where the index of `segment` lies."""
    return segment.path.with_suffix(INDEX_SUFFIX)


def derive_index(segment: SegmentFile, next_first_seq: int) -> bytes:
    """Return the index file made from the records of a closed segment.

    Raises:
        CorruptError: both copies of the segment's header are lost.
        WireError: a record cannot be decoded.
    """
    builder = IndexBuilder(segment.first_seq)
    for item in segment.walk(next_first_seq=next_first_seq):
        if isinstance(item, Found):
            builder.add(decode_record(item.payload), item.offset)
    return builder.build(segment.known_header)


def ensure_index(
    segment: SegmentFile,
    next_first_seq: int,
    *,
    disk: Disk = REAL_DISK,
    scratch: Path | None = None,
) -> SegmentIndex:
    """Return the index of a closed segment, made again when it is missing or damaged.

    Raises:
        CorruptError, WireError: as `derive_index`.
        LogFullError, StorageFaultError: it could not be written.
    """
    path, header = index_path(segment), segment.known_header
    with suppress(CorruptError):
        return SegmentIndex.load(path, header)
    write_file(path, derive_index(segment, next_first_seq), disk=disk, scratch=scratch)
    return SegmentIndex.load(path, header)


def _position(first_seq: int, place: bytes) -> Position:
    offset, record = _PLACE.unpack(place)
    return Position(first_seq, offset, first_seq + record)
