"""Rows for time series stores, and the plain lists that they are compared with."""

from collections.abc import Sequence

import numpy as np

from cloud.projections.timeseries.store import Rows, SeriesKey

T0_MS = (
    1_790_000_000_000  # 2026-09-21: some hours before a change of day, days before a month's
)


def rows_of(
    keys: Sequence[SeriesKey],
    readings: Sequence[tuple[int, int, int]],
    *,
    exp: int = -2,
    q: int = 0,
) -> Rows:
    """Return rows of (index into keys, ts, v)."""
    series, ts, v = np.array(readings, dtype=np.int64).reshape(-1, 3).T
    return Rows(
        keys=keys,
        series=series,
        ts=ts,
        v=v,
        exp=np.full(len(ts), exp, dtype=np.int64),
        q=np.full(len(ts), q, dtype=np.uint8),
    )


def steady(
    series: int, count: int, *, t0_ms: int = T0_MS, step_ms: int = 10_000, v0: int = 400
) -> list[tuple[int, int, int]]:
    """Return readings of one series with values that differ from one to the next."""
    return [(series, t0_ms + i * step_ms, v0 + (i * 37) % 211 - 100) for i in range(count)]
