"""Packed days give back every reading, whatever the numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.projections.timeseries.chunks import Day, pack, unpack

VALUES = st.integers(-(2**53) + 1, 2**53 - 1)


def day_of(readings: list[tuple[int, int, int, int]]) -> Day:
    ts, v, exp, q = np.array(readings, dtype=np.int64).T
    return Day(ts=ts, v=v, exp=exp, q=q.astype(np.uint8))


@given(
    st.lists(
        st.tuples(st.integers(0, 2**42), VALUES, st.integers(-9, 9), st.integers(0, 7)),
        min_size=1,
        max_size=50,
    )
)
def test_packing_loses_nothing(readings: list[tuple[int, int, int, int]]) -> None:
    day = day_of(readings)
    got = unpack(pack(day))
    columns = zip(
        got.ts.tolist(), got.v.tolist(), got.exp.tolist(), got.q.tolist(), strict=True
    )
    assert list(columns) == readings


def test_a_steady_day_takes_a_few_bytes_a_reading() -> None:
    readings = [
        (1_790_000_000_000 + i * 10_000 + i % 7, 400 + i % 13, -2, 0) for i in range(8640)
    ]
    assert len(pack(day_of(readings))) < 2 * len(readings)
