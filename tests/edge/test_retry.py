"""Waiting before the next try: at once at first, then jittered, never long."""

from hypothesis import given
from hypothesis import strategies as st

from edge.retry import MAX_CEILING_S, delay_s


def test_the_first_try_is_at_once() -> None:
    assert delay_s(0, 0.99) == 0.0


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_jittered_down_to_zero_and_bounded(failures: int, draw: float) -> None:
    assert delay_s(failures, 0.0) == 0.0
    assert 0.0 <= delay_s(failures, draw) <= MAX_CEILING_S
    assert delay_s(failures, draw) <= delay_s(failures + 1, draw)
    if failures > 10:
        assert delay_s(failures, 0.5) == MAX_CEILING_S / 2
