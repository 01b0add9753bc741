"""The review of a commissioning: all checks over the given facts, in the order of the report.

Pure; call `review(facts)` as often as facts come in, the phone shows what is left. Passed means
that nothing is refused; warnings go into the report and become tasks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from device_registry.commissioning.facts import Facts, PointFacts
from device_registry.commissioning.limits import limits
from device_registry.commissioning.point_checks import check_proof, check_reading, check_sensor
from device_registry.commissioning.site_checks import check_alarm, check_gateway, check_place
from domain.gsp.finding import Finding, Level, refused


class Section(StrEnum):
    """Parts of the report; each has a text `section.<value>`."""

    POINTS = "points"
    """Every point reports in the right unit and range."""
    CHECKS = "checks"
    """Every point answered a check by hand; map variants told apart."""
    DEVICES = "devices"
    """Devices suit their packs, calibrations in date."""
    LAYOUT = "layout"
    """Number and height of points."""
    ALARM = "alarm"
    GATEWAY = "gateway"
    """Clock and power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What was found, by section."""

    sections: tuple[tuple[Section, tuple[Finding, ...]], ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings in order."""
        return tuple(f for _, findings in self.sections for f in findings)

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """Those that forbid service."""
        return refused(self.findings)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Those that become tasks."""
        return tuple(f for f in self.findings if f.level is Level.WARN)

    @property
    def passed(self) -> bool:
        """Whether the site may go into service."""
        return not self.refusals

    def about(self, thing: str) -> tuple[Finding, ...]:
        """Return what was found on one point, place, gateway or site."""
        return tuple(f for f in self.findings if f.about == thing)


def review(facts: Facts) -> Review:
    """Return what all checks find on these facts."""
    numbers = limits()
    points = facts.points
    if not points:
        absent = Finding(key="reading.no_points", level=Level.REFUSE, about=facts.gateway.id)
        return Review(sections=((Section.POINTS, (absent,)),))
    return Review(
        sections=(
            (Section.POINTS, _all(check_reading(p) for p in points)),
            (
                Section.CHECKS,
                _all(check_proof(p, _other_of(p, points), numbers) for p in points),
            ),
            (Section.DEVICES, _all(check_sensor(p, facts.today) for p in points)),
            (Section.LAYOUT, _all(check_place(place, facts) for place in facts.places)),
            (Section.ALARM, check_alarm(facts.site, facts.alarm, numbers)),
            (Section.GATEWAY, check_gateway(facts.gateway, numbers)),
        )
    )


def _all(found: Iterable[tuple[Finding, ...]]) -> tuple[Finding, ...]:
    return tuple(f for findings in found for f in findings)


def _other_of(point: PointFacts, points: tuple[PointFacts, ...]) -> PointFacts | None:
    """Return the other quantity of the same sensor."""
    if point.sensor is None:
        return None
    return next(
        (
            other
            for other in points
            if other.sensor is not None
            and other.sensor.id == point.sensor.id
            and other.quantity is not point.quantity
        ),
        None,
    )
