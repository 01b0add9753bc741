"""What happens to a simulated site by chance: weather, doors, outages, wear.

Used by `simulators.refrigerator`. Pure functions of a seed and the scenario time, so that two
runs agree however often they look. Rates follow github.com/phoenixgh-org/ems-data-simulator.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from simulators.chance import gauss, poisson, smooth, uniform

HOUR_S = 3600.0
DAY_H = 24
AMBIENT_C = 28.0
AMBIENT_SWING_C = 5.0
AMBIENT_PEAK_H = 14.0
AMBIENT_NOISE_C = 0.5
AMBIENT_NOISE_EVERY_S = 600.0
OUTAGES_PER_H = 0.005
OUTAGE_MEAN_S = 2 * HOUR_S
OUTAGE_LOOK_BACK_H = 12  # an outage longer than this ends at this length
SHORTEST_OPENING_S = 3.0
LEAK_PER_H = 0.002  # refrigerant lost by a leaking circuit
LEAST_CAPACITY = 0.05  # with less charge than this nothing is cooled


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How people use a door: how often, between which hours of the day, and for how long."""

    openings_per_h: float
    mean_s: float = 30.0
    deviation_s: float = 15.0
    from_h: int = 8
    to_h: int = 17


HABITS: Mapping[str, Habit] = MappingProxyType(
    {
        "shut": Habit(openings_per_h=0.0),
        "best-practice": Habit(openings_per_h=0.25),
        "normal": Habit(openings_per_h=0.7, mean_s=25.0),
        "usual": Habit(openings_per_h=2.0),
        "few-but-long": Habit(openings_per_h=0.3, mean_s=180.0),
        "busy": Habit(openings_per_h=1.2, from_h=6, to_h=20),
    }
)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_s` up to, not including, `end_s`."""

    start_s: float
    end_s: float

    def covers(self, at_s: float) -> bool:
        """Return whether `at_s` lies in the span."""
        return self.start_s <= at_s < self.end_s


def ambient_c(seed: int, at_s: float) -> float:
    """Return the room's temperature: a warm day that peaks in the early afternoon."""
    angle = 2 * math.pi * (at_s / HOUR_S - AMBIENT_PEAK_H) / DAY_H
    noise = smooth(at_s, AMBIENT_NOISE_EVERY_S, seed, "ambient")
    return AMBIENT_C + AMBIENT_SWING_C * math.cos(angle) + AMBIENT_NOISE_C * noise


@lru_cache(maxsize=4096)
def openings(seed: int, habit: Habit, hour: int) -> tuple[Span, ...]:
    """Return when the door opens in scenario hour `hour`, and for how long."""
    if not habit.from_h <= hour % DAY_H < habit.to_h:
        return ()
    spans = []
    for n in range(poisson(habit.openings_per_h, seed, "doors", hour)):
        start_s = (hour + uniform(seed, "door", hour, n)) * HOUR_S
        length_s = habit.mean_s + habit.deviation_s * gauss(seed, "opening", hour, n)
        spans.append(Span(start_s, start_s + max(SHORTEST_OPENING_S, length_s)))
    return tuple(spans)


def door_is_open(seed: int, habit: Habit, at_s: float) -> bool:
    """Return whether somebody holds the door open at `at_s`."""
    hour = math.floor(at_s / HOUR_S)
    return any(span.covers(at_s) for h in (hour - 1, hour) for span in openings(seed, habit, h))


@lru_cache(maxsize=4096)
def outage(seed: int, hour: int) -> Span | None:
    """Return the power cut that begins in scenario hour `hour`, if one does."""
    if uniform(seed, "outage", hour) >= OUTAGES_PER_H:
        return None
    start_s = (hour + uniform(seed, "outage start", hour)) * HOUR_S
    length_s = -OUTAGE_MEAN_S * math.log(1.0 - uniform(seed, "outage length", hour))
    return Span(start_s, start_s + min(length_s, OUTAGE_LOOK_BACK_H * HOUR_S))


def mains_are_on(seed: int, at_s: float) -> bool:
    """Return whether the mains are up at `at_s`."""
    hour = math.floor(at_s / HOUR_S)
    spans = (outage(seed, h) for h in range(hour - OUTAGE_LOOK_BACK_H, hour + 1))
    return not any(span is not None and span.covers(at_s) for span in spans)


def leaking_capacity(leaking_for_s: float) -> float:
    """Return the share of its cooling that a circuit keeps after leaking so long."""
    left = math.exp(-LEAK_PER_H * max(0.0, leaking_for_s) / HOUR_S)
    return left if left >= LEAST_CAPACITY else 0.0
