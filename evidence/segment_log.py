"""An append-only log of records in segment files: a gateway's outbox, the cloud's archive.

Guarantees:

- A record is durable once `sync` has returned after its `append`; one `sync` is one flush.
- Opening keeps every durable record. A torn tail is zeroed and counted in `torn_bytes`;
  damage before a later record is kept as it is and reported in `rot`, never cut off.
- After a failed flush the same file is never written again: `reopen_after_fault` goes on in
  a new segment from the last durable record, and the caller appends the rest again.
- A full disk raises `LogFullError` and leaves the log as it was.
- One writer at a time, held by a lock on the folder itself, so no lock file lies about.

Readers may run in other threads; appending, syncing and dropping belong to one thread.
"""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from evidence.disk import REAL_DISK, Disk, storage_error, sync_directory, write_all, write_zeros
from evidence.errors import CorruptError, LogFullError, LogInUseError, StorageFaultError
from evidence.segment import (
    HEADER_BYTES,
    MAX_SEGMENT_BYTES,
    MIN_SEGMENT_BYTES,
    Found,
    Rot,
    Tail,
    group_bytes,
    mark_of,
    record_bytes,
    record_head,
    seed_of,
)
from evidence.segment_file import (
    INDEX_SUFFIX,
    SegmentFile,
    begin_segment,
    make_zeros,
    new_header,
)
from evidence.segment_recovery import RotRange, Scrub, recover, rot_range

__all__ = ["Position", "RotRange", "Scrub", "SegmentLog"]


class Position(NamedTuple):
    """Where a record lies: `segment` is the first seq of its file, `offset` is in bytes."""

    segment: int
    offset: int
    seq: int


class SegmentLog:
    """See the module; `open` is the only way in."""

    def __init__(
        self, directory: Path, segment_bytes: int, disk: Disk, scratch: Path | None
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._disk = disk
        self._scratch = scratch
        self._segments: list[SegmentFile] = []  # only the writer changes it
        self._rot: dict[tuple[int, int], RotRange] = {}
        self._active: SegmentFile | None = None  # the last segment while it takes records
        self._fd = -1  # of the active segment
        self._next_seq = 0
        self._synced_seq = 0
        self._synced_end = HEADER_BYTES
        self._faulted = False
        self._spare: Path | None = None
        self._spare_lock = threading.Lock()
        self._lock_fd = -1
        self.torn_bytes = 0

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        segment_bytes: int,
        scrub: Scrub = Scrub.ALL,
        disk: Disk = REAL_DISK,
        scratch: Path | None = None,
    ) -> Self:
        """Open or begin the log in `directory`, which is made if it is not there.

        Args:
            directory: holds nothing but this log.
            segment_bytes: size of the files made from now on; old ones keep theirs.
            scrub: how much to read now.
            disk: the seam for faults.
            scratch: see `evidence.disk.write_file`.

        Raises:
            LogInUseError: another writer has it open.
            StorageFaultError: the folder cannot be read or made.
        """
        if not MIN_SEGMENT_BYTES <= segment_bytes <= MAX_SEGMENT_BYTES:
            raise ValueError(f"segment_bytes {segment_bytes} is out of range")
        log = cls(directory, segment_bytes, disk, scratch)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            log._lock()
            log._load(scrub)
        except OSError as error:
            log.close()
            raise storage_error(error, directory) from error
        except BaseException:
            log.close()
            raise
        return log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def next_seq(self) -> int:
        """Return the seq that the next record will get."""
        return self._next_seq

    @property
    def synced_seq(self) -> int:
        """Return the first seq that is not durable yet."""
        return self._synced_seq

    @property
    def oldest_seq(self) -> int:
        """Return the first seq that is still held; `next_seq` when none is."""
        return self._segments[0].first_seq if self._segments else self._next_seq

    @property
    def size_bytes(self) -> int:
        """Return what the segment files take on the disk."""
        return sum(segment.file_bytes for segment in self._segments)

    @property
    def closed_segments(self) -> tuple[SegmentFile, ...]:
        """Return the files that will not change any more, oldest first."""
        return tuple(s for s in self._segments if s is not self._active)

    @property
    def rot(self) -> tuple[RotRange, ...]:
        """Return the damage met so far, in order."""
        return tuple(rot for _, rot in sorted(self._rot.copy().items()))

    def append(self, payload: bytes) -> Position:
        """Write one record; see `append_many`."""
        return self.append_many((payload,))[0]

    def append_many(self, payloads: Sequence[bytes]) -> list[Position]:
        """Write the records of a group in one call, all of them or none; not durable yet.

        Raises:
            LogFullError: a payload or the whole group does not fit, or the disk is full.
            StorageFaultError: the disk refused; call `reopen_after_fault`.
        """
        self._refuse_after_fault()
        size = group_bytes(payloads, self._segment_bytes)
        active = self._active
        if active is None or not active.sound or active.end + size > active.limit:
            active = self._roll()
        buffer, positions = self._lay_out(active, payloads)
        self._write(active, buffer)
        active.end += size
        self._next_seq += len(payloads)
        return positions

    def sync(self) -> None:
        """Make everything appended durable, with one flush; none when nothing is new.

        Raises:
            StorageFaultError: the flush failed; nothing since the last one counts, and
                only `reopen_after_fault` leads on.
        """
        self._refuse_after_fault()
        if self._active is None or self._synced_seq == self._next_seq:
            return
        try:
            self._disk.fdatasync(self._fd)
        except OSError as error:
            # The kernel may have dropped the dirty pages and would call a retry a success.
            self._faulted = True
            raise StorageFaultError(f"flush of {self._active.path} failed: {error}") from error
        self._mark_synced(self._active)

    def reopen_after_fault(self) -> int:
        """Give the faulty file up and return the seq from which to append again.

        The next append goes to a new segment. Does nothing when there was no fault.
        """
        if self._active is not None and self._faulted:
            with suppress(OSError):
                write_zeros(self._disk, self._fd, self._synced_end, self._active.end)
            self._active.end = self._synced_end
            self._let_go()
        self._next_seq = self._synced_seq
        self._faulted = False
        return self._next_seq

    def prepare_next(self) -> None:
        """Fill the next segment with zeros ahead of need; may run in another thread.

        Raises:
            LogFullError: no room on the disk.
            StorageFaultError: the disk refused.
        """
        with self._spare_lock:
            if self._spare is None:
                self._spare = self._make_zeros()

    def read(self, position: Position) -> bytes:
        """Return the payload of a record.

        Raises:
            CorruptError: it is damaged, or not there.
        """
        for segment in reversed(self._segments):
            if segment.first_seq == position.segment:
                return segment.payload_at(position.offset, position.seq)
        raise CorruptError(
            self._directory, position.offset, f"no segment holds record {position.seq}"
        )

    def scan(self, from_seq: int = 0) -> Iterator[tuple[Position, bytes]]:
        """Yield the records from `from_seq` up to what is appended now, past all damage."""
        segments, end_seq = tuple(self._segments), self._next_seq
        for i, segment in enumerate(segments):
            last = i + 1 == len(segments)
            stop_seq = end_seq if last else segments[i + 1].first_seq
            if stop_seq > from_seq:
                with suppress(FileNotFoundError):  # dropped meanwhile
                    yield from self._scan_one(segment, from_seq, stop_seq)

    def drop_before(self, seq: int) -> int:
        """Remove the closed segments that hold only records before `seq`; return how many.

        The caller has made durable that it needs them no more. The last segment always
        stays: it carries the count.

        Raises:
            StorageFaultError: a file cannot be removed; what was removed stays removed.
        """
        dropped = 0
        try:
            while len(self._segments) > 1 and self._segments[1].first_seq <= seq:
                oldest = self._segments[0].path
                # Its index first: a segment may lack one, an index without a segment is litter.
                with suppress(FileNotFoundError):
                    self._disk.unlink(oldest.with_suffix(INDEX_SUFFIX))
                self._disk.unlink(oldest)
                del self._segments[0]
                dropped += 1
            if dropped:
                sync_directory(self._disk, self._directory)
        except OSError as error:
            raise storage_error(error, self._directory) from error
        return dropped

    def close(self) -> None:
        """Let go of the files and the lock; does not sync."""
        self._let_go()
        with self._spare_lock, suppress(OSError):
            if self._spare is not None:
                self._disk.unlink(self._spare)
            self._spare = None
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _refuse_after_fault(self) -> None:
        if self._faulted:
            raise StorageFaultError(
                f"{self._directory} had a storage fault; call reopen_after_fault"
            )

    def _lay_out(
        self, active: SegmentFile, payloads: Sequence[bytes]
    ) -> tuple[bytes, list[Position]]:
        header = active.known_header
        seed, mark = seed_of(header), mark_of(header)
        offset, first = active.end, self._next_seq
        parts: list[bytes] = []
        positions: list[Position] = []
        for seq, payload in enumerate(payloads, first):
            head = record_head(seed, mark, seq, seq - self._synced_seq, payload)
            parts += (head, payload)
            positions.append(Position(active.first_seq, offset, seq))
            active.mark(seq, offset)
            offset += record_bytes(len(payload))
        return b"".join(parts), positions

    def _write(self, active: SegmentFile, buffer: bytes) -> None:
        try:
            write_all(self._disk, self._fd, buffer, active.end)
        except OSError as error:
            failure = storage_error(error, active.path)
            # What was written in part must not survive beside what is written next.
            try:
                write_zeros(self._disk, self._fd, active.end, active.end + len(buffer))
                self._faulted = not isinstance(failure, LogFullError)
            except OSError:
                self._faulted = True
            raise failure from error

    def _mark_synced(self, active: SegmentFile) -> None:
        self._synced_seq, self._synced_end = self._next_seq, active.end

    def _roll(self) -> SegmentFile:
        """Close the active segment and begin the next; raises as `append_many`."""
        # A segment that exists proves that all before it is durable.
        self.sync()
        with self._spare_lock:
            zeros, self._spare = self._spare or self._make_zeros(), None
        # From here the new file may exist even if the call fails: the old one is closed.
        self._let_go()
        header = new_header(self._segment_bytes, self._next_seq)
        try:
            segment, self._fd = begin_segment(self._disk, self._directory, zeros, header)
        except OSError as error:
            raise storage_error(error, self._directory) from error
        if self._segments and self._segments[-1].first_seq == segment.first_seq:
            del self._segments[-1]  # it held nothing and its file was just replaced
        self._segments.append(segment)
        self._active = segment
        self._mark_synced(segment)
        return segment

    def _make_zeros(self) -> Path:
        try:
            return make_zeros(self._disk, self._directory, self._scratch, self._segment_bytes)
        except OSError as error:
            raise storage_error(error, self._directory) from error

    def _let_go(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._active = -1, None

    def _lock(self) -> None:
        self._lock_fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LogInUseError(
                f"{self._directory} is in use by another process; stop it first"
            ) from error

    def _load(self, scrub: Scrub) -> None:
        found = recover(self._directory, scrub, self._disk)
        self._segments = found.segments
        self._rot = {(rot.segment, rot.offset): rot for rot in found.rot}
        self._next_seq, self.torn_bytes = found.next_seq, found.torn_bytes
        if self._segments:
            self._resume(self._segments[-1])

    def _resume(self, last: SegmentFile) -> None:
        """Make what was read of the last segment durable and go on in it if it is sound."""
        self._synced_seq = self._next_seq
        if not last.sound:
            return
        fd = self._disk.open(last.path, os.O_RDWR)
        try:
            # After a kill the records are in the page cache only, and count as synced now.
            self._disk.fdatasync(fd)
        except OSError:
            os.close(fd)
            last.sound = False
            return
        self._fd, self._active = fd, last
        self._mark_synced(last)

    def _scan_one(
        self, segment: SegmentFile, from_seq: int, stop_seq: int
    ) -> Iterator[tuple[Position, bytes]]:
        end = segment.end if segment is self._active else None
        for item in segment.walk(from_seq=from_seq, end=end, next_first_seq=stop_seq):
            match item:
                case Found():
                    at = Position(segment.first_seq, item.offset, item.seq)
                    yield at, item.payload
                case Rot():
                    self._rot[segment.first_seq, item.offset] = rot_range(segment, item)
                case Tail():
                    return
