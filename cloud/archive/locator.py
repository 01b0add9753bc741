"""Where a batch lies: (kid, epoch, seq) to its record, for duplicates and forks.

One locator per log, filled as records are appended and when the log is opened. A batch costs
eight bytes for its index and eight for its offset: sequence numbers of an epoch follow each
other, so their indexes are an array, and what comes out of order goes to a small map.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence

from evidence.segment_log import Position


class Locator:
    """See the module. Only the sequencer's thread uses it."""

    def __init__(self) -> None:
        self._in_order: dict[bytes, tuple[int, array[int]]] = {}
        self._odd: dict[tuple[bytes, int], int] = {}
        self._offsets: array[int] = array("Q")
        self._segments: list[int] = []

    def placed(self, positions: Sequence[Position]) -> None:
        """Remember where the next records lie, batches or not; damage may have cost some."""
        lost = positions[0].seq - len(self._offsets)
        self._offsets.extend([0] * lost)
        self._offsets.extend([p.offset for p in positions])
        segment = positions[0].segment
        if not self._segments or self._segments[-1] != segment:
            self._segments.append(segment)

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
        """Return where the batch's record lies, None when it is not in this log."""
        key = kid + epoch
        first, indexes = self._in_order.get(key, (0, ()))
        if first <= seq < first + len(indexes):
            return self.position(indexes[seq - first])
        index = self._odd.get((key, seq))
        return None if index is None else self.position(index)

    def position(self, index: int) -> Position:
        """Return where record `index` lies."""
        segment = self._segments[bisect_right(self._segments, index) - 1]
        return Position(segment=segment, offset=self._offsets[index], seq=index)
