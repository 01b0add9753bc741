"""The runs of a group's readings, record by record, for projections that go batch by batch.

Pure but for the series index.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cloud.projections.expansion import Expansion, expand_records
from cloud.projections.feed import CommittedRecord
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.store import Int64s


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What `expand_records` gave, and where each record's part of it is."""

    x: Expansion
    first_off: Int64s
    """Earliest time of each run, ms from the batch's t0."""
    last_off: Int64s
    bounds: list[int]
    """Record i has the runs `bounds[i]` up to `bounds[i + 1]`."""
    spans: list[tuple[int, int]]
    """Earliest and latest reading of each record, ms from t0; (0, 0) without any."""

    @staticmethod
    def of(records: Sequence[CommittedRecord], series: SeriesIndex) -> "Runs":
        """Return the runs of some records."""
        x = expand_records(records, series)
        first_off, last_off = x.off[:0], x.off[:0]
        spans = [(0, 0)] * len(records)
        bounds = np.searchsorted(x.run_record, np.arange(len(records) + 1))
        if len(x):
            first_off = np.minimum.reduceat(x.off, x.run_start)
            last_off = np.maximum.reduceat(x.off, x.run_start)
            filled = np.flatnonzero(np.diff(bounds))
            low = np.minimum.reduceat(first_off, bounds[filled]).tolist()
            high = np.maximum.reduceat(last_off, bounds[filled]).tolist()
            for record, *span in zip(filled.tolist(), low, high, strict=True):
                spans[record] = (span[0], span[1])
        return Runs(
            x=x, first_off=first_off, last_off=last_off, bounds=bounds.tolist(), spans=spans
        )
