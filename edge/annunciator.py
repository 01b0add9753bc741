"""What makes a noise or a light where the goods are, when an alarm stands.

The only outputs a gateway has. They announce, they never control: nothing here can reach a
device that is monitored.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

log = logging.getLogger(__name__)


class Annunciator(Protocol):
    """Announces the alarms of this place to the people in it."""

    def sound(self, *, on: bool) -> None:
        """Begin or end; called only when it changes; never raises and never waits."""


class LogAnnunciator:
    """Writes to the log; for gateways that have neither buzzer nor light."""

    def sound(self, *, on: bool) -> None:
        """Write one line."""
        log.warning("local alarm %s", "sounds" if on else "is over")


class LedAnnunciator:
    """A buzzer or light behind the kernel's LED class (`/sys/class/leds/NAME/brightness`).

    A pin is bound to it with the `gpio-led` device tree overlay; the kernel keeps its level
    when this process dies, so an alarm that sounds goes on sounding.
    """

    def __init__(self, brightness: Path) -> None:
        self._brightness = brightness

    def sound(self, *, on: bool) -> None:
        """Write the level; a missing pin is logged, and the alarm travels on all the same."""
        try:
            self._brightness.write_text("1\n" if on else "0\n")
        except OSError as error:
            log.warning("annunciator %s cannot be set: %s", self._brightness, error)


class AllAnnunciators:
    """Several of them as one."""

    def __init__(self, parts: Sequence[Annunciator]) -> None:
        self._parts = tuple(parts)

    def sound(self, *, on: bool) -> None:
        """Pass it on to each."""
        for part in self._parts:
            part.sound(on=on)
