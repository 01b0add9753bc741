"""From placed batches to the rows that a store takes.

Pure. Readings without a value and channels that are not registered are left out and counted; of
readings of one series at one time the last in archive order stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cloud.projections.expansion import Expansion, expand_records
from cloud.projections.placement import Placed
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.store import Int64s, Rows, SeriesKey
from domain.quality import NO_VALUE_FROM, Quality

_TIME_BITS = 43  # ms until the year 2248; a wrong time further on costs a needless second look
_TIME_MASK = (1 << _TIME_BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """Rows to store, and how many readings are not among them, and why."""

    rows: Rows
    without_value: int
    unmapped: int
    repeated: int


class RowShaper:
    """Makes rows; remembers the names of the series. Used by one thread."""

    def __init__(self, series: SeriesIndex) -> None:
        self._series = series
        self._keys: list[SeriesKey] = []

    def shape(self, placed: Sequence[Placed]) -> Shaped:
        """Return the rows of all `placed` batches."""
        x = expand_records([p.record for p in placed], self._series)
        self._name_new_series()
        series = x.of_runs(x.run_series)
        has_value = x.q < NO_VALUE_FROM
        is_mapped = series >= 0
        kept = has_value & is_mapped
        rows = self._rows(x, placed, series)
        if not kept.all():
            rows = rows.only(kept)
        once = _each_time_once(rows)
        return Shaped(
            rows=once,
            without_value=int((is_mapped & ~has_value).sum()),
            unmapped=int((~is_mapped).sum()),
            repeated=len(rows) - len(once),
        )

    def _rows(self, x: Expansion, placed: Sequence[Placed], series: Int64s) -> Rows:
        t0_ms = np.array([p.t0_ms for p in placed], dtype=np.int64)
        q = x.q
        if any(p.is_uncertain for p in placed):
            uncertain = np.array([p.is_uncertain for p in placed])
            floor = np.where(uncertain, Quality.CLOCK_UNCERTAIN, Quality.GOOD)
            q = np.maximum(q, x.of_runs(floor[x.run_record]).astype(np.uint8))
        return Rows(
            keys=self._keys,
            series=series,
            ts=x.of_runs(t0_ms[x.run_record]) + x.off,
            v=x.v,
            exp=x.of_runs(x.run_exp),
            q=q,
        )

    def _name_new_series(self) -> None:
        for point in self._series.points[len(self._keys) :]:
            self._keys.append(SeriesKey(point.site, point.id, point.quantity.value))


def _each_time_once(rows: Rows) -> Rows:
    together = np.sort((rows.series << _TIME_BITS) | (rows.ts & _TIME_MASK))
    if not (together[1:] == together[:-1]).any():
        return rows
    order = np.lexsort((rows.ts, rows.series))  # stable: of equals the last is the latest
    series, ts = rows.series[order], rows.ts[order]
    is_last = np.append((series[1:] != series[:-1]) | (ts[1:] != ts[:-1]), True)
    kept = np.zeros(len(rows), dtype=np.bool_)
    kept[order[is_last]] = True
    return rows.only(kept)
