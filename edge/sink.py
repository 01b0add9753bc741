"""The one thing that sources feed: rows of readings and events, at the moment they happen.

Every source calls it from the event loop; an implementation returns at once (no I/O, no wait)
and keeps whatever it needs of the arguments, which are not changed afterwards.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.frame import Frame


class Sink(Protocol):
    """Takes what the sources saw; every time is CLOCK_BOOTTIME in milliseconds."""

    def row(
        self,
        frame: Frame,
        mono_ms: int,
        values: Sequence[int],
        quality: Sequence[int] | None,
    ) -> None:
        """Take one row: a value for each channel of `frame`, in its order.

        Args:
            frame: the same object for every row of this shape.
            mono_ms: when the answer arrived, or when a missed poll was due; it grows strictly
                from row to row of one frame.
            values: as many as `frame.channels`; scaled by `frame.exps`. A reading without a
                value (quality >= 8) carries 0.
            quality: `domain.quality.Quality` per channel; None when all are good.
        """

    def event(self, kind: int, mono_ms: int, channel: int, body: Mapping[int, object]) -> None:
        """Take one event (`evidence.batch.EventKind`; `body` as SPEC.md gives it per kind)."""
