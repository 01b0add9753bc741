"""The bytes of one segment file: header, records, and how to read past damage.

Pure: reads through a function it is given. `evidence.segment_log` writes what this module
lays out; `evidence.verifier` reads it without ever repairing.

Limits and layout (all integers little endian):

    0                 header, 48 bytes
    48                records, each RECORD_HEAD_BYTES + payload, back to back, then zeros
    size - 48         the same header again, so that one bad sector never costs a whole segment

    header = magic 8 | segment_bytes u64 | id 16 | first_seq u64 | zero u32 | crc32 u32
    record = id[0:4] | length u32 | crc32 u32 | unsynced u32 | seq u64 | payload

The CRC of a record is seeded with the segment's random id, and a record opens with four bytes
of that id, so no payload can imitate a record. `unsynced` counts the records written since the
last flush when this one was written: a later valid record proves that everything before its
own group was once on the disk. Damage there is rot; damage inside the group is a torn tail.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from evidence.errors import LogFullError

MAGIC = b"CWSEG\x00\x00\x01"
HEADER_BYTES = 48
RECORD_HEAD_BYTES = 24
MAX_RECORD_BYTES = 1 << 20  # a batch is at most 64 KiB; the rest is room for other records
MIN_SEGMENT_BYTES = 4096
MAX_SEGMENT_BYTES = (1 << 32) - 1  # offsets are 32 bits in an index
ID_BYTES = 16
MAX_SEQ = (1 << 64) - 1

_HEADER = struct.Struct("<8sQ16sQII")
_RECORD = struct.Struct("<4sIIIQ")
_COVERED = struct.Struct("<IIQ")  # the fields of a record's head under its CRC
WINDOW_BYTES = 1 << 20

Read = Callable[[int, int], bytes]
"""`read(offset, size)` returns the bytes there, fewer only at the end of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a segment says of itself; `segment_bytes` is the size of the whole file."""

    segment_bytes: int
    id: bytes
    first_seq: int

    @property
    def limit(self) -> int:
        """Return the offset that no record may pass."""
        return self.segment_bytes - HEADER_BYTES

    @property
    def capacity(self) -> int:
        """Return how many bytes of records fit."""
        return self.limit - HEADER_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One whole record at `offset` of its segment."""

    seq: int
    offset: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rot:
    """Bytes [offset, end) that once held the records first_seq..last_seq and no longer do.

    `last_seq < first_seq` when no record was lost (a damaged header copy).
    """

    offset: int
    end: int
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """Where the records end, and the seq of the next one; only zeros should follow."""

    offset: int
    next_seq: int


def record_bytes(payload_bytes: int) -> int:
    """Return how many bytes of a segment a payload of that size takes."""
    return RECORD_HEAD_BYTES + payload_bytes


def group_bytes(payloads: Sequence[bytes], segment_bytes: int) -> int:
    """Return how many bytes of a segment a group takes.

    Raises:
        LogFullError: one payload, or the group, is larger than such a segment can take.
    """
    largest = max(map(len, payloads), default=0)
    if largest > MAX_RECORD_BYTES:
        raise LogFullError(f"a record of {largest} bytes, at most {MAX_RECORD_BYTES} fit")
    size = sum(map(len, payloads)) + RECORD_HEAD_BYTES * len(payloads)
    capacity = segment_bytes - 2 * HEADER_BYTES
    if size > capacity:
        raise LogFullError(f"a group of {size} bytes, at most {capacity} fit a segment")
    return size


def encode_header(header: Header) -> bytes:
    """Return the 48 bytes of a header."""
    fields = (MAGIC, header.segment_bytes, header.id, header.first_seq, 0)
    return _HEADER.pack(*fields, crc32(_HEADER.pack(*fields, 0)[:-4]))


def decode_header(data: bytes) -> Header | None:
    """Return the header, or None when any of its bytes is wrong."""
    if len(data) != HEADER_BYTES:
        return None
    magic, segment_bytes, segment_id, first_seq, zero, crc = _HEADER.unpack(data)
    if magic != MAGIC or zero or crc != crc32(data[:-4]):
        return None
    return Header(segment_bytes=segment_bytes, id=segment_id, first_seq=first_seq)


def record_head(seed: int, mark: bytes, seq: int, unsynced: int, payload: bytes) -> bytes:
    """Return what stands before `payload`; the rest as in `encode_record`."""
    length = len(payload)
    crc = crc32(payload, crc32(_COVERED.pack(length, unsynced, seq), seed))
    return _RECORD.pack(mark, length, crc, unsynced, seq)


def encode_record(seed: int, mark: bytes, seq: int, unsynced: int, payload: bytes) -> bytes:
    """Return a record; `seed` and `mark` are `seed_of(header)` and `mark_of(header)`."""
    return record_head(seed, mark, seq, unsynced, payload) + payload


def seed_of(header: Header) -> int:
    """Return what every CRC of the segment starts from."""
    return crc32(header.id)


def mark_of(header: Header) -> bytes:
    """Return the four bytes that open every record of the segment."""
    return header.id[:4]


def read_header(read: Read, file_bytes: int) -> tuple[Header | None, Rot | None]:
    """Return the header from either copy, and the damaged copy if one is."""
    front = decode_header(read(0, HEADER_BYTES))
    limit = front.limit if front else max(file_bytes - HEADER_BYTES, 0)
    back = decode_header(read(limit, HEADER_BYTES))
    header = front or back
    if header is None or front == back:
        return header, None
    at = limit if front else 0
    lost = header.first_seq
    return header, Rot(offset=at, end=at + HEADER_BYTES, first_seq=lost, last_seq=lost - 1)


class Walk:
    """Reads one segment from front to end, past damage, never changing anything.

    `end` bounds the reading to what the writer has written (a live segment);
    `next_first_seq` is the first seq of the following segment, if there is one: records
    from there on were given up after a storage fault and do not count.
    """

    def __init__(
        self,
        header: Header,
        read: Read,
        *,
        start: tuple[int, int] | None = None,
        end: int | None = None,
        next_first_seq: int | None = None,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        self._read = read
        self._mark = mark_of(header)
        self._seed = seed_of(header)
        self._end = min(header.limit, header.limit if end is None else end)
        self._stop_seq = next_first_seq
        self._beyond = MAX_SEQ if next_first_seq is None else next_first_seq
        self._offset, self._seq = start or (HEADER_BYTES, header.first_seq)
        self._window_bytes = window_bytes
        self._base = 0
        self._window = b""

    def __iter__(self) -> Iterator[Found | Rot | Tail]:
        """Yield every record and every damaged range in order, and one `Tail` last."""
        while self._stop_seq is None or self._seq < self._stop_seq:
            found = self._record_at(self._offset)
            if found is not None and found[0].seq == self._seq:
                yield self._take(found[0])
                continue
            rot = self._rot()
            if rot is None:
                break
            yield rot
        yield Tail(offset=self._offset, next_seq=self._seq)

    def _take(self, found: Found) -> Found:
        self._offset = found.offset + record_bytes(len(found.payload))
        self._seq = found.seq + 1
        return found

    def _record_at(self, offset: int) -> tuple[Found, int] | None:
        """Return the valid record at `offset` and the first seq of its unsynced group."""
        at = self._fill(offset, RECORD_HEAD_BYTES)
        if len(self._window) - at < RECORD_HEAD_BYTES:
            return None
        mark, length, crc, unsynced, seq = _RECORD.unpack_from(self._window, at)
        end = offset + RECORD_HEAD_BYTES + length
        if mark != self._mark or length > MAX_RECORD_BYTES or end > self._end:
            return None
        at = self._fill(offset, RECORD_HEAD_BYTES + length) + RECORD_HEAD_BYTES
        payload = self._window[at : at + length]
        if crc32(payload, crc32(_COVERED.pack(length, unsynced, seq), self._seed)) != crc:
            return None
        return Found(seq=seq, offset=offset, payload=payload), seq - unsynced

    def _fill(self, offset: int, size: int) -> int:
        """Make the window hold [offset, offset + size) and return where that starts in it."""
        if not self._base <= offset <= offset + size <= self._base + len(self._window):
            self._base = offset
            want = min(max(size, self._window_bytes), max(self._end - offset, 0))
            self._window = self._read(offset, want)
        return offset - self._base

    def _rot(self) -> Rot | None:
        """Return the damage at the present place and step over it, or None at a tail."""
        first_seq, offset = self._seq, self._offset
        later = self._later_record()
        if later is not None:
            self._offset, self._seq = later.offset, later.seq
        elif self._stop_seq is not None:
            self._offset, self._seq = self._end, self._stop_seq
        else:
            return None
        return Rot(offset=offset, end=self._offset, first_seq=first_seq, last_seq=self._seq - 1)

    def _later_record(self) -> Found | None:
        """Return the next valid record, if something proves the present place was synced."""
        offset, first = self._offset, None
        while (offset := self._next_mark(offset)) < self._end:
            candidate = self._record_at(offset)
            if candidate is not None and self._seq < candidate[0].seq < self._beyond:
                first = first or candidate[0]
                if self._stop_seq is not None or self._seq < candidate[1]:
                    return first
            offset += 1
        return None

    def _next_mark(self, offset: int) -> int:
        while offset < self._end:
            at = self._fill(offset, len(self._mark))
            if len(self._window) - at < len(self._mark):
                break
            at = self._window.find(self._mark, at)
            if at >= 0:
                return self._base + at
            # The last three bytes of a window may open a mark that the next one completes.
            offset = self._base + len(self._window) - len(self._mark) + 1
        return self._end


def nonzero_span(read: Read, offset: int, end: int) -> tuple[int, int] | None:
    """Return [first, last + 1) of the bytes in [offset, end) that are not zero, or None."""
    first = last = -1
    zeros = bytes(WINDOW_BYTES)
    while offset < end:
        window = read(offset, min(WINDOW_BYTES, end - offset))
        if not window:
            break
        if window != zeros[: len(window)]:
            last = offset + len(window.rstrip(b"\0"))
            if first < 0:
                first = offset + len(window) - len(window.lstrip(b"\0"))
        offset += len(window)
    return None if first < 0 else (first, last)
