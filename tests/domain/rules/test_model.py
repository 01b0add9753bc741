"""Limits become exact integers at any exponent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quantity import Quantity
from domain.rules.model import Direction, Limit, ScaledLimit, Severity


def limit(direction: Direction, threshold: str, deadband: str, *, in_range: bool) -> Limit:
    return Limit(
        pack="TEST",
        clause="test",
        quantity=Quantity.TEMPERATURE,
        direction=direction,
        severity=Severity.ALARM,
        threshold=threshold,
        threshold_in_range=in_range,
        deadband=deadband,
    )


@pytest.mark.parametrize(
    ("direction", "threshold", "in_range", "exp", "out", "back"),
    [
        (Direction.HIGH, "8", True, -1, 81, 77),
        (Direction.LOW, "2", True, -1, 19, 23),
        (Direction.HIGH, "7.5", False, -1, 75, 72),
        (Direction.LOW, "2.5", False, -2, 250, 280),
        (Direction.HIGH, "7.5", True, 0, 8, 7),
        (Direction.HIGH, "7.5", False, 0, 8, 7),
        (Direction.LOW, "-0.5", False, 0, -1, 0),
    ],
)
def test_a_threshold_is_an_exact_integer_at_every_exponent(
    *, direction: Direction, threshold: str, in_range: bool, exp: int, out: int, back: int
) -> None:
    scaled = limit(direction, threshold, "0.3", in_range=in_range).scaled(exp)
    assert scaled == ScaledLimit(out=out, back=back)


decimals = st.decimals(-100, 100, places=3)


@given(
    threshold=decimals,
    deadband=st.decimals(0, 5, places=3),
    in_range=st.booleans(),
    exp=st.integers(-4, 0),
    v=st.integers(-(10**6), 10**6),
    direction=st.sampled_from(Direction),
)
def test_out_and_back_agree_with_decimal_arithmetic(
    *,
    threshold: Decimal,
    deadband: Decimal,
    in_range: bool,
    exp: int,
    v: int,
    direction: Direction,
) -> None:
    lim = limit(direction, str(threshold), str(deadband), in_range=in_range)
    value = Decimal(v).scaleb(exp)
    scaled = lim.scaled(exp)
    sign = 1 if direction is Direction.HIGH else -1
    beyond = sign * (value - threshold)
    is_out = beyond > 0 if in_range else beyond >= 0
    assert (sign * v >= sign * scaled.out) == is_out
    is_back = beyond <= -deadband and not is_out
    assert (sign * v <= sign * scaled.back) == is_back
