"""Do number and height of points suffice, does the alarm reach people, is the clock right?

Pure. What is checked by nobody yet is refused like what failed: a report says only what was
seen.
"""

from device_registry.commissioning.facts import (
    AlarmFacts,
    Facts,
    GatewayFacts,
    PlaceFacts,
    SiteFacts,
)
from device_registry.commissioning.limits import Limits
from domain.gsp.finding import Finding, Level
from domain.gsp.point_counts import check_points
from domain.profiles.model import PointClass
from domain.quantity import Quantity

ART_5 = ("GSP Annex 3 art. 5", "GSP 附录3 第五条")
ART_6 = ("GSP Annex 3 art. 6", "GSP 附录3 第六条")
ART_2 = ("GSP Annex 3 art. 2", "GSP 附录3 第二条")


def check_place(place: PlaceFacts, facts: Facts) -> tuple[Finding, ...]:
    """Return whether the compliance points of a place suffice under what applies here."""
    positions = [
        point.position
        for point in facts.points
        if point.place == place.id
        and point.point_class is PointClass.COMPLIANCE
        and point.quantity is Quantity.TEMPERATURE
    ]
    site = facts.site
    return check_points(place.id, site.subject_class, place.space, positions, site.adopted)


def check_gateway(gateway: GatewayFacts, limits: Limits) -> tuple[Finding, ...]:
    """Return whether the clock is synchronised and a power failure was noticed."""
    return (
        _clock(gateway, limits),
        _tried("power", gateway.id, ART_6, outcome=gateway.power_loss_noticed),
        _finding(
            "power.ups" if gateway.has_ups else "power.no_ups",
            Level.PASS if gateway.has_ups else Level.WARN,
            gateway.id,
            ART_2,
        ),
    )


def _clock(gateway: GatewayFacts, limits: Limits) -> Finding:
    offset_ms = gateway.clock_offset_ms
    if offset_ms is None:
        return _finding("clock.unknown", Level.REFUSE, gateway.id)
    offset = f"{abs(offset_ms) / 1000:.1f}"
    if abs(offset_ms) <= limits.clock_offset_ms:
        return _finding("clock.good", Level.PASS, gateway.id, offset=offset)
    permitted = f"{limits.clock_offset_ms / 1000:.1f}"
    return _finding("clock.off", Level.REFUSE, gateway.id, offset=offset, permitted=permitted)


def check_alarm(site: SiteFacts, alarm: AlarmFacts, limits: Limits) -> tuple[Finding, ...]:
    """Return whether the alarm was seen, heard, and reached enough verified people."""
    needed = limits.recipients.get(site.subject_class, max(limits.recipients.values()))
    verified = {r.name for r in alarm.recipients if r.phone_verified}
    reached = {r.name for r in alarm.recipients if r.phone_verified and r.reached}
    numbers = {"needed": str(needed)}
    findings = [
        _tried("alarm_local", site.id, ART_6, outcome=alarm.local),
        *(
            [_tried("alarm_designated", site.id, ART_6, outcome=alarm.designated)]
            if needed > 1 or alarm.designated is not None
            else []
        ),
    ]
    if len(verified) < needed:
        found = str(len(verified))
        findings.append(
            _finding("alarm.too_few", Level.REFUSE, site.id, ART_6, **numbers, found=found)
        )
    elif len(reached) < needed:
        found = str(len(reached))
        findings.append(
            _finding("alarm.unreached", Level.REFUSE, site.id, ART_6, **numbers, found=found)
        )
    else:
        names = ", ".join(sorted(reached))
        findings.append(_finding("alarm.reached", Level.PASS, site.id, ART_6, names=names))
    return tuple(findings)


def _tried(name: str, about: str, clause: tuple[str, str], *, outcome: bool | None) -> Finding:
    if outcome is None:
        return _finding(f"{name}.untried", Level.REFUSE, about, clause)
    if outcome:
        return _finding(f"{name}.good", Level.PASS, about, clause)
    return _finding(f"{name}.failed", Level.REFUSE, about, clause)


def _finding(
    key: str, level: Level, about: str, clause: tuple[str, str] = ("", ""), **args: str
) -> Finding:
    return Finding(
        key=key,
        level=level,
        about=about,
        clause=clause[0],
        clause_zh=clause[1],
        args=args,
    )
