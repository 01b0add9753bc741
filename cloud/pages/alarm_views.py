"""Turns the alarms of the book into what a page shows of them. Pure."""

from cloud.pages.views import clause_name, placed
from cloud.projections.alarms.book import Alarm
from cloud.projections.alarms.event import AlarmEvent
from dashboards.models import AlarmKind, AlarmView, Name
from device_registry.registry import Registry
from domain.errors import UnknownPackError
from domain.quantity import Quantity
from domain.rules.load import rule_pack
from domain.rules.model import Direction


def alarm_view(alarm: Alarm, registry: Registry) -> AlarmView:
    """Return an alarm with the names that the registry has for its site and point."""
    raised = alarm.raised
    view = AlarmView(
        id=alarm.id,
        kind=AlarmKind(raised.kind.value),
        state=alarm.state,
        severity=raised.severity,
        since_ms=raised.since_ms,
        site=raised.site,
        site_name=Name(zh=raised.site, en=raised.site),
        point=raised.point,
        point_name=Name(zh=raised.point, en=raised.point) if raised.point else None,
        gateway=raised.gateway,
        direction=Direction(raised.direction) if raised.direction else None,
        value=float(raised.value) if raised.value else None,
        threshold=float(raised.threshold) if raised.threshold else None,
        quantity=Quantity(raised.quantity) if raised.quantity else None,
        unit=raised.unit or "1",
        decimals=len(raised.value.partition(".")[2]),
        clause=_clause(raised) if raised.clause else None,
        returned_ms=alarm.returned_ms,
        late=raised.late,
        detail=raised.detail,
    )
    return placed(registry, view)


def _clause(raised: AlarmEvent) -> Name:
    """Return where the regulation says so; in English only when the pack is of another time."""
    try:
        limits = rule_pack(raised.pack).limits
    except UnknownPackError:
        limits = ()
    for limit in limits:
        if limit.clause == raised.clause:
            return clause_name(limit)
    return Name(zh=raised.clause, en=raised.clause)
