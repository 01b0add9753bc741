"""Tells map variants apart: clones of one sensor differ in order, scale and sign of registers.

Pure. Given what a probe shows and what a reference beside it shows, names the mistake of the
register map that would explain the difference. Parity and baud cannot be seen here: a device
read with the wrong ones does not answer at all, and the bus doctor names them.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

S16_WRAP: Final = Decimal(65536)
SCALES: Final = (Decimal("0.1"), Decimal("0.01"))
"""Scales under which a negative register may have been read as an unsigned one."""


class Variant(StrEnum):
    """Which register map the readings speak for."""

    MATCHES = "matches"
    SWAPPED = "swapped"
    """Temperature and humidity stand in each other's register."""
    TENFOLD = "tenfold"
    """Shown ten times too large: the device gives hundredths, the map reads tenths."""
    TENTH = "tenth"
    """Shown ten times too small: the device gives tenths, the map reads hundredths."""
    UNSIGNED = "unsigned"
    """A negative value is read as a large positive one."""
    DIFFERS = "differs"
    """No map explains it: the probe is not where the reference is, or it is faulty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One quantity as shown and as the reference has it, and how far apart is still equal."""

    shown: Decimal
    reference: Decimal
    tolerance: Decimal

    def agrees(self, value: Decimal) -> bool:
        """Return whether `value` would match the reference."""
        return abs(value - self.reference) <= self.tolerance


def diagnose(pair: Pair, other: Pair | None = None) -> Variant:
    """Return the variant that explains `pair`.

    Args:
        pair: the temperature (or whatever single quantity was compared).
        other: the humidity of the same sensor; only with it can a swap be seen.
    """
    if pair.agrees(pair.shown):
        return Variant.MATCHES
    if other is not None and pair.agrees(other.shown) and other.agrees(pair.shown):
        return Variant.SWAPPED
    if pair.agrees(pair.shown / 10):
        return Variant.TENFOLD
    if pair.agrees(pair.shown * 10):
        return Variant.TENTH
    if any(pair.agrees(pair.shown - S16_WRAP * scale) for scale in SCALES):
        return Variant.UNSIGNED
    return Variant.DIFFERS
