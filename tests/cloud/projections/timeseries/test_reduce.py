"""Buckets of readings against a plain dictionary."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.projections.timeseries.reduce import in_buckets
from cloud.projections.timeseries.store import Span


def span_of(readings: dict[int, int]) -> Span:
    ts = sorted(readings)
    return Span(
        ts=np.array(ts, dtype=np.int64),
        value=np.array([readings[t] for t in ts], dtype=np.float64),
        q=np.zeros(len(ts), dtype=np.uint8),
    )


@given(
    readings=st.dictionaries(st.integers(0, 10_000), st.integers(-50, 50), max_size=60),
    step_ms=st.sampled_from([1, 7, 100, 5000]),
)
def test_each_reading_counts_in_its_own_interval(
    readings: dict[int, int], step_ms: int
) -> None:
    slots: dict[int, list[int]] = {}
    for ts, v in readings.items():
        slots.setdefault(ts // step_ms * step_ms, []).append(v)
    got = in_buckets(span_of(readings), step_ms)
    rows = zip(got.start_ms, got.low, got.high, got.count, got.mean * got.count, strict=True)
    assert [tuple(round(float(x), 6) for x in row) for row in rows] == [
        (s, min(slots[s]), max(slots[s]), len(slots[s]), sum(slots[s])) for s in sorted(slots)
    ]
