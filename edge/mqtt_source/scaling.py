"""Turns what a message says about one point into an integer and its quality.

Used by the decoders. Pure. JSON numbers arrive as exact decimals, so rounding (half-even, to
the point's exponent) happens once, here. What is no number at all, or more than the quantity
can be, is no value; nothing is ever converted from another unit.
"""

from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from domain.quality import Quality
from domain.quantity import plausible_scaled
from edge.mqtt_source.config import MqttPoint

MAX_ADJUSTED: Final = 15
"""A number of more than 10^16 is no measurement; this also bounds the arithmetic below."""

_EXACT: Final = Context(prec=70_000, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
"""Holds every digit that fits into a message, so that the one rounding is the only one."""

Scaled = tuple[int, Quality]
NO_VALUE: Final[Scaled] = (0, Quality.SENSOR_ERROR)


def scaled(point: MqttPoint, said: object) -> Scaled:
    """Return (value at the point's exponent, quality) of a JSON value."""
    if isinstance(said, bool):
        said = int(said)
    if isinstance(said, float):
        return 0, Quality.NOT_FINITE  # only NaN and the infinities are read as floats
    if not isinstance(said, int | Decimal):
        return NO_VALUE
    value = _at_exponent(Decimal(said), point.exp)
    if value is None:
        return NO_VALUE
    return _judged(point, value)


def _at_exponent(number: Decimal, exp: int) -> int | None:
    if not number.is_finite() or (number and number.adjusted() > MAX_ADJUSTED):
        return None
    whole = number.scaleb(-exp, _EXACT).to_integral_value(ROUND_HALF_EVEN, _EXACT)
    return int(whole) if whole.is_finite() else None


def _judged(point: MqttPoint, value: int) -> Scaled:
    low, high = plausible_scaled(point.quantity, point.exp)
    if not low <= value <= high:
        return NO_VALUE
    below = point.low is not None and value < point.low
    above = point.high is not None and value > point.high
    return value, Quality.OUT_OF_RANGE if below or above else Quality.GOOD
