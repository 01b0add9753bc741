"""Sets of integers kept as runs: what is receipted, what waits, what was archived.

Used by the outbox and by the uplink, whose sets are long and nearly contiguous: a month of
batches is one run. Pure and immutable; an operation costs the number of runs, not of members.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Span = tuple[int, int]  # both ends included


@dataclass(frozen=True, slots=True)
class Runs:
    """A set of integers; `spans` is sorted, disjoint, and no two spans touch."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, members: Iterable[int]) -> "Runs":
        """Return the set of `members`."""
        spans: list[Span] = []
        for member in sorted(set(members)):
            if spans and spans[-1][1] == member - 1:
                spans[-1] = (spans[-1][0], member)
            else:
                spans.append((member, member))
        return cls(tuple(spans))

    def __contains__(self, member: int) -> bool:
        at = bisect_right(self.spans, member, key=_low) - 1
        return at >= 0 and member <= self.spans[at][1]

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self.spans)

    def __iter__(self) -> Iterator[int]:
        for low, high in self.spans:
            yield from range(low, high + 1)

    @property
    def first(self) -> int | None:
        """Return the smallest member."""
        return self.spans[0][0] if self.spans else None

    @property
    def last(self) -> int | None:
        """Return the largest member."""
        return self.spans[-1][1] if self.spans else None

    def add(self, low: int, high: int) -> "Runs":
        """Return this set with `low` to `high`, both included."""
        if low > high:
            return self
        # A span that ends or begins right beside the new one melts into it.
        start = bisect_left(self.spans, low - 1, key=_high)
        end = bisect_right(self.spans, high + 1, key=_low)
        touched = self.spans[start:end]
        if touched:
            low, high = min(low, touched[0][0]), max(high, touched[-1][1])
        return Runs((*self.spans[:start], (low, high), *self.spans[end:]))

    def remove(self, low: int, high: int) -> "Runs":
        """Return this set without `low` to `high`, both included."""
        start = bisect_left(self.spans, low, key=_high)
        end = bisect_right(self.spans, high, key=_low)
        if start >= end:
            return self
        left, right = self.spans[start][0], self.spans[end - 1][1]
        kept = [(left, low - 1)] if left < low else []
        kept += [(high + 1, right)] if right > high else []
        return Runs((*self.spans[:start], *kept, *self.spans[end:]))

    def union(self, other: "Runs") -> "Runs":
        """Return the members of either set."""
        merged, rest = self, other
        if len(self.spans) < len(other.spans):
            merged, rest = other, self
        for low, high in rest.spans:
            merged = merged.add(low, high)
        return merged

    def minus(self, other: "Runs") -> "Runs":
        """Return the members of this set that `other` lacks."""
        kept = self
        for low, high in other.spans:
            kept = kept.remove(low, high)
        return kept

    def within(self, low: int, high: int) -> "Runs":
        """Return the members from `low` to `high`, both included."""
        if not self.spans or low > high:
            return Runs()
        return self.remove(self.spans[0][0], low - 1).remove(high + 1, self.spans[-1][1])


NONE = Runs()


def _low(span: Span) -> int:
    return span[0]


def _high(span: Span) -> int:
    return span[1]
