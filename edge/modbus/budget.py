"""How much of a shared bus its silent devices may cost.

Used by `edge.modbus.schedule`. Pure. Waiting for a device that does not answer is time in which
its neighbours cannot be asked. Time that passes earns credit at `SHARE`; every wait in vain is
paid from it, so that over any long while all silent devices together cost no more than that
share. The longest-ignored device is first in turn and credit is kept back for it: none starves.
Where nobody answers, nobody is kept waiting, and every device is asked in each of its slots.
"""

from dataclasses import dataclass
from typing import Final

from domain.quality import Quality

SHARE: Final = 0.05
MAX_CREDIT_WAITS: Final = 3
"""Credit earned in good times pays for so many waits at once: a lost frame is asked again in
the next slot. As many are forgiven when several devices fall silent together."""


@dataclass(slots=True, eq=False)
class Unit:
    """One address on the bus, as far as asking it goes."""

    unit: int
    is_silent: bool = False
    silence: Quality = Quality.TIMEOUT
    """What its missed polls are reported as while it is silent."""
    hold_ms: int = 0
    """Not asked before: an answer to an earlier request could still come."""


class Budget:
    """Decides when a silent device may be asked; times are monotonic milliseconds."""

    def __init__(self, units: int, now_ms: int) -> None:
        self._units = units
        self._silent: list[Unit] = []  # longest not asked first
        self._credit_ms = 0.0
        self._at_ms = now_ms

    def may_ask(self, unit: Unit, wait_ms: int, now_ms: int) -> bool:
        """Return whether `unit` may be asked at the risk of waiting `wait_ms` in vain."""
        if not unit.is_silent or len(self._silent) == self._units:
            return True
        self._earn(wait_ms, now_ms)
        return self._credit_ms >= (self._silent.index(unit) + 1) * wait_ms

    def waited(self, unit: Unit, wait_ms: int, now_ms: int, silence: Quality) -> None:
        """Note that `unit` was asked and cost `wait_ms` for nothing, and how that showed."""
        unit.silence = silence
        if unit.is_silent:
            self._silent.remove(unit)
        unit.is_silent = True
        self._silent.append(unit)
        if len(self._silent) < self._units:
            self._earn(wait_ms, now_ms)
            lowest_ms = -MAX_CREDIT_WAITS * wait_ms
            self._credit_ms = max(self._credit_ms - wait_ms, lowest_ms)

    def answered(self, unit: Unit) -> None:
        """Note that a silent `unit` answered."""
        self._silent.remove(unit)
        unit.is_silent = False

    def _earn(self, wait_ms: int, now_ms: int) -> None:
        earned_ms = self._credit_ms + SHARE * (now_ms - self._at_ms)
        self._credit_ms = min(earned_ms, MAX_CREDIT_WAITS * wait_ms)
        self._at_ms = now_ms
