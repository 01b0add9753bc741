"""The numbers of the review, read from `limits.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a check passes."""

    clock_offset_ms: int
    warmed_celsius: Decimal
    warmed_humidity: Decimal
    compared_errors: Decimal
    """How many permitted errors a probe and a reference may lie apart."""
    recipients: Mapping[str, int]
    """How many verified people an alarm calls at least, by subject class."""


@cache
def limits() -> Limits:
    """Return the numbers that ship with the product."""
    text = (files("device_registry.commissioning") / "limits.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text, parse_float=Decimal)
    return Limits(
        clock_offset_ms=int(raw["clock_offset_ms"]),
        warmed_celsius=Decimal(raw["warmed_celsius"]),
        warmed_humidity=Decimal(raw["warmed_humidity"]),
        compared_errors=Decimal(raw["compared_errors"]),
        recipients=MappingProxyType(dict(raw["recipients"])),
    )
