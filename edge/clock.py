"""The clock that every part of a gateway is handed; the program owns the real one."""

from typing import Protocol


class Clock(Protocol):
    """Wall time for people, monotonic time for durations, and how far the wall is trusted."""

    @property
    def boot(self) -> int:
        """Return the boot counter: `mono_ms` of two different boots cannot be compared."""

    def wall_ms(self) -> int:
        """Return Unix milliseconds UTC; may jump when the clock is set."""

    def mono_ms(self) -> int:
        """Return CLOCK_BOOTTIME in milliseconds: never steps, counts through suspend."""

    def sync(self) -> tuple[int, int]:
        """Return (0 none | 1 NTP | 2 NTS, error bound in milliseconds)."""
