"""GSP verification 验证: when it is due, what triggers a new one, whether a mapping suffices.

Pure; the numbers are `domain.gsp.verification_model`. A box is mapped for as long as its
longest delivery takes, which the caller gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise, product
from typing import Final

from domain.gsp.finding import Finding, Level
from domain.gsp.space import Position, Space
from domain.gsp.verification_model import ProbePlan, VerificationRules


class VerificationKind(StrEnum):
    """使用前, 专项, 定期, 停用超期."""

    BEFORE_USE = "before_use"
    SPECIAL = "special"
    PERIODIC = "periodic"
    AFTER_STOP = "after_stop"


class Trigger(StrEnum):
    """What happened that asks for a verification; each asks for one kind."""

    NEW = "new"
    MOVED = "moved"
    """A refrigerator, a rack or a measuring point no longer stands where it was verified."""
    REBUILT = "rebuilt"
    """Compressor, fan, door, shelves or volume changed."""
    POINT_MOVED = "point_moved"
    STOPPED = "stopped"
    """Out of use for longer than the firm's own limit."""
    YEARLY = "yearly"


_KINDS = {
    Trigger.NEW: VerificationKind.BEFORE_USE,
    Trigger.MOVED: VerificationKind.SPECIAL,
    Trigger.REBUILT: VerificationKind.SPECIAL,
    Trigger.POINT_MOVED: VerificationKind.SPECIAL,
    Trigger.STOPPED: VerificationKind.AFTER_STOP,
    Trigger.YEARLY: VerificationKind.PERIODIC,
}


def kind_for(trigger: Trigger) -> VerificationKind:
    """Return the kind of verification that this event asks for."""
    return _KINDS[trigger]


def next_due(done_on: date, rules: VerificationRules) -> date:
    """Return the day until which a verification done on this day holds."""
    return done_on + timedelta(days=rules.interval_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """A mapping as it was carried out. Lengths in metres from one corner of the floor."""

    space: Space
    size: Position
    """Length, width and height of the space."""
    probes: tuple[Position, ...]
    at_openings: tuple[int, ...] = ()
    """How many probes at each working door and each fan outlet."""
    at_dead_corners: tuple[int, ...] = ()
    duration_s: int
    max_gap_s: int
    sensor_errors: tuple[Decimal, ...] = ()
    longest_delivery_s: int = 0
    """For boxes."""


def check_mapping(
    place: str, mapping: Mapping, rules: VerificationRules
) -> tuple[Finding, ...]:
    """Return what a mapping lacks; empty when it suffices."""
    plan = rules.plan(mapping.space.kind)
    report = _Report(place, rules)
    needed = plan.count(mapping.space)
    if needed is None:
        report.add("verification.volume_unknown")
    elif len(mapping.probes) < needed:
        report.add("verification.probes", needed=str(needed), found=str(len(mapping.probes)))
    _check_features(report, mapping, plan)
    _check_spread(report, mapping, plan)
    least = max(plan.min_duration_s, mapping.longest_delivery_s)
    if mapping.duration_s < least:
        report.add(
            "verification.duration", needed=_hours(least), found=_hours(mapping.duration_s)
        )
    if mapping.max_gap_s > rules.max_interval_s:
        args = {"permitted": str(rules.max_interval_s), "found": str(mapping.max_gap_s)}
        report.add("verification.interval", **args)
    worst = max((abs(error) for error in mapping.sensor_errors), default=Decimal(0))
    if worst > rules.max_sensor_error:
        report.add(
            "verification.sensor_error", permitted=str(rules.max_sensor_error), found=str(worst)
        )
    return tuple(report.findings)


class _Report:
    """Collects findings about one place under one clause."""

    def __init__(self, place: str, rules: VerificationRules) -> None:
        self._place = place
        self._rules = rules
        self.findings: list[Finding] = []

    def add(self, key: str, **args: str) -> None:
        self.findings.append(
            Finding(
                key=key,
                level=Level.REFUSE,
                about=self._place,
                clause=self._rules.clause,
                clause_zh=self._rules.clause_zh,
                args=args,
            )
        )


def _check_features(report: _Report, mapping: Mapping, plan: ProbePlan) -> None:
    if any(count < plan.per_opening for count in mapping.at_openings):
        args = {"needed": str(plan.per_opening), "found": str(min(mapping.at_openings))}
        report.add("verification.opening", **args)
    if any(count < plan.per_dead_corner for count in mapping.at_dead_corners):
        args = {"needed": str(plan.per_dead_corner), "found": str(min(mapping.at_dead_corners))}
        report.add("verification.dead_corner", **args)


def _check_spread(report: _Report, mapping: Mapping, plan: ProbePlan) -> None:
    known = [p for p in mapping.probes if None not in (p.x_m, p.y_m, p.height_m)]
    if plan.max_horizontal_m is None or plan.max_vertical_m is None:
        return
    if len(known) < len(mapping.probes):
        report.add(
            "verification.position_unknown", missing=str(len(mapping.probes) - len(known))
        )
        return
    if plan.corners:
        _check_corners(report, mapping.size, known)
    for gap, permitted, key in (
        (_widest(known, "x_m", mapping.size.x_m), plan.max_horizontal_m, "horizontal"),
        (_widest(known, "y_m", mapping.size.y_m), plan.max_horizontal_m, "horizontal"),
        (_widest(known, "height_m", mapping.size.height_m), plan.max_vertical_m, "vertical"),
    ):
        if gap > permitted:
            report.add(f"verification.{key}", permitted=str(permitted), found=f"{gap:.1f}")


def _widest(probes: Sequence[Position], axis: str, size: Decimal | None) -> Decimal:
    """Return the widest stretch along one axis without a probe, walls included."""
    places = sorted({getattr(p, axis) or Decimal(0) for p in probes})
    if not places:
        return size or Decimal(0)
    inner = max((b - a for a, b in pairwise(places)), default=Decimal(0))
    return max(inner, places[0], (size or places[-1]) - places[-1])


NEAR: Final = Decimal("0.25")
"""A probe covers a corner (or the centre) from within this share of each length of the room."""


def _check_corners(report: _Report, size: Position, probes: Sequence[Position]) -> None:
    lengths = _metres(size)
    covered = [
        tuple(
            _nearest(place, length) for place, length in zip(_metres(p), lengths, strict=True)
        )
        for p in probes
    ]
    corners = list(product((0, 2), repeat=3))
    bare = sum(corner not in covered for corner in corners)
    if bare:
        report.add("verification.corners", missing=str(bare))
    if (1, 1, 1) not in covered:
        report.add("verification.centre")


def _nearest(place: Decimal, length: Decimal) -> int:
    """Return 0 near the start of an axis, 2 near its end, 1 in the middle."""
    if place <= length * NEAR:
        return 0
    return 2 if place >= length * (1 - NEAR) else 1


def _metres(position: Position) -> tuple[Decimal, Decimal, Decimal]:
    zero = Decimal(0)
    return position.x_m or zero, position.y_m or zero, position.height_m or zero


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:.1f}"
