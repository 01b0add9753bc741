"""Do the points of a space suffice, in number and in height, under the pack that applies here?

Pure. Which pack applies follows from the subject class and the space: a wholesaler's store is
under GSP Annex 3 articles 13 and 14, a shop's refrigerator is not. Optional packs (a province's
stricter scheme) apply beside it when `adopted` names them; the larger number counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.gsp.density_model import DensityPack, DensityRule, density_packs
from domain.gsp.finding import Finding, Level
from domain.gsp.space import Position, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """How many points one pack asks of one space."""

    pack: DensityPack
    rule: DensityRule
    points: int | None
    """None when the area or volume it depends on is not recorded."""


def requirements(
    subject_class: str, space: Space, adopted: Iterable[str] = ()
) -> tuple[Requirement, ...]:
    """Return what every pack that applies here asks; empty when none knows this space."""
    chosen = frozenset(adopted)
    found = []
    for pack in density_packs():
        rule = pack.rule(space)
        binds = subject_class in pack.subjects and (not pack.optional or pack.name in chosen)
        if rule is None or not binds:
            continue
        size = rule.measure.of(space)
        points = None if size is None else rule.count(size)
        if size is None or points is not None:
            found.append(Requirement(pack=pack, rule=rule, points=points))
    return tuple(found)


def required_points(
    subject_class: str, space: Space, adopted: Iterable[str] = ()
) -> int | None:
    """Return the number of points the space needs at least; None when its size is unknown."""
    counts = [r.points for r in requirements(subject_class, space, adopted)]
    known = [count for count in counts if count is not None]
    return max(known, default=0) if len(known) == len(counts) else None


def check_points(
    place: str,
    subject_class: str,
    space: Space,
    points: Sequence[Position],
    adopted: Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Return what is wrong (or, once, right) with the compliance points of one space.

    Args:
        place: id of the place; findings are about it.
        subject_class: of the site: "wholesale", "retail", …
        space: its kind and size.
        points: the positions of its compliance points of temperature.
        adopted: names of the optional packs of its jurisdiction.
    """
    findings: list[Finding] = []
    for requirement in requirements(subject_class, space, adopted):
        findings += _number(place, requirement, len(points))
        findings += _heights(place, requirement, space, points)
    return tuple(findings)


def _number(place: str, requirement: Requirement, found: int) -> list[Finding]:
    rule = requirement.rule
    if requirement.points is None:
        return [_finding("point_count.size_unknown", place, rule, measure=_measure(rule))]
    key, level = "point_count.enough", Level.PASS
    if found < requirement.points:
        key, level = "point_count.too_few", Level.REFUSE
    return [
        _finding(
            key, place, rule, level=level, needed=str(requirement.points), found=str(found)
        )
    ]


def _measure(rule: DensityRule) -> str:
    return "m²" if rule.measure.value == "area_m2" else "m³"


def _heights(
    place: str, requirement: Requirement, space: Space, points: Sequence[Position]
) -> list[Finding]:
    rule = requirement.rule
    if not points or (rule.min_height_thirds is None and rule.levels == 1):
        return []
    rack = space.rack_height_m
    if rack is None:
        return [_finding("point_height.rack_unknown", place, rule)]
    heights = [p.height_m for p in points if p.height_m is not None]
    if len(heights) < len(points):
        missing = str(len(points) - len(heights))
        return [_finding("point_height.unknown", place, rule, missing=missing)]
    return [
        *_low_points(place, rule, rack, heights),
        *_levels(place, requirement, rack, heights),
    ]


def _low_points(
    place: str, rule: DensityRule, rack: Decimal, heights: Sequence[Decimal]
) -> list[Finding]:
    thirds = rule.min_height_thirds
    if thirds is None:
        return []
    low = [height for height in heights if height * 3 < rack * thirds]
    if not low:
        return []
    least = f"{rack * thirds / 3:.2f}"
    return [_finding("point_height.too_low", place, rule, least=least, found=f"{min(low):.2f}")]


def _levels(
    place: str, requirement: Requirement, rack: Decimal, heights: Sequence[Decimal]
) -> list[Finding]:
    rule = requirement.rule
    findings = []
    if rule.top_covers_goods and max(heights) < rack:
        found = f"{max(heights):.2f}"
        findings.append(
            _finding("point_height.top_too_low", place, rule, found=found, least=f"{rack:.2f}")
        )
    if rule.levels > 1 and requirement.points is not None:
        per_level = requirement.points // rule.levels
        counts = [_in_level(heights, rack, level, rule.levels) for level in range(rule.levels)]
        findings += [
            _finding(
                "point_height.level_too_few",
                place,
                rule,
                rank=str(level + 1),
                needed=str(per_level),
                found=str(count),
            )
            for level, count in enumerate(counts)
            if count < per_level
        ]
    return findings


def _in_level(heights: Sequence[Decimal], rack: Decimal, level: int, levels: int) -> int:
    """Count the heights in one of `levels` equal slices of the rack; the top one is open."""
    low, high = rack * level, rack * (level + 1)
    top = level == levels - 1
    return sum(low <= h * levels and (top or h * levels < high) for h in heights)


def _finding(
    key: str, place: str, rule: DensityRule, *, level: Level = Level.REFUSE, **args: str
) -> Finding:
    return Finding(
        key=key,
        level=level,
        about=place,
        clause=rule.clause,
        clause_zh=rule.clause_zh,
        args=args,
    )
