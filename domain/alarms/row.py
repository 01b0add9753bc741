"""The first look at a row: do all its values lie where nothing can happen?

Two comparisons over the whole row in C, before any single value is looked at.
"""

from collections.abc import Iterable, Sequence
from operator import ge, le

from domain.alarms.limits import UNBOUNDED


class RowBand:
    """The quiet bands of the points of one row, in the row's order; None matters always."""

    __slots__ = ("_highs", "_lows")

    def __init__(self, bands: Iterable[tuple[int, int] | None]) -> None:
        """Take the bands; rebuild the object when one of them changes."""
        # A point that always matters gets a band that holds nothing.
        kept = [(UNBOUNDED, -UNBOUNDED) if band is None else band for band in bands]
        self._lows = tuple(low for low, _ in kept)
        self._highs = tuple(high for _, high in kept)

    def holds(self, values: Sequence[int]) -> bool:
        """Return whether every value lies in its band; `values` is one full row."""
        return all(map(ge, values, self._lows)) and all(map(le, values, self._highs))
