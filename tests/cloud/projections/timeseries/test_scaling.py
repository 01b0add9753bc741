"""Scaled integers become the nearest float."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.projections.timeseries.scaling import to_float


@given(
    st.lists(st.tuples(st.integers(-(2**53) + 1, 2**53 - 1), st.integers(-22, 0)), min_size=1)
)
def test_every_value_is_the_nearest_float(pairs: list[tuple[int, int]]) -> None:
    v, exp = np.array(pairs, dtype=np.int64).T
    assert to_float(v, exp).tolist() == [float(f"{v}e{e}") for v, e in pairs]


def test_positive_exponents_multiply() -> None:
    assert to_float(np.array([12, -3]), np.array([2, 0])).tolist() == [1200.0, -3.0]
