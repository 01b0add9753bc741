"""Which map fits what a device's registers hold, and how sure that is.

Pure. A map fits when its registers are there and what they say is possible; of several that fit
the one nearest to the place's own temperature comes first. Two maps may fit equally well (a
swapped clone at 40 degrees and 40 %): then it takes a reference thermometer, or a hand that
warms the probe, to tell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.profiles.decode import decode_registers
from domain.profiles.model import PointSpec, Profile, RegisterTable
from domain.quality import Quality
from domain.quantity import Quantity, plausible_scaled
from gateway_firmware_py.discovering.variants import Variant, variants_of

Place = tuple[RegisterTable, int, int]
"""Table, address, number of registers."""
Words = Mapping[Place, Sequence[int] | None]
"""What was read; None where the device refuses."""

ROOM_C: Final = 20.0
SPREAD_C: Final = 10.0
"""Without a reference, one step of doubt for so many degrees from a room's temperature."""
LEAST_SHARE: Final = 0.6
CLONE_DOUBT: Final = 0.5
DRY_DOUBT: Final = 3.0
ZERO_DOUBT: Final = 5.0
SURE_BY: Final = 1.5
"""So much less doubt than the next map, and a match is sure."""
WARMED_C: Final = 0.5
MOST_WARMED_C: Final = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one point says."""

    spec: PointSpec
    value: float
    quality: Quality

    def __str__(self) -> str:
        digits = max(0, -self.spec.exp)
        return f"{self.spec.name} {self.value:.{digits}f} {self.spec.unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A map that fits; `doubt` is 0 for a value just as expected."""

    profile: Profile
    deviates: bool
    readings: Sequence[Reading]
    doubt: float

    def value_of(self, quantity: Quantity) -> float | None:
        """Return the first value of a quantity."""
        found = (r.value for r in self.readings if r.spec.quantity is quantity)
        return next(found, None)


def places_of(profile: Profile) -> list[Place]:
    """Return where the points of a profile are."""
    return [(s.table, s.address, s.words) for s in profile.points.values()]


def matches(
    profiles: Iterable[Profile], words: Words, reference_c: float | None = None
) -> list[Match]:
    """Return the maps that fit, the surest first; `reference_c` is what a thermometer says."""
    found = [
        match
        for profile in profiles
        for variant in variants_of(profile)
        if (match := _match(variant, words, reference_c)) is not None
    ]
    return sorted(found, key=lambda m: (m.doubt, m.profile.name))


def is_sure(found: Sequence[Match]) -> bool:
    """Return whether the first match needs no second look by a thermometer or a hand."""
    if not found:
        return False
    others = [match for match in found if _layout(match) != _layout(found[0])]
    return not others or others[0].doubt - found[0].doubt >= SURE_BY


def warmed(found: Sequence[Match], after: Words) -> Match | None:
    """Return the one map by which a warmed probe is warmer and not more humid; None if unclear.

    `found` is from before, `after` what the registers hold once a hand has warmed the probe.
    """
    moved = [match for match in found if _has_warmed(match, after)]
    as_made = [match for match in moved if not match.deviates]
    if len(moved) > 1 and len({_layout(match) for match in moved}) == 1:
        return (as_made or moved)[0]
    return moved[0] if len(moved) == 1 else None


def _match(variant: Variant, words: Words, reference_c: float | None) -> Match | None:
    profile = variant.profile
    readings = [_reading(spec, words) for spec in profile.points.values()]
    there = [reading for reading in readings if reading is not None]
    possible = [reading for reading in there if _is_possible(reading)]
    temperatures = [r for r in possible if r.spec.quantity is Quantity.TEMPERATURE]
    if not temperatures or len(possible) < LEAST_SHARE * len(readings):
        return None
    if variant.deviates and len(possible) < len(readings):
        return None
    doubt = CLONE_DOUBT if variant.deviates else 0.0
    doubt += len(readings) - len(possible)
    doubt += _distance(temperatures[0].value, reference_c)
    doubt += sum(_humidity_doubt(r) for r in possible)
    return Match(profile=profile, deviates=variant.deviates, readings=there, doubt=doubt)


def _reading(spec: PointSpec, words: Words) -> Reading | None:
    found = words.get((spec.table, spec.address, spec.words))
    if found is None:
        return None
    value, quality = decode_registers(spec, found)
    return Reading(spec=spec, value=value * 10.0**spec.exp, quality=quality)


def _is_possible(reading: Reading) -> bool:
    spec = reading.spec
    low, high = plausible_scaled(spec.quantity, spec.exp)
    scaled = round(reading.value * 10.0**-spec.exp)
    return reading.quality is Quality.GOOD and low <= scaled <= high


def _distance(celsius: float, reference_c: float | None) -> float:
    doubt = ZERO_DOUBT if celsius == 0 else 0.0
    if reference_c is None:
        return doubt + abs(celsius - ROOM_C) / SPREAD_C
    return doubt + abs(celsius - reference_c)


def _humidity_doubt(reading: Reading) -> float:
    if reading.spec.quantity is not Quantity.HUMIDITY:
        return 0.0
    if reading.value == 0:
        return ZERO_DOUBT
    return 0.0 if 10 <= reading.value <= 98 else DRY_DOUBT


def _has_warmed(match: Match, after: Words) -> bool:
    before_c = match.value_of(Quantity.TEMPERATURE)
    later = [_reading(spec, after) for spec in match.profile.points.values()]
    now = {r.spec.quantity: r.value for r in reversed(later) if r is not None}
    if before_c is None or Quantity.TEMPERATURE not in now:
        return False
    rise_c = now[Quantity.TEMPERATURE] - before_c
    before_rh = match.value_of(Quantity.HUMIDITY)
    more_humid = 0.0
    if before_rh is not None and Quantity.HUMIDITY in now:
        more_humid = now[Quantity.HUMIDITY] - before_rh
    # Warmer air at the same moisture is drier; a moist hand may make up for some of that.
    return WARMED_C <= rise_c <= MOST_WARMED_C and more_humid < rise_c / 2


def _layout(match: Match) -> tuple[tuple[Place, int, Quantity], ...]:
    return tuple(
        ((s.table, s.address, s.words), s.exp, s.quantity)
        for s in match.profile.points.values()
    )
