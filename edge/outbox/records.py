"""The batches of the outbox as records of a segment log, found again by number.

Used by `edge.outbox.outbox`, which decides what may go. After a flush that failed the log goes
on in a new segment; damage is given up record by record and told as a `Gap`.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from edge.outbox.held import Held
from edge.outbox.peek import chain_place
from edge.runs import Runs
from evidence.disk import Disk
from evidence.errors import CorruptError, StorageFaultError, WireError
from evidence.segment import HEADER_BYTES, record_bytes
from evidence.segment_log import Position, SegmentLog
from evidence.segment_recovery import Scrub

NOWHERE = 0  # no record starts there: a segment opens with its header
MAX_GAPS = 64
DAMAGED = "damaged on the disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last batch that is durable here."""

    epoch: bytes
    seq: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Batches that were durable once and cannot be read any more."""

    epoch: bytes
    from_seq: int
    to_seq: int
    reason: str


class Records:
    """All batches on the disk; `faults` counts flushes that failed."""

    def __init__(self, log: SegmentLog, segment_bytes: int) -> None:
        self._log = log
        self._segment_bytes = segment_bytes
        self._base = log.oldest_seq
        self._offsets = array("I")  # of record _base + i in its segment
        self._firsts: list[int] = []  # first record of each segment, as met
        self._left = 0  # room in the last segment; too low is safe
        self.held = Held()
        self.head: Head | None = None
        self.gaps: list[Gap] = []
        self.faults = 0

    @classmethod
    def open(cls, directory: Path, segment_bytes: int, disk: Disk, scratch: Path) -> Self:
        """Open or begin the log in `directory`; errors as `SegmentLog.open`."""
        log = SegmentLog.open(
            directory,
            segment_bytes=segment_bytes,
            scrub=Scrub.LAST,  # `_read_all` meets the rest of the damage itself
            disk=disk,
            scratch=scratch,
        )
        records = cls(log, segment_bytes)
        records._read_all()
        return records

    @property
    def next_number(self) -> int:
        """Return the number that the next batch will get."""
        return self._log.next_seq

    @property
    def size_bytes(self) -> int:
        """Return what the segments take on the disk."""
        return self._log.size_bytes

    @property
    def rotten(self) -> int:
        """Return how many batches cannot be read any more."""
        return self._offsets.count(NOWHERE)

    def fits(self, payload_bytes: int) -> bool:
        """Return whether a batch fits the present segment."""
        return record_bytes(payload_bytes) <= self._left

    def append(self, batch: bytes, epoch: bytes, seq: int) -> int:
        """Make a batch durable and return its number.

        Raises:
            LogFullError: no room; everything is as it was.
            StorageFaultError: the disk refused; the next call begins a new segment.
        """
        try:
            position = self._log.append(batch)
            self._log.sync()
        except StorageFaultError:
            self.faults += 1
            self._left = 0
            self._log.reopen_after_fault()
            raise
        self._note(position, epoch, seq, len(batch))
        self.head = Head(epoch=epoch, seq=seq, sha256=sha256(batch).digest())
        return position.seq

    def read(self, number: int) -> bytes | None:
        """Return a batch, or None when it is not held; damage becomes a gap."""
        if self.held.position(number) is None:
            return None
        offset = self._offsets[number - self._base]
        if offset == NOWHERE:
            return None
        first = self._firsts[bisect_right(self._firsts, number) - 1]
        try:
            return self._log.read(Position(first, offset, number))
        except (CorruptError, OSError):
            self._offsets[number - self._base] = NOWHERE
            self._declare(number, number)
            return None

    def free_oldest(self, settled: Runs, before_unlink: Callable[[int], None]) -> bool:
        """Remove the oldest segment if all its batches are settled; return whether it was.

        Args:
            settled: the numbers that need no sending.
            before_unlink: told the first number that stays; makes that durable.
        """
        end = self._oldest_end()
        if end is None or self.held.all.within(self._base, end - 1).minus(settled):
            return False
        before_unlink(end)
        self._log.drop_before(end)
        del self._offsets[: end - self._base]
        self._firsts = [first for first in self._firsts if first >= end]
        self._base = end
        self.held.drop_before(end)
        return True

    def oldest_changed_ms(self) -> int | None:
        """Return when the oldest segment was last written (wall clock), if it is closed."""
        closed = self._log.closed_segments
        return int(closed[0].path.stat().st_mtime * 1000) if closed else None

    def close(self) -> None:
        """Let go of the files."""
        self._log.close()

    def _oldest_end(self) -> int | None:
        """Return the number after the oldest segment, if it is closed and another follows."""
        closed = self._log.closed_segments
        if not closed:
            return None
        oldest = closed[0].first_seq
        return next((first for first in self._firsts if first > oldest), None)

    def _read_all(self) -> None:
        newest: Position | None = None
        for position, batch in self._log.scan():
            try:
                epoch, seq = chain_place(batch)
            except WireError:
                continue  # no batch of ours; the verifier names it
            self._note(position, epoch, seq, len(batch))
            newest = position
        if newest is not None:
            self._take_head(newest)
        missing = self._log.next_seq - self._base - len(self._offsets)
        self._offsets.extend([NOWHERE] * missing)
        for rot in self._log.rot:
            if rot.last_seq >= rot.first_seq:
                self._declare(rot.first_seq, rot.last_seq)

    def _take_head(self, newest: Position) -> None:
        with suppress(CorruptError):
            digest = sha256(self._log.read(newest)).digest()
            epoch, seq = self.held.position(newest.seq) or (b"", 0)
            self.head = Head(epoch=epoch, seq=seq, sha256=digest)
        if newest.segment in {segment.first_seq for segment in self._log.closed_segments}:
            self._left = 0

    def _note(self, position: Position, epoch: bytes, seq: int, size: int) -> None:
        missing = position.seq - self._base - len(self._offsets)
        self._offsets.extend([NOWHERE] * missing)
        self._offsets.append(position.offset)
        if not self._firsts or self._firsts[-1] != position.segment:
            self._firsts.append(position.segment)
        self._left = self._segment_bytes - HEADER_BYTES - position.offset - record_bytes(size)
        self.held.add(position.seq, epoch, seq)

    def _declare(self, first: int, last: int) -> None:
        place = self.held.around(first)
        if place is not None and len(self.gaps) < MAX_GAPS:
            epoch, seq = place
            gap = Gap(epoch=epoch, from_seq=seq, to_seq=seq + last - first, reason=DAMAGED)
            self.gaps.append(gap)
