"""One segment file on a disk: finding, reading and making it.

Used by `evidence.segment_log`, which decides, and by the verifier, which only reads.
Unreadable sectors are read as zeros and noted, so that they cost what lies in them only.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from evidence.disk import (
    REAL_DISK,
    Disk,
    created,
    install,
    temporary_path,
    write_all,
    write_zeros,
)
from evidence.errors import CorruptError
from evidence.segment import (
    HEADER_BYTES,
    ID_BYTES,
    RECORD_HEAD_BYTES,
    Found,
    Header,
    Read,
    Rot,
    Tail,
    Walk,
    encode_header,
    read_header,
)

SUFFIX = ".seg"
INDEX_SUFFIX = ".idx"
MARK_EVERY = 256  # records between remembered offsets: a seek reads at most this many
_SECTOR_BYTES = 4096
_READ_BYTES = 2048  # one read fetches a batch of the usual size
_NAME = re.compile(r"[0-9a-f]{16}\.seg")


@dataclass(slots=True, kw_only=True)
class SegmentFile:
    """One file of a log, as far as it is known.

    Attributes:
        path: where it lies.
        first_seq: seq of its first record, from its name.
        file_bytes: its size on the disk.
        header: None when both copies are lost or belong to another file.
        header_rot: the copy of the header that is damaged.
        end: offset after the last record; only the log's writer moves it.
        sound: whether more may be written to it.
        marks: offsets of some records, by seq; a cache that any thread may add to.
        disk: what reads it.
    """

    path: Path
    first_seq: int
    file_bytes: int
    header: Header | None
    header_rot: Rot | None = None
    end: int = HEADER_BYTES
    sound: bool = True
    marks: dict[int, int] = field(default_factory=dict)
    disk: Disk = REAL_DISK

    @property
    def known_header(self) -> Header:
        """Return the header of a file that has one."""
        if self.header is None:
            raise CorruptError(self.path, 0, "both copies of the header are damaged")
        return self.header

    @property
    def limit(self) -> int:
        """Return the offset that no record may pass."""
        return self.known_header.limit

    @property
    def beyond_seq(self) -> int:
        """Return a seq that no record of a file of this size can reach."""
        return self.first_seq + self.file_bytes // RECORD_HEAD_BYTES + 1

    def walk(
        self,
        *,
        from_seq: int = 0,
        end: int | None = None,
        next_first_seq: int | None = None,
    ) -> Iterator[Found | Rot | Tail]:
        """Yield what the file holds from `from_seq` on; see `evidence.segment.Walk`."""
        if self.header is None:
            yield self._all_lost(next_first_seq)
            return
        with self.reading() as read:
            walk = Walk(
                self.header,
                read,
                start=self._nearest(from_seq),
                end=end,
                next_first_seq=next_first_seq,
            )
            for item in walk:
                if isinstance(item, Found):
                    self.mark(item.seq, item.offset)
                    if item.seq < from_seq:
                        continue
                yield item

    def payload_at(self, offset: int, seq: int) -> bytes:
        """Return the record `seq` that lies at `offset`; raises CorruptError."""
        with self.reading() as read:
            start = (offset, seq)
            walk = Walk(self.known_header, read, start=start, window_bytes=_READ_BYTES)
            found = next(iter(walk))
        if isinstance(found, Found) and found.seq == seq:
            return found.payload
        raise CorruptError(self.path, offset, f"record {seq} cannot be read")

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """Open the file; a sector that cannot be read reads as zeros and makes it unsound."""
        fd = os.open(self.path, os.O_RDONLY)

        def read(offset: int, size: int) -> bytes:
            with suppress(OSError):
                return self.disk.pread(fd, size, offset)
            self.sound = False
            return b"".join(self._sectors(fd, offset, size))

        try:
            yield read
        finally:
            os.close(fd)

    def _sectors(self, fd: int, offset: int, size: int) -> Iterator[bytes]:
        end = offset + size
        while offset < end:
            step = min(_SECTOR_BYTES - offset % _SECTOR_BYTES, end - offset)
            try:
                yield self.disk.pread(fd, step, offset)
            except OSError:
                yield bytes(step)
            offset += step

    def mark(self, seq: int, offset: int) -> None:
        """Remember where a record starts, for a few of them."""
        if seq % MARK_EVERY == 0:
            self.marks[seq] = offset

    def _nearest(self, seq: int) -> tuple[int, int]:
        for known in range(seq - seq % MARK_EVERY, self.first_seq, -MARK_EVERY):
            if known in self.marks:
                return self.marks[known], known
        return HEADER_BYTES, self.first_seq

    def _all_lost(self, next_first_seq: int | None) -> Rot:
        beyond = self.beyond_seq if next_first_seq is None else next_first_seq
        return Rot(offset=0, end=self.file_bytes, first_seq=self.first_seq, last_seq=beyond - 1)


def segment_name(first_seq: int) -> str:
    """Return the file name of the segment that starts at `first_seq`."""
    return f"{first_seq:016x}{SUFFIX}"


def is_segment_name(name: str) -> bool:
    """Return whether a file of this name is a segment."""
    return _NAME.fullmatch(name) is not None


def list_segments(directory: Path) -> list[Path]:
    """Return the segment files of `directory`, oldest first."""
    return sorted(p for p in directory.iterdir() if is_segment_name(p.name))


def open_segment(path: Path, disk: Disk = REAL_DISK) -> SegmentFile:
    """Return what the header of `path` says; raises OSError when it cannot be opened."""
    file_bytes = path.stat().st_size
    segment = SegmentFile(
        path=path, first_seq=int(path.stem, 16), file_bytes=file_bytes, header=None, disk=disk
    )
    with segment.reading() as read:
        header, rot = read_header(read, file_bytes)
    if header is None or header.first_seq != segment.first_seq:
        segment.sound = False
    else:
        segment.header, segment.header_rot = header, rot
        segment.sound = segment.sound and header.segment_bytes == file_bytes
    return segment


def make_zeros(disk: Disk, directory: Path, scratch: Path | None, size: int) -> Path:
    """Make a synced file of `size` zero bytes under a temporary name; raises OSError."""
    temporary = temporary_path(directory / f"next{SUFFIX}", scratch)
    try:
        with created(disk, temporary) as fd:
            write_zeros(disk, fd, 0, size)
            disk.fsync(fd)
    except OSError:
        with suppress(OSError):
            disk.unlink(temporary)
        raise
    return temporary


def begin_segment(
    disk: Disk, directory: Path, zeros: Path, header: Header
) -> tuple[SegmentFile, int]:
    """Turn a file of zeros into the segment `header` describes; raises OSError.

    Returns:
        The segment, and a descriptor to write to it, which the caller closes.
    """
    path = directory / segment_name(header.first_seq)
    fd = disk.open(zeros, os.O_RDWR)
    try:
        write_all(disk, fd, encode_header(header), 0)
        write_all(disk, fd, encode_header(header), header.limit)
        disk.fsync(fd)
        install(disk, zeros, path)
    except OSError:
        os.close(fd)
        with suppress(OSError):
            disk.unlink(zeros)
        raise
    segment = SegmentFile(
        path=path,
        first_seq=header.first_seq,
        file_bytes=header.segment_bytes,
        header=header,
        disk=disk,
    )
    return segment, fd


def new_header(segment_bytes: int, first_seq: int) -> Header:
    """Return a header with a fresh random id."""
    # A record opens with four bytes of the id; zeros would look like unwritten space.
    segment_id = bytes(ID_BYTES)
    while not all(segment_id[:4]):
        segment_id = os.urandom(ID_BYTES)
    return Header(segment_bytes=segment_bytes, id=segment_id, first_seq=first_seq)
