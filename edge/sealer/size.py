"""How large the open batch can become: an upper bound that is kept while readings arrive.

Used by `edge.sealer.sealer`. Pure. One wide value widens a whole column, so the bound is
computed again whenever a width, a frame, a run of quality or an event is added; a plain row
only adds `row_bytes`.
"""

from dataclasses import dataclass

ENVELOPE_BYTES = 1024
"""Everything but columns and events: the protected header with names of 32 characters (< 200),
signature 64, epoch, chain, clock, checkpoint, configuration and parent (< 300), the heads of
the twelve columns (60), framing."""
FRAME_BYTES = 4 + 2 + 8 + 4  # rows, width, t_off, period at their widest
SERIES_BYTES = 4 + 1  # channel and exp, beside v0
RUN_BYTES = 4 + 4 + 1  # q_start, q_len, q


@dataclass(slots=True, kw_only=True)
class Extent:
    """What the open batch holds; the widths are bytes per number of a whole column."""

    frames: int = 0
    series: int = 0
    rows: int = 0
    deltas: int = 0
    runs: int = 0
    event_bytes: int = 0
    v0_width: int = 1
    dt_width: int = 1
    dv_width: int = 1

    def total_bytes(self) -> int:
        """Return a size that the finished, signed batch does not exceed."""
        return (
            ENVELOPE_BYTES
            + self.event_bytes
            + self.frames * FRAME_BYTES
            + self.series * (SERIES_BYTES + self.v0_width)
            + self.rows * self.dt_width
            + self.deltas * self.dv_width
            + self.runs * RUN_BYTES
        )
