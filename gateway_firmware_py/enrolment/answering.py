"""Answers a technician who has no screen: by beeps or light, through the annunciator.

one short     the boot file was read, the enrolment begins
three short   enrolled
one long      no connection yet; it is tried again by itself
six short     refused: read the log, or make a new claim
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Final

from edge.annunciator import AllAnnunciators, Annunciator, LedAnnunciator
from evidence.errors import EvidenceError
from gateway_firmware_py.errors import CloudUnreachedError, FirmwareError

GAP_S: Final = 0.2
SHORT_S, LONG_S = 0.2, 1.5
BEGUN: Final = (SHORT_S,)
DONE: Final = (SHORT_S,) * 3
LATER: Final = (LONG_S,)
REFUSED: Final = (SHORT_S,) * 6


LEDS: Final = Path("/sys/class/leds")
KNOWN_LEDS: Final = ("beeper", "buzzer", "ACT", "led0", "PWR")
"""A beeper where one is bound, else the light of the board."""


def find_led(leds: Path = LEDS) -> Path | None:
    """Return what this board can beep or shine with, None when it has nothing."""
    paths = (leds / name / "brightness" for name in KNOWN_LEDS)
    return next((path for path in paths if path.exists()), None)


@contextmanager
def answered(led: Path | None, pause: Callable[[float], None] = sleep) -> Iterator[None]:
    """Announce the beginning, and the end by how it came; errors go on their way.

    Without `led` nothing is announced: a board that has neither beeper nor light.
    """
    annunciator = AllAnnunciators([] if led is None else [LedAnnunciator(led)])
    _play(annunciator, BEGUN, pause)
    try:
        yield
    except CloudUnreachedError:
        _play(annunciator, LATER, pause)
        raise
    except (FirmwareError, EvidenceError):
        _play(annunciator, REFUSED, pause)
        raise
    _play(annunciator, DONE, pause)


def _play(
    annunciator: Annunciator, pattern: Sequence[float], pause: Callable[[float], None]
) -> None:
    for on_s in pattern:
        annunciator.sound(on=True)
        pause(on_s)
        annunciator.sound(on=False)
        pause(GAP_S)
