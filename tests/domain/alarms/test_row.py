"""The first look at a row agrees with looking at each value."""

from hypothesis import given
from hypothesis import strategies as st

from domain.alarms.row import RowBand

BAND = st.none() | st.tuples(st.integers(-50, 50), st.integers(-50, 50))


@given(st.lists(st.tuples(BAND, st.integers(-60, 60))))
def test_a_row_is_held_when_each_value_is(
    pairs: list[tuple[tuple[int, int] | None, int]],
) -> None:
    expected = all(band is not None and band[0] <= v <= band[1] for band, v in pairs)
    assert RowBand(band for band, _ in pairs).holds([v for _, v in pairs]) == expected
