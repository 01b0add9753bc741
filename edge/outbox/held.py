"""Which batch each record of the outbox is: numbers of the log against (epoch, seq).

Used by `edge.outbox.outbox`. Pure. A number is a record's place in the log and never reused;
within one epoch batches follow each other, so a process run is one span however long it lasts.
"""

from bisect import bisect_right
from dataclasses import dataclass

from edge.runs import NONE, Runs


@dataclass(slots=True, kw_only=True)
class Span:
    """Batches seq.. of one epoch are the records number.., `count` of each."""

    epoch: bytes
    seq: int
    number: int
    count: int

    @property
    def end(self) -> int:
        """Return the number after the last one."""
        return self.number + self.count


class Held:
    """The batches that can be read; what rotted away is missing."""

    def __init__(self) -> None:
        self._spans: list[Span] = []

    def __bool__(self) -> bool:
        return bool(self._spans)

    def add(self, number: int, epoch: bytes, seq: int) -> None:
        """Note that record `number`, above all before it, is batch (epoch, seq)."""
        last = self._spans[-1] if self._spans else None
        if last is not None and number < last.end:
            raise ValueError(f"record {number} is not above {last.end - 1}")
        follows = last is not None and (epoch, seq - last.seq) == (last.epoch, last.count)
        if last is not None and follows and number == last.end:
            last.count += 1
        else:
            self._spans.append(Span(epoch=epoch, seq=seq, number=number, count=1))

    def drop_before(self, number: int) -> None:
        """Forget the records below `number`."""
        while self._spans and self._spans[0].end <= number:
            del self._spans[0]
        if self._spans and self._spans[0].number < number:
            first = self._spans[0]
            cut = number - first.number
            first.seq, first.number, first.count = first.seq + cut, number, first.count - cut

    def position(self, number: int) -> tuple[bytes, int] | None:
        """Return (epoch, seq) of a record, or None when it is not held."""
        at = bisect_right(self._spans, number, key=_number) - 1
        if at < 0 or number >= self._spans[at].end:
            return None
        span = self._spans[at]
        return span.epoch, span.seq + number - span.number

    def numbers(self, epoch: bytes, low: int, high: int) -> Runs:
        """Return the records that hold batches low..high of `epoch`."""
        found = NONE
        for span in self._spans:
            if span.epoch == epoch:
                shift = span.number - span.seq
                first = max(low + shift, span.number)
                found = found.add(first, min(high + shift, span.end - 1))
        return found

    @property
    def all(self) -> Runs:
        """Return every record that is held."""
        found = NONE
        for span in self._spans:
            found = found.add(span.number, span.end - 1)
        return found

    @property
    def lowest(self) -> tuple[bytes, int] | None:
        """Return (epoch, seq) of the oldest batch."""
        return (self._spans[0].epoch, self._spans[0].seq) if self._spans else None

    def around(self, number: int) -> tuple[bytes, int] | None:
        """Return the (epoch, seq) that a record which rotted away must have had.

        Told by the batch before it in the log, else by the one after it; None when neither is
        there to tell.
        """
        at = bisect_right(self._spans, number, key=_number) - 1
        if at >= 0:
            before = self._spans[at]
            return before.epoch, before.seq + number - before.number
        if self._spans and self._spans[0].seq >= self._spans[0].number - number:
            after = self._spans[0]
            return after.epoch, after.seq + number - after.number
        return None


def _number(span: Span) -> int:
    return span.number
