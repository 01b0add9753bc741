"""Where a batch lies: (kid, epoch, seq) to its record, for duplicates and forks.

One locator per log, filled as records are appended and when the log is opened. The segment
that is written keeps its batches in memory, at sixteen bytes each: sequence numbers of an epoch
follow each other, so their record numbers are an array, and what comes out of order goes to a
small map. A closed segment is asked through its index file once that is written.
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from evidence.index import SegmentIndex, ensure_index
from evidence.segment_file import SegmentFile
from evidence.segment_log import Position

LOADED_INDEXES = 4  # of closed segments: 13 MiB each at 256 MiB


class OpenSegment:
    """The batches of one segment, in memory."""

    def __init__(self, first_seq: int) -> None:
        self.first_seq = first_seq
        self._in_order: dict[bytes, tuple[int, array[int]]] = {}
        self._odd: dict[tuple[bytes, int], int] = {}
        self._offsets: array[int] = array("Q")

    def placed(self, positions: Sequence[Position]) -> None:
        """Remember where the next records lie, batches or not; damage may have cost some."""
        lost = positions[0].seq - self.first_seq - len(self._offsets)
        self._offsets.extend([0] * lost)
        self._offsets.extend([p.offset for p in positions])

    def add(self, kid: bytes, epoch: bytes, seq: int, index: int) -> None:
        """Remember the record of a batch."""
        key = kid + epoch
        entry = self._in_order.get(key)
        if entry is None:
            self._in_order[key] = seq, array("Q", (index,))
        elif seq == entry[0] + len(entry[1]):
            entry[1].append(index)
        else:
            self._odd[key, seq] = index

    def find(self, kid: bytes, epoch: bytes, seq: int) -> Position | None:
        """Return where the batch lies, None when it is not in this segment."""
        key = kid + epoch
        first, indexes = self._in_order.get(key, (0, array("Q")))
        if first <= seq < first + len(indexes):
            index = indexes[seq - first]
        elif (key, seq) in self._odd:
            index = self._odd[key, seq]
        else:
            return None
        return Position(self.first_seq, self._offsets[index - self.first_seq], index)


class Locator:
    """See the module. Only the sequencer's thread uses it, but for `write_index`."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._open: list[OpenSegment] = []
        self._indexed: dict[int, tuple[SegmentFile, int]] = {}
        self._loaded: OrderedDict[int, SegmentIndex] = OrderedDict()

    def placed(self, positions: Sequence[Position]) -> None:
        """Remember where the next records lie; they are of one segment."""
        if not self._open or self._open[-1].first_seq != positions[0].segment:
            self._open = [s for s in self._open if s.first_seq not in self._indexed]
            self._open.append(OpenSegment(positions[0].segment))
        self._open[-1].placed(positions)

    def add(self, kid: bytes, epoch: bytes, seq: int, index: int) -> None:
        """Remember the record of a batch, which was placed last or just before."""
        for segment in reversed(self._open):
            if segment.first_seq <= index:
                segment.add(kid, epoch, seq, index)
                return

    def find(self, kid: bytes, epoch: bytes, seq: int) -> Position | None:
        """Return where the batch's record lies, None when it is not in this log.

        Raises:
            CorruptError, WireError: a segment is damaged, and so is its index.
        """
        for segment in reversed(self._open):
            position = segment.find(kid, epoch, seq)
            if position is not None:
                return position
        for first_seq in sorted(self._indexed, reverse=True):
            position = self._index(first_seq).find(kid, epoch, seq)
            if position is not None:
                return position
        return None

    def write_index(self, segment: SegmentFile, next_first_seq: int) -> None:
        """Have a closed segment asked through its index from now on; may run in any thread.

        Raises:
            CorruptError, WireError: the segment is damaged.
            LogFullError, StorageFaultError: the index could not be written.
        """
        ensure_index(segment, next_first_seq, scratch=self._scratch)
        self.closed(segment, next_first_seq)

    def closed(self, segment: SegmentFile, next_first_seq: int) -> None:
        """Have a segment asked through its index, which is read, or made, when it is needed."""
        self._indexed[segment.first_seq] = segment, next_first_seq

    def _index(self, first_seq: int) -> SegmentIndex:
        index = self._loaded.get(first_seq)
        if index is None:
            segment, next_first_seq = self._indexed[first_seq]
            index = ensure_index(segment, next_first_seq, scratch=self._scratch)
            self._loaded[first_seq] = index
            if len(self._loaded) > LOADED_INDEXES:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(first_seq)
        return index
