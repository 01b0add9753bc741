"""What GSP Annex 5 asks of a verification 验证, as data in `verification_plans/*.toml`.

`domain.gsp.verification` applies it.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import cache

from domain.gsp.data_files import Fields, read_folder
from domain.gsp.space import Space, SpaceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan:
    """How a kind of space is mapped."""

    spaces: frozenset[SpaceKind]
    probes: int
    first_m3: Decimal
    step_m3: Decimal
    more: int
    """Further probes for each further `step_m3` or part of it beyond `first_m3`."""
    corners: bool
    """Every corner of the floor and of the ceiling, and the centre, has one."""
    max_horizontal_m: Decimal | None
    max_vertical_m: Decimal | None
    per_opening: int
    """At each working door and each fan outlet."""
    per_dead_corner: int
    """At each rack and each place the air does not reach."""
    min_duration_s: int

    def count(self, space: Space) -> int | None:
        """Return the probes an even spread needs; None when a volume is needed and unknown."""
        if not self.step_m3:
            return self.probes
        if space.volume_m3 is None:
            return None
        over = max(space.volume_m3 - self.first_m3, Decimal(0)) / self.step_m3
        return self.probes + self.more * int(over.to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationRules:
    """The numbers of one regulation."""

    name: str
    version: int
    clause: str
    clause_zh: str
    interval_days: int
    """A periodic verification is due so long after the last one."""
    max_interval_s: int
    """Longest time between two values of a probe."""
    max_sensor_error: Decimal
    """Of the probes used, either way, in °C."""
    plans: tuple[ProbePlan, ...]

    def plan(self, kind: SpaceKind) -> ProbePlan:
        """Return the plan for this kind of space; every kind has one."""
        return next(plan for plan in self.plans if kind in plan.spaces)


@cache
def gsp_annex_5() -> VerificationRules:
    """Return the numbers of GSP Annex 5."""
    return read_folder("verification_plans", parse_rules)["GSP_ANNEX5"]


def parse_rules(raw: Fields) -> VerificationRules:
    """Return the rules that a file holds; raises what `data_files` expects."""
    rules = VerificationRules(
        name=raw.text("name"),
        version=raw.whole("version"),
        clause=raw.text("clause"),
        clause_zh=raw.text("clause_zh"),
        interval_days=raw.whole("interval_days"),
        max_interval_s=raw.whole("max_interval_s"),
        max_sensor_error=raw.number("max_sensor_error"),
        plans=tuple(_plan(entry) for entry in raw.tables("plan")),
    )
    missing = set(SpaceKind) - {kind for plan in rules.plans for kind in plan.spaces}
    if missing:
        raise ValueError(f"no plan for {min(missing)}")
    return rules


def _plan(raw: Fields) -> ProbePlan:
    return ProbePlan(
        spaces=frozenset(SpaceKind(name) for name in raw.texts("spaces")),
        probes=raw.whole("probes"),
        first_m3=raw.maybe_number("first_m3") or Decimal(0),
        step_m3=raw.maybe_number("step_m3") or Decimal(0),
        more=raw.whole("more", 0),
        corners=raw.flag("corners"),
        max_horizontal_m=raw.maybe_number("max_horizontal_m"),
        max_vertical_m=raw.maybe_number("max_vertical_m"),
        per_opening=raw.whole("per_opening", 0),
        per_dead_corner=raw.whole("per_dead_corner", 0),
        min_duration_s=raw.whole("min_duration_s"),
    )
