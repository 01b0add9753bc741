"""What can be measured, in which units (UCUM codes), and between which values it is possible.

A door reads 1 when open. Mains power reads 1 when present.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.errors import WrongUnitError


class Quantity(StrEnum):
    """Kinds of quantity; the text is in point tables, rule packs and the registry."""

    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    DEW_POINT = "dew_point"
    ABSOLUTE_HUMIDITY = "absolute_humidity"
    DOOR = "door"
    MAINS = "mains"
    SETPOINT = "setpoint"
    BATTERY = "battery"
    VOLTAGE = "voltage"
    ILLUMINANCE = "illuminance"
    STATE = "state"
    ALARM_CODE = "alarm_code"
    UPTIME = "uptime"
    SIGNAL = "signal"


UCUM: Final[Mapping[Quantity, tuple[str, ...]]] = MappingProxyType(
    {
        Quantity.TEMPERATURE: ("Cel",),
        Quantity.HUMIDITY: ("%",),
        Quantity.DEW_POINT: ("Cel",),
        Quantity.ABSOLUTE_HUMIDITY: ("g/m3",),
        Quantity.DOOR: ("1",),
        Quantity.MAINS: ("1",),
        Quantity.SETPOINT: ("Cel",),
        Quantity.BATTERY: ("%",),
        Quantity.VOLTAGE: ("V",),
        Quantity.ILLUMINANCE: ("lx",),
        Quantity.STATE: ("1",),
        Quantity.ALARM_CODE: ("1",),
        Quantity.UPTIME: ("s",),
        Quantity.SIGNAL: ("1", "dB[mW]"),
    }
)
"""Permitted unit codes; the first is the default."""

PLAUSIBLE: Final[Mapping[Quantity, tuple[int, int]]] = MappingProxyType(
    {
        Quantity.TEMPERATURE: (-200, 200),
        Quantity.HUMIDITY: (0, 100),
        Quantity.DEW_POINT: (-120, 200),
        Quantity.ABSOLUTE_HUMIDITY: (0, 1000),
        Quantity.DOOR: (0, 1),
        Quantity.MAINS: (0, 1),
        Quantity.SETPOINT: (-200, 200),
        Quantity.BATTERY: (0, 100),
        Quantity.VOLTAGE: (0, 1000),
        Quantity.ILLUMINANCE: (0, 200_000),
        Quantity.STATE: (0, 65_535),
        Quantity.ALARM_CODE: (0, 65_535),
        Quantity.UPTIME: (0, 4_294_967_295),
        Quantity.SIGNAL: (-200, 255),
    }
)
"""Lowest and highest possible value, inclusive, in the default unit; beyond is a mistake."""


def check_unit(quantity: Quantity, unit: str) -> None:
    """Raise `WrongUnitError` unless `unit` is a permitted UCUM code for `quantity`."""
    if unit not in UCUM[quantity]:
        raise WrongUnitError(quantity, unit, UCUM[quantity])


def plausible_scaled(quantity: Quantity, exp: int) -> tuple[int, int]:
    """Return the plausible range as integers at decimal exponent `exp`, inclusive."""
    low, high = PLAUSIBLE[quantity]
    if exp <= 0:
        return low * 10**-exp, high * 10**-exp
    return -(-low // 10**exp), high // 10**exp
