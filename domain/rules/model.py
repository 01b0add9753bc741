"""What a rule pack says: which values of a quantity are out of limits, and for how long.

Used by the gateway's judge, the cloud's alarms and the limit bands on the page. Thresholds are
decimal text: they become exact integers at any decimal exponent, and no float is compared.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.quantity import Quantity

DEFAULT_REFRESH_S: Final = 60
"""GSP Annex 3 article 5: measured values are refreshed at least once a minute."""
DEFAULT_GAP_GRACE_S: Final = 15


class Direction(StrEnum):
    """Which side of the threshold is out."""

    HIGH = "high"
    LOW = "low"


class Severity(StrEnum):
    """A pre-alarm warns on reaching the critical value; an alarm is outside the range."""

    PREALARM = "prealarm"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledLimit:
    """A limit as integers at one decimal exponent.

    HIGH: a value is out from `out` upwards and back from `back` downwards; LOW: mirrored.
    Between the two is the deadband, where nothing changes.
    """

    out: int
    back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of a pack.

    With `threshold_in_range` (GSP ranges) the threshold itself is still good: 8.0 is in 2..8.
    Without it, reaching the threshold is enough (a pre-alarm; WHO's freeze alarm).
    """

    pack: str
    pack_version: int = 1
    clause: str
    """Where the regulation says so; also in signed events."""
    clause_zh: str = ""
    """The same for Chinese pages."""
    quantity: Quantity
    direction: Direction
    severity: Severity
    threshold: str
    """Decimal text in the quantity's default unit."""
    threshold_in_range: bool = True
    delay_ms: int = 0
    """How long the value must stay out, without interruption, before the alarm is raised."""
    readings: int = 1
    """How many readings in a row must be out before the alarm is raised."""
    deadband: str = "0"
    """How far back inside the threshold the value must come before the alarm returns."""
    apart: str = ""
    """What tells it from a like one of another pack that the same judge judges by."""

    @property
    def key(self) -> str:
        """What tells this limit from the others of its pack, stable across versions."""
        wait = f"+{self.delay_ms}ms" if self.delay_ms else ""
        what = f"{self.quantity}.{self.severity}.{self.direction}.{self.threshold}"
        return f"{what}{wait}{self.apart}"

    @property
    def threshold_value(self) -> float:
        """The threshold for display."""
        return float(self.threshold)

    def scaled(self, exp: int) -> ScaledLimit:
        """Return the exact integer bounds for values v x 10^exp."""
        threshold = Decimal(self.threshold).scaleb(-exp)
        deadband = Decimal(self.deadband).scaleb(-exp)
        if self.direction is Direction.HIGH:
            return _high(threshold, deadband, in_range=self.threshold_in_range)
        mirrored = _high(-threshold, deadband, in_range=self.threshold_in_range)
        return ScaledLimit(out=-mirrored.out, back=-mirrored.back)


def _high(threshold: Decimal, deadband: Decimal, *, in_range: bool) -> ScaledLimit:
    out = math.floor(threshold) + 1 if in_range else math.ceil(threshold)
    return ScaledLimit(out=out, back=min(out - 1, math.floor(threshold - deadband)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePack:
    """A named, versioned set of limits and timers that a measuring point carries."""

    name: str
    version: int
    title_en: str
    title_zh: str
    limits: tuple[Limit, ...]
    refresh_s: int = DEFAULT_REFRESH_S
    """Longest permitted time between two readings of a point."""
    gap_grace_s: int = DEFAULT_GAP_GRACE_S
    """How much later than that a missing reading becomes an alarm."""

    @property
    def gap_ms(self) -> int:
        """Silence of a point longer than this is missing data."""
        return (self.refresh_s + self.gap_grace_s) * 1000

    def limits_of(self, quantity: Quantity) -> tuple[Limit, ...]:
        """Return the limits that apply to points of this quantity."""
        return tuple(limit for limit in self.limits if limit.quantity is quantity)
