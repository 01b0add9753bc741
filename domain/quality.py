"""How far a reading can be trusted; travels with every reading from the probe to the page.

From `NO_VALUE_FROM` on there is no value at all: such a reading says only that the point was
asked and did not answer properly. It is archived, never shown or stored as a number.
"""

from enum import IntEnum
from typing import Final


class Quality(IntEnum):
    """The numbers are on the wire and never change."""

    GOOD = 0
    CLOCK_UNCERTAIN = 1
    OUT_OF_RANGE = 2
    """Outside the sensor's own range: the value is kept, and doubted."""
    TIMEOUT = 8
    EXCEPTION = 9
    SENSOR_ERROR = 10
    NOT_FINITE = 11


NO_VALUE_FROM: Final = 8


def has_value(quality: int) -> bool:
    """Return whether a reading of this quality carries a number."""
    return quality < NO_VALUE_FROM
