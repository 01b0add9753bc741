"""The settings in which devices talk on a serial line, the likely ones first.

Pure. The order is that of the devices of DOMAIN.md: 9600 8N1 and 4800 8N1 from the factory,
19200 8E1 by the Modbus specification, 19200 8N2 at Vaisala, even parity on clones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from edge.modbus.config import ModbusBus

LIKELY_UNITS: Final = (1, 240, 2, 3, 4, 5, 6, 7, 8)
LAST_UNIT: Final = 247


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How characters stand on the line."""

    baud: int
    parity: str = "N"
    stop_bits: int = 1

    def __str__(self) -> str:
        return f"{self.baud} baud 8{self.parity}{self.stop_bits}"

    def on(self, bus: ModbusBus, timeout_ms: int) -> ModbusBus:
        """Return `bus` with these settings and this patience."""
        return replace(
            bus,
            baud=self.baud,
            parity=self.parity,
            stop_bits=self.stop_bits,
            timeout_ms=timeout_ms,
        )

    @classmethod
    def of(cls, bus: ModbusBus) -> "LineSettings":
        """Return the settings of a bus."""
        return cls(baud=bus.baud, parity=bus.parity, stop_bits=bus.stop_bits)


SETTINGS: Final = (
    LineSettings(baud=9600),
    LineSettings(baud=4800),
    LineSettings(baud=19200),
    LineSettings(baud=9600, parity="E"),
    LineSettings(baud=19200, parity="E"),
    LineSettings(baud=19200, stop_bits=2),
    LineSettings(baud=4800, parity="E"),
    LineSettings(baud=2400),
    LineSettings(baud=38400),
    LineSettings(baud=115_200),
    LineSettings(baud=9600, stop_bits=2),
    LineSettings(baud=9600, parity="O"),
    LineSettings(baud=1200),
    LineSettings(baud=57600),
)


def other_than(known: LineSettings) -> Iterator[LineSettings]:
    """Yield every setting but the one that was tried."""
    return (settings for settings in SETTINGS if settings != known)


def units_in_order(last: int = LAST_UNIT) -> Iterator[int]:
    """Yield the unit numbers up to `last`, those of the factories first."""
    yield from (unit for unit in LIKELY_UNITS if unit <= last)
    yield from (unit for unit in range(1, last + 1) if unit not in LIKELY_UNITS)
