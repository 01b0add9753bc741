"""Knocking at a broker: both versions, full jitter, a bounded wait."""

from hypothesis import given
from hypothesis import strategies as st

from edge.mqtt_source.connecting import (
    MAX_CEILING_S,
    Knocking,
    Version,
    after_failure,
    after_loss,
    delay_s,
)


def test_both_versions_are_tried_in_turn_beginning_with_five() -> None:
    first = Knocking()
    second = after_failure(first)
    third = after_failure(second)
    assert [k.version for k in (first, second, third)] == [Version.V5, Version.V311, Version.V5]


def test_what_worked_is_tried_first_after_a_loss() -> None:
    worked = after_failure(Knocking())
    assert after_loss(worked).version is Version.V311


def test_the_first_knock_is_at_once() -> None:
    assert delay_s(Knocking(), 0.99) == 0.0


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True))
def test_the_wait_grows_to_a_bound_and_is_jittered_down_to_zero(
    failures: int, draw: float
) -> None:
    knocking = Knocking()
    for _ in range(failures):
        knocking = after_failure(knocking)
    assert delay_s(knocking, 0.0) == 0.0
    assert 0.0 <= delay_s(knocking, draw) <= MAX_CEILING_S
    if failures > 10:
        assert delay_s(knocking, 0.5) == MAX_CEILING_S / 2
