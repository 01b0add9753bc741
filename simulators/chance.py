"""Randomness that is a pure function of a seed and a label.

Used by everything that happens by chance in a simulated site. The same seed and labels give
the same number on every machine and in any order of asking, so a run can be repeated and no
generator needs to be carried about.
"""

import hashlib
import math

_DENOMINATOR = 1 << 53


def uniform(seed: int, *labels: str | int) -> float:
    """Return a number in [0, 1) that depends only on `seed` and `labels`."""
    text = "/".join(str(part) for part in (seed, *labels))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / _DENOMINATOR


def gauss(seed: int, *labels: str | int) -> float:
    """Return a normally distributed number, mean 0, deviation 1 (Box-Muller)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(seed, *labels, "radius")))
    return radius * math.cos(2.0 * math.pi * uniform(seed, *labels, "angle"))


def poisson(mean: float, seed: int, *labels: str | int) -> int:
    """Return a Poisson distributed count, by inversion; for small means."""
    left = uniform(seed, *labels, "count")
    count, chance = 0, math.exp(-mean)
    while left >= chance > 0.0:
        left -= chance
        count += 1
        chance *= mean / count
    return count


def smooth(at_s: float, every_s: float, seed: int, *labels: str | int) -> float:
    """Return noise of deviation about 1 that wanders between a new draw each `every_s`."""
    place = at_s / every_s
    before = math.floor(place)
    share = place - before
    left, right = gauss(seed, *labels, before), gauss(seed, *labels, before + 1)
    return left + (right - left) * share
