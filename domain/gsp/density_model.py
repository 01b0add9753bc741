"""What a density pack says: how many points a space needs, and how high they hang.

The numbers of GSP Annex 3 articles 13 and 14 and of stricter local schemes are data in
`density/*.toml`; `domain.gsp.point_counts` applies them.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from functools import cache

from domain.gsp.data_files import Fields, read_folder
from domain.gsp.space import Space, SpaceKind


class Measure(StrEnum):
    """What the number of points grows with."""

    AREA = "area_m2"
    VOLUME = "volume_m3"
    NONE = "none"

    def of(self, space: Space) -> Decimal | None:
        """Return this measure of a space; zero for rules that need none."""
        if self is Measure.NONE:
            return Decimal(0)
        return space.area_m2 if self is Measure.AREA else space.volume_m3


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Up to this measure, inclusive (or below it, exclusive), so many points."""

    up_to: Decimal
    points: int
    exclusive: bool = False

    def holds(self, size: Decimal) -> bool:
        """Return whether a space of this size is in the band."""
        return size < self.up_to if self.exclusive else size <= self.up_to


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityRule:
    """The rule for one kind of space; the first of a pack that matches a space applies."""

    space: SpaceKind
    clause: str
    clause_zh: str
    rack_from_m: Decimal | None = None
    """Only for racks of at least this height."""
    rack_over_m: Decimal | None = None
    """Only for racks higher than this."""
    measure: Measure = Measure.NONE
    points: int
    """Up to `first` of the measure."""
    first: Decimal = Decimal(0)
    step: Decimal = Decimal(0)
    more: int = 0
    """So many further points for each further `step` or part of it."""
    bands: tuple[Band, ...] = ()
    """Instead of first and step: the first band that holds the size; beyond them, no rule."""
    levels: int = 1
    """Over how many levels of the rack the points are spread equally."""
    min_height_thirds: Decimal | None = None
    """Every point hangs at least at so many thirds of the rack height."""
    top_covers_goods: bool = False
    """The highest point hangs at least as high as the highest goods."""

    def matches(self, space: Space) -> bool:
        """Return whether this rule is for `space`; unknown racks count as low ones."""
        rack = space.rack_height_m or Decimal(0)
        return (
            self.space is space.kind
            and (self.rack_from_m is None or rack >= self.rack_from_m)
            and (self.rack_over_m is None or rack > self.rack_over_m)
        )

    def count(self, size: Decimal) -> int | None:
        """Return how many points a space of this size needs; None beyond the last band."""
        if self.bands:
            return next((b.points for b in self.bands if b.holds(size)), None)
        if not self.step or size <= self.first:
            return self.points
        further = ((size - self.first) / self.step).to_integral_value(ROUND_CEILING)
        return self.points + self.more * int(further)


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityPack:
    """A named, versioned set of such rules."""

    name: str
    version: int
    title_zh: str
    title_en: str
    subjects: frozenset[str]
    """Subject classes it binds."""
    optional: bool
    """Applies only where the jurisdiction has adopted it, then beside the others."""
    rules: tuple[DensityRule, ...]

    def rule(self, space: Space) -> DensityRule | None:
        """Return the rule for this space."""
        return next((rule for rule in self.rules if rule.matches(space)), None)


@cache
def density_packs() -> tuple[DensityPack, ...]:
    """Return all packs that ship with the product, by name."""
    return tuple(read_folder("density", parse_density).values())


def parse_density(raw: Fields) -> DensityPack:
    """Return the pack that a file holds; raises what `data_files` expects."""
    return DensityPack(
        name=raw.text("name"),
        version=raw.whole("version"),
        title_zh=raw.text("title_zh"),
        title_en=raw.text("title_en"),
        subjects=frozenset(raw.texts("subjects")),
        optional=raw.flag("optional"),
        rules=tuple(_rule(entry) for entry in raw.tables("rule")),
    )


def _rule(raw: Fields) -> DensityRule:
    return DensityRule(
        space=SpaceKind(raw.text("space")),
        clause=raw.text("clause", ""),
        clause_zh=raw.text("clause_zh", ""),
        rack_from_m=raw.maybe_number("rack_from_m"),
        rack_over_m=raw.maybe_number("rack_over_m"),
        measure=Measure(raw.text("measure", "none")),
        points=raw.whole("points", 0),
        first=raw.maybe_number("first") or Decimal(0),
        step=raw.maybe_number("step") or Decimal(0),
        more=raw.whole("more", 0),
        bands=tuple(_band(entry) for entry in raw.tables("band")),
        levels=raw.whole("levels", 1),
        min_height_thirds=raw.maybe_number("min_height_thirds"),
        top_covers_goods=raw.flag("top_covers_goods"),
    )


def _band(raw: Fields) -> Band:
    return Band(
        up_to=raw.number("up_to"),
        points=raw.whole("points"),
        exclusive=raw.flag("exclusive"),
    )
