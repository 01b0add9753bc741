"""A chart never bridges a hole and never loses a peak."""

from hypothesis import given
from hypothesis import strategies as st

from dashboards.models import Series
from dashboards.series import for_chart


def series(readings: list[tuple[int, float | None]]) -> Series:
    return Series(times=[t for t, _ in readings], values=[v for _, v in readings])


def test_a_hole_in_time_is_a_hole_in_the_line() -> None:
    shown = for_chart(series([(0, 5.0), (10, 5.0), (100, 6.0)]), gap_ms=75, max_points=1000)
    assert list(shown.values) == [5.0, 5.0, None, 6.0]
    assert 10 < shown.times[2] < 100


def test_a_poll_without_a_value_is_a_hole() -> None:
    shown = for_chart(series([(0, 5.0), (10, None), (20, 6.0)]), gap_ms=75, max_points=1000)
    assert list(shown.values) == [5.0, None, 6.0]


def test_readings_closer_than_the_gap_are_one_line() -> None:
    readings: list[tuple[int, float | None]] = [(10 * i, 5.0) for i in range(50)]
    assert for_chart(series(readings), 75, 1000) == series(readings)


def test_nothing_gives_nothing() -> None:
    assert for_chart(series([]), 75, 100).times == []
    assert for_chart(series([(0, None)]), 75, 100).values == []


def test_one_reading_of_a_peak_survives_a_week_of_others() -> None:
    readings: list[tuple[int, float | None]] = [(10 * i, 5.0) for i in range(60_000)]
    readings[31_234] = (312_340, 9.1)
    readings[31_240] = (312_400, 1.2)
    shown = for_chart(series(readings), 75, 1000)
    assert len(shown.times) < 1100
    at = dict(zip(shown.values, shown.times, strict=True))
    assert (at[9.1], at[1.2]) == (312_340, 312_400)


READINGS = st.lists(st.none() | st.floats(-50, 50, allow_nan=False), min_size=1, max_size=600)


@given(values=READINGS, step_ms=st.sampled_from([10, 100]), max_points=st.integers(20, 200))
def test_thinning_keeps_extremes_order_and_size(
    values: list[float | None], step_ms: int, max_points: int
) -> None:
    shown = for_chart(series([(step_ms * i, v) for i, v in enumerate(values)]), 75, max_points)
    known = [v for v in values if v is not None]
    kept = [v for v in shown.values if v is not None]
    assert list(shown.times) == sorted(shown.times)
    assert len(shown.times) <= 3 * max_points
    if known:
        assert (min(kept), max(kept)) == (min(known), max(known))
    assert set(kept) <= set(known)


@given(at=st.integers(1, 5000), width=st.integers(250, 400), max_points=st.integers(100, 200))
def test_a_visible_hole_survives_thinning(at: int, width: int, max_points: int) -> None:
    times = [10 * i for i in range(6000) if not at <= i < at + width]
    shown = for_chart(Series(times=times, values=[1.0] * len(times)), 75, max_points)
    assert None in shown.values
    hole = shown.times[list(shown.values).index(None)]
    assert 10 * (at - 1) <= hole <= 10 * (at + width)
