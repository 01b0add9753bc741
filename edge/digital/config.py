"""What an operator says about one digital input; what cannot work is refused by name. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.channel import Channel
from domain.quantity import UCUM, Quantity
from edge.errors import SourceConfigError

QUANTITIES: Final = (Quantity.DOOR, Quantity.MAINS, Quantity.STATE)
MAX_SETTLE_MS: Final = 5_000
MIN_PERIOD_MS: Final = 1_000
MAX_PERIOD_MS: Final = 3_600_000
PROFILE: Final = "gpio@1"


class Bias(StrEnum):
    """The resistor that holds an open line."""

    AS_IS = "as-is"
    PULL_UP = "pull-up"
    PULL_DOWN = "pull-down"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitalConfig:
    """One line of a GPIO chip.

    A door reads 1 when open, the mains 1 when present: `active_low` turns a line that shows
    the opposite. A change counts once it has lasted `settle_ms`; a row is given at every
    change and each `period_ms`, always of a fresh look at the line.
    """

    name: str
    channel: int
    quantity: Quantity
    chip: str = "/dev/gpiochip0"
    line: int
    active_low: bool = False
    bias: Bias = Bias.AS_IS
    settle_ms: int = 50
    period_ms: int = 10_000

    def __post_init__(self) -> None:
        self._require(self.name, "needs a name")
        self._require(self.channel >= 0, f"channel {self.channel} is negative")
        self._require(self.chip, "needs a chip such as /dev/gpiochip0")
        self._require(0 <= self.line < 2**32, f"line {self.line} is not a line number")
        self._require(
            self.quantity in QUANTITIES,
            f"quantity {self.quantity} is not one of {', '.join(QUANTITIES)}",
        )
        self._require(
            0 <= self.settle_ms <= MAX_SETTLE_MS,
            f"settle_ms {self.settle_ms} is not in 0..{MAX_SETTLE_MS}",
        )
        self._require(
            MIN_PERIOD_MS <= self.period_ms <= MAX_PERIOD_MS,
            f"period_ms {self.period_ms} is not in {MIN_PERIOD_MS}..{MAX_PERIOD_MS}",
        )

    @property
    def source(self) -> str:
        """Where the reading comes from, as in the point table."""
        return f"{self.chip}:{self.line}"

    def _require(self, holds: object, problem: str) -> None:
        if not holds:
            raise SourceConfigError(f"digital input {self.name!r}: {problem}")


def channels_of(inputs: Iterable[DigitalConfig]) -> tuple[Channel, ...]:
    """Return the rows of the point table that these inputs fill."""
    return tuple(
        Channel(
            number=config.channel,
            device=config.name,
            serial="",
            source=config.source,
            quantity=config.quantity,
            unit=UCUM[config.quantity][0],
            exp=0,
            profile=PROFILE,
        )
        for config in inputs
    )
