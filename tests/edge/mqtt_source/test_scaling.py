"""From a JSON number to an integer: rounded once, half to even, exactly."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quality import Quality
from domain.quantity import Quantity
from edge.mqtt_source.config import MqttPoint
from edge.mqtt_source.scaling import NO_VALUE, scaled


def point(exp: int = -2, low: int | None = None, high: int | None = None) -> MqttPoint:
    return MqttPoint(
        name="t", channel=1, quantity=Quantity.TEMPERATURE, exp=exp, low=low, high=high
    )


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("4.315", 432),
        ("4.325", 432),
        ("-4.315", -432),
        ("27.34", 2734),
        ("5", 500),
        ("0e99", 0),
    ],
)
def test_rounding_is_half_even(said: str, value: int) -> None:
    assert scaled(point(), Decimal(said)) == (value, Quality.GOOD)


@pytest.mark.parametrize("said", [None, "4.3", [], {}, Decimal("1e17"), 10**4000, -(10**9)])
def test_what_is_no_temperature_is_no_value(said: object) -> None:
    assert scaled(point(), said) == NO_VALUE


@pytest.mark.parametrize("said", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_says_so(said: float) -> None:
    assert scaled(point(), said) == (0, Quality.NOT_FINITE)


def test_more_than_the_quantity_can_be_is_no_value_and_more_than_the_sensor_is_doubted() -> (
    None
):
    assert scaled(point(), Decimal("200.01")) == NO_VALUE
    assert scaled(point(high=8000), Decimal("80.01")) == (8001, Quality.OUT_OF_RANGE)
    assert scaled(point(low=-4000), Decimal("-40.01")) == (-4001, Quality.OUT_OF_RANGE)


def test_a_long_number_is_rounded_once() -> None:
    just_above_half = Decimal("4.315" + "0" * 50_000 + "1")
    assert scaled(point(), just_above_half) == (432, Quality.GOOD)
    assert scaled(point(), Decimal("4.325" + "0" * 50_000 + "1")) == (433, Quality.GOOD)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(-6, 6))
def test_any_decimal_is_the_nearest_or_no_value(said: Decimal, exp: int) -> None:
    value, quality = scaled(point(exp), said)
    if quality == Quality.GOOD:
        nearest = (Decimal(value) - said.scaleb(-exp)).copy_abs()
        assert nearest <= Decimal("0.5")
    else:
        assert (value, quality) == NO_VALUE
        assert abs(Fraction(said)) > 199 * Fraction(10) ** min(0, exp) or exp > 0


@given(st.integers(-20_000, 20_000))
def test_hundredths_survive(hundredths: int) -> None:
    said = Decimal(hundredths).scaleb(-2)
    assert scaled(point(), said) == (hundredths, Quality.GOOD)
    tenths = said.quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    assert scaled(point(-1), said)[0] == int(tenths * 10)
