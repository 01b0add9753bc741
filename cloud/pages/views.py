"""Builds what the first page shows from the registry and the state of the projections. Pure.

Used by the `PageSource` of `cloud.compose`. A point's state follows from the open alarms and
its gateway's link, so that a page never says something else than the alarm list does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from dashboards.models import (
    AlarmKind,
    AlarmView,
    CountsView,
    GatewayView,
    LimitView,
    LinkStatus,
    Name,
    Overview,
    PointStatus,
    PointView,
    SiteView,
)
from device_registry.access.scope import EVERYWHERE, Scope
from device_registry.records import GatewayRecord, PointRecord, SiteRecord
from device_registry.registry import Registry
from domain.quantity import Quantity
from domain.rules.combine import combined
from domain.rules.load import rule_pack
from domain.rules.model import Limit, RulePack, Severity

_FRACTIONAL: Final = frozenset({Quantity.TEMPERATURE, Quantity.HUMIDITY, Quantity.DEW_POINT})
_AlarmsByPoint: TypeAlias = Mapping[str, Sequence[AlarmView]]
_ORDER: Final = (Severity.ALARM, Severity.PREALARM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The newest reading of a point that has a value."""

    value: float
    at_ms: int
    exp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What is known of a gateway: its link, and what came over it.

    `backlog` counts batches that it still holds, `duplicates` what came again and `refused`
    what was not taken, both since the server's start.
    """

    heard_ms: int | None = None
    is_silent: bool = False
    backlog: int = 0
    batches: int = 0
    readings: int = 0
    lost: int = 0
    duplicates: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How everything stands at one instant: points by id, links by gateway id."""

    now_ms: int
    latest: Mapping[str, Latest]
    links: Mapping[str, Link]
    alarms: Sequence[AlarmView]


def alarms_within(
    registry: Registry, alarms: Sequence[AlarmView], within: Sequence[Scope]
) -> list[AlarmView]:
    """Return the alarms that some scopes cover, the most urgent first.

    Those of no site (the archive, its backup) are shown only to who may see everything.
    """
    if EVERYWHERE in within:
        return sorted(alarms, key=_urgency)
    sites = {alarm.site: registry.site(alarm.site) for alarm in alarms if alarm.site}
    seen = {
        name
        for name, site in sites.items()
        if site is not None and any(scope.covers(site.subject) for scope in within)
    }
    return sorted((alarm for alarm in alarms if alarm.site in seen), key=_urgency)


def overview(
    registry: Registry,
    standing: Standing,
    sites: Sequence[SiteRecord],
    alarms: Sequence[AlarmView],
) -> Overview:
    """Return how some sites stand, with `alarms`; nothing of any other site is in it."""
    by_point: dict[str, list[AlarmView]] = {}
    for alarm in standing.alarms:
        by_point.setdefault(alarm.point, []).append(alarm)
    views = tuple(_site(registry, site, standing, by_point) for site in sites)
    gateways = [gateway.id for view in views for gateway in view.gateways]
    return Overview(
        now_ms=standing.now_ms,
        sites=views,
        alarms=tuple(alarms),
        counts=_counts([standing.links[name] for name in gateways if name in standing.links]),
    )


def _counts(links: Sequence[Link]) -> CountsView:
    batches = sum(link.batches for link in links)
    return CountsView(
        silent=sum(link.is_silent for link in links),
        readings_stored=sum(link.readings for link in links),
        batches=batches,
        missing=sum(link.backlog for link in links),
        lost=sum(link.lost for link in links),
        duplicates_refused=sum(link.duplicates for link in links),
        verified=batches,
        refused=sum(link.refused for link in links),
    )


def point_status(alarms: Iterable[AlarmView], link: Link, *, was_heard: bool) -> PointStatus:
    """Return the one state to show for a point that has these open alarms."""
    found = {_status_of(alarm) for alarm in alarms}
    if link.is_silent:
        found.add(PointStatus.SILENT)
    if not was_heard:
        found.add(PointStatus.NEVER)
    elif link.backlog:
        found.add(PointStatus.BACKLOG)
    found.add(PointStatus.OK)
    if not was_heard and found <= {PointStatus.NEVER, PointStatus.OK}:
        return PointStatus.NEVER
    return min(found, key=lambda status: status.urgency)


def limit_view(limit: Limit) -> LimitView:
    """Return a limit as the chart draws it."""
    return LimitView(
        direction=limit.direction, severity=limit.severity, value=limit.threshold_value
    )


def clause_name(limit: Limit) -> Name:
    """Return where the regulation says so, in both languages."""
    return Name(zh=limit.clause_zh or limit.clause, en=limit.clause)


def placed(registry: Registry, alarm: AlarmView) -> AlarmView:
    """Return `alarm` with the names, unit and decimals that the registry has for its ids."""
    point = registry.point_by_id(alarm.point) if alarm.point else None
    gateway = registry.gateway(point.gateway if point else alarm.gateway)
    site = registry.site(gateway.site if gateway else alarm.site)
    if site is not None:
        site_name = Name(zh=site.name_zh, en=site.name_en)
        alarm = replace(alarm, site=site.id, site_name=site_name)
    if point is None:
        return alarm
    return replace(
        alarm,
        point_name=_name(point),
        gateway=point.gateway,
        quantity=point.quantity,
        unit=point.unit,
    )


def _site(
    registry: Registry, site: SiteRecord, standing: Standing, alarms: _AlarmsByPoint
) -> SiteView:
    return SiteView(
        id=site.id,
        name=Name(zh=site.name_zh, en=site.name_en),
        timezone=site.timezone,
        points=tuple(
            _point(record, standing, alarms.get(record.id, ()))
            for record in registry.points(site.id)
            if record.state != "retired"
        ),
        gateways=tuple(
            _gateway(gateway, standing.links.get(gateway.id, Link()))
            for gateway in registry.gateways_of(site.id)
            if gateway.state != "retired"
        ),
    )


def _gateway(gateway: GatewayRecord, link: Link) -> GatewayView:
    status = LinkStatus.ONLINE
    if not gateway.is_expected:
        status = LinkStatus.SUSPENDED
    elif link.is_silent:
        status = LinkStatus.SILENT
    elif link.heard_ms is None:
        status = LinkStatus.NEVER
    elif link.backlog:
        status = LinkStatus.BACKLOG
    return GatewayView(id=gateway.id, link=status, heard_ms=link.heard_ms, backlog=link.backlog)


def _point(record: PointRecord, standing: Standing, alarms: Sequence[AlarmView]) -> PointView:
    latest = standing.latest.get(record.id)
    packs = [rule_pack(name) for name in record.rule_packs]
    link = standing.links.get(record.gateway, Link())
    view = PointView(
        id=record.id,
        site=record.site,
        gateway=record.gateway,
        name=_name(record),
        quantity=record.quantity,
        unit=record.unit,
        decimals=_decimals(record, latest),
        status=_status(record, alarms, link, was_heard=latest is not None),
        value=latest.value if latest else None,
        at_ms=latest.at_ms if latest else None,
        point_class=record.point_class,
    )
    return _with_rules(view, combined(packs)) if packs else view


def _status(
    record: PointRecord, alarms: Sequence[AlarmView], link: Link, *, was_heard: bool
) -> PointStatus:
    found = point_status(alarms, link, was_heard=was_heard)
    is_quiet = found.urgency >= PointStatus.SILENT.urgency
    return PointStatus.OUT_OF_SERVICE if is_quiet and not record.is_expected else found


def _with_rules(view: PointView, pack: RulePack) -> PointView:
    return replace(
        view,
        rule_pack=pack.name,
        rule_title=Name(zh=pack.title_zh, en=pack.title_en),
        limits=tuple(limit_view(limit) for limit in pack.limits_of(view.quantity)),
        gap_ms=pack.gap_ms,
    )


def _decimals(record: PointRecord, latest: Latest | None) -> int:
    if latest is not None:
        return max(-latest.exp, 0)
    return 1 if record.quantity in _FRACTIONAL else 0


def _name(record: PointRecord) -> Name:
    return Name(zh=record.name_zh, en=record.name_en)


def _status_of(alarm: AlarmView) -> PointStatus:
    if not alarm.state.is_active:
        return PointStatus.RETURNED
    if alarm.kind is AlarmKind.GAP:
        return PointStatus.MISSING
    if alarm.severity is Severity.ALARM:
        return PointStatus.ALARM
    return PointStatus.PREALARM


def _urgency(alarm: AlarmView) -> tuple[bool, int, int]:
    """Active before returned, alarms before pre-alarms, the newest first."""
    return not alarm.state.is_active, _ORDER.index(alarm.severity), -alarm.since_ms
