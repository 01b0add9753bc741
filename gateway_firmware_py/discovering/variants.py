"""The ways in which a clone differs from the device it copies (DOMAIN.md section E).

Pure. Clones of the common transmitters hold temperature and humidity in each other's place, or
count in hundredths instead of tenths, or both. Each such map is a profile of its own, with a
name of its own, so that a point table says by which map a value was read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from domain.profiles.model import Decoder, PointSpec, Profile
from domain.quantity import Quantity

SWAPPED: Final = "-swapped"
HUNDREDTHS: Final = "-hundredths"
_SHORT: Final = frozenset({Decoder.S16, Decoder.U16})


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A map to read a device by; `deviates` tells whether it is a clone's."""

    profile: Profile
    deviates: bool = False


def variants_of(profile: Profile) -> Iterator[Variant]:
    """Yield the map as the maker gives it, and those of its known clones."""
    yield Variant(profile=profile)
    if _may_be_swapped(profile):
        yield Variant(profile=_swapped(profile), deviates=True)
    if _is_in_tenths(profile):
        finer = _in_hundredths(profile)
        yield Variant(profile=finer, deviates=True)
        if _may_be_swapped(profile):
            yield Variant(profile=_swapped(finer), deviates=True)


def profile_text(profile: Profile) -> str:
    """Return a profile as a file holds it."""
    link = profile.link
    lines = [
        f'name = "{profile.name}"',
        f"version = {profile.version}",
        f'title = "{profile.title}"',
        f'class = "{profile.point_class}"',
        "",
        "[link]",
        f'unit = {link.unit}\nbaud = {link.baud}\nparity = "{link.parity}"',
        f"stop_bits = {link.stop_bits}",
    ]
    for spec in profile.points.values():
        lines += ["", f"[point.{spec.name}]", *_point_lines(spec)]
    return "\n".join([*lines, ""])


def _point_lines(spec: PointSpec) -> Iterator[str]:
    yield f'quantity = "{spec.quantity}"\nunit = "{spec.unit}"'
    yield f'table = "{spec.table}"\naddress = 0x{spec.address:04X}'
    yield f'decoder = "{spec.decoder}"\nexp = {spec.exp}'
    if spec.error_values:
        yield f"error_values = {sorted(spec.error_values)}"
    for name, bound in (("low", spec.low), ("high", spec.high)):
        if bound is not None:
            yield f"{name} = {bound * 10.0**spec.exp:.6g}"
    if spec.bit:
        yield f"bit = {spec.bit}"


def _pair(profile: Profile) -> tuple[PointSpec, PointSpec] | None:
    """Return temperature and humidity of a transmitter that has nothing else."""
    found = {spec.quantity: spec for spec in profile.points.values()}
    both = {Quantity.TEMPERATURE, Quantity.HUMIDITY}
    if len(profile.points) != 2 or found.keys() != both:
        return None
    return found[Quantity.TEMPERATURE], found[Quantity.HUMIDITY]


def _may_be_swapped(profile: Profile) -> bool:
    pair = _pair(profile)
    if pair is None:
        return False
    one, other = pair
    return (one.words, one.table) == (other.words, other.table)


def _is_in_tenths(profile: Profile) -> bool:
    pair = _pair(profile)
    return pair is not None and all(s.exp == -1 and s.decoder in _SHORT for s in pair)


def _swapped(profile: Profile) -> Profile:
    one, other = profile.points.values()
    points = {
        one.name: replace(one, address=other.address),
        other.name: replace(other, address=one.address),
    }
    return _named(profile, SWAPPED, points)


def _in_hundredths(profile: Profile) -> Profile:
    points = {
        name: replace(
            spec,
            exp=spec.exp - 1,
            low=None if spec.low is None else 10 * spec.low,
            high=None if spec.high is None else 10 * spec.high,
        )
        for name, spec in profile.points.items()
    }
    return _named(profile, HUNDREDTHS, points)


def _named(profile: Profile, suffix: str, points: dict[str, PointSpec]) -> Profile:
    title = f"{profile.title}, clone{suffix.replace('-', ': ')}"
    return replace(
        profile, name=profile.name + suffix, title=title, points=MappingProxyType(points)
    )
