"""View models say what the registry and the projections say, and agree with each other."""

from dataclasses import replace

import pytest

from cloud.pages.views import (
    Latest,
    Link,
    Standing,
    alarms_within,
    overview,
    placed,
    point_status,
)
from dashboards.models import (
    AlarmKind,
    AlarmView,
    LinkStatus,
    Name,
    Overview,
    PointStatus,
)
from device_registry.access.scope import EVERYWHERE, Scope, Subject
from device_registry.registry import Registry
from domain.alarms.state import AlarmState
from domain.profiles.model import PointClass
from domain.rules.model import Direction, Severity
from tests.support.fixed_registry import FixedRegistry
from tests.support.small_registry import REGISTRY


@pytest.fixture
def registry() -> Registry:
    return REGISTRY


def alarm(
    kind: AlarmKind = AlarmKind.LIMIT,
    severity: Severity = Severity.ALARM,
    state: AlarmState = AlarmState.UNACKNOWLEDGED,
    since_ms: int = 0,
) -> AlarmView:
    return AlarmView(
        kind=kind,
        state=state,
        severity=severity,
        since_ms=since_ms,
        site="",
        site_name=Name(zh="", en=""),
        point="fridge-1-t",
    )


def standing(*alarms: AlarmView, link: Link | None = None) -> Standing:
    return Standing(
        now_ms=100_000,
        latest={"fridge-1-t": Latest(value=5.2, at_ms=99_000, exp=-1)},
        links={"gw-chs-001": link or Link(heard_ms=99_500)},
        alarms=alarms,
    )


def shown(registry: Registry, standing: Standing) -> Overview:
    return overview(registry, standing, registry.sites, standing.alarms)


def test_a_point_shows_its_value_its_range_and_its_names(registry: Registry) -> None:
    (site,) = shown(registry, standing()).sites
    fridge, compressor = site.points
    assert (fridge.value, fridge.at_ms, fridge.decimals) == (5.2, 99_000, 1)
    assert fridge.name == Name(zh="1 号冰箱 温度", en="Fridge 1 temperature")
    assert fridge.limit(Direction.HIGH, Severity.ALARM) == 8.0
    assert fridge.limit(Direction.LOW, Severity.PREALARM) == 2.5
    assert (fridge.status, fridge.gap_ms) == (PointStatus.OK, 75_000)
    assert (compressor.status, compressor.value) == (PointStatus.NEVER, None)
    assert compressor.point_class is PointClass.EQUIPMENT
    assert compressor.limits == ()


@pytest.mark.parametrize(
    ("alarms", "link", "expected"),
    [
        ([], Link(heard_ms=1), PointStatus.OK),
        ([], Link(heard_ms=1, backlog=3), PointStatus.BACKLOG),
        ([], Link(heard_ms=1, is_silent=True), PointStatus.SILENT),
        ([alarm(AlarmKind.GAP)], Link(heard_ms=1), PointStatus.MISSING),
        ([alarm(AlarmKind.GAP)], Link(heard_ms=1, is_silent=True), PointStatus.SILENT),
        ([alarm(severity=Severity.PREALARM)], Link(heard_ms=1), PointStatus.PREALARM),
        (
            [alarm(severity=Severity.PREALARM), alarm()],
            Link(heard_ms=1, is_silent=True),
            PointStatus.ALARM,
        ),
        ([alarm(state=AlarmState.RETURNED)], Link(heard_ms=1), PointStatus.RETURNED),
        ([alarm(state=AlarmState.ACKNOWLEDGED)], Link(heard_ms=1), PointStatus.ALARM),
        ([alarm(state=AlarmState.RETURNED)], Link(heard_ms=1, backlog=1), PointStatus.RETURNED),
    ],
)
def test_the_most_urgent_state_is_shown(
    alarms: list[AlarmView], link: Link, expected: PointStatus
) -> None:
    assert point_status(alarms, link, was_heard=True) is expected


def test_a_point_that_was_never_heard_says_so_unless_something_worse_is_known() -> None:
    assert point_status([], Link(), was_heard=False) is PointStatus.NEVER
    assert point_status([], Link(backlog=2), was_heard=False) is PointStatus.NEVER
    assert point_status([], Link(is_silent=True), was_heard=False) is PointStatus.SILENT
    assert point_status([alarm(AlarmKind.GAP)], Link(), was_heard=False) is PointStatus.MISSING


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (Link(), LinkStatus.NEVER),
        (Link(heard_ms=1), LinkStatus.ONLINE),
        (Link(heard_ms=1, backlog=2), LinkStatus.BACKLOG),
        (Link(heard_ms=1, backlog=2, is_silent=True), LinkStatus.SILENT),
        (Link(is_silent=True), LinkStatus.SILENT),
    ],
)
def test_a_gateways_link_has_one_state(
    registry: Registry, link: Link, expected: LinkStatus
) -> None:
    (site,) = shown(registry, standing(link=link)).sites
    assert [g.link for g in site.gateways] == [expected, LinkStatus.NEVER]


def with_states(point: str, gateway: str) -> FixedRegistry:
    """Return the small registry with its first point and gateway in these states."""
    first_gateway, *gateways = REGISTRY.gateways
    first_point, *points = REGISTRY.points("chs-001")
    return FixedRegistry(
        tenants=REGISTRY.tenants,
        sites=REGISTRY.sites,
        gateways=[replace(first_gateway, state=gateway), *gateways],
        points=[replace(first_point, state=point), *points],
    )


def test_what_is_retired_is_not_shown() -> None:
    (site,) = shown(with_states("retired", "retired"), standing()).sites
    assert [p.id for p in site.points] == ["fridge-1-compressor"]
    assert [g.id for g in site.gateways] == ["gw-chs-002"]


def test_what_is_out_of_use_is_shown_so_unless_its_values_are_alarming() -> None:
    registry = with_states("out_of_service", "suspended")
    link = Link(heard_ms=1, is_silent=True)
    (site,) = shown(registry, standing(link=link)).sites
    assert site.points[0].status is PointStatus.OUT_OF_SERVICE
    assert site.gateways[0].link is LinkStatus.SUSPENDED
    (site,) = shown(registry, standing(alarm(), link=link)).sites
    assert site.points[0].status is PointStatus.ALARM


def test_the_alarm_list_begins_with_what_is_active_severe_and_new(registry: Registry) -> None:
    returned = alarm(state=AlarmState.RETURNED, since_ms=9)
    warning = alarm(severity=Severity.PREALARM, since_ms=8)
    old, new = alarm(since_ms=1), alarm(since_ms=2)
    found = alarms_within(registry, [returned, warning, old, new], (EVERYWHERE,))
    assert found == [new, old, warning, returned]


def test_only_alarms_of_sites_within_the_scopes_are_shown() -> None:
    sites = [replace(REGISTRY.sites[0], subject=Subject(org_path="chs", region="510502"))]
    registry = FixedRegistry(tenants=REGISTRY.tenants, sites=sites, gateways=[], points=[])
    ours = replace(alarm(since_ms=1), site="chs-001")
    every = [ours, replace(alarm(since_ms=2), site="gone"), alarm(since_ms=3)]
    assert alarms_within(registry, every, (EVERYWHERE,)) == every[::-1]
    assert alarms_within(registry, every, (Scope(region="52"), Scope(region="51"))) == [ours]
    assert alarms_within(registry, every, (Scope(region="52"),)) == []
    assert alarms_within(registry, every, ()) == []


def test_an_alarm_is_given_its_place_by_the_registry(registry: Registry) -> None:
    shown = placed(registry, alarm())
    assert shown.point_name == Name(zh="1 号冰箱 温度", en="Fridge 1 temperature")
    assert (shown.site, shown.gateway, shown.unit) == ("chs-001", "gw-chs-001", "Cel")
    assert shown.site_name.en == "Renmin Road"


def test_a_gateways_alarm_is_placed_at_its_site(registry: Registry) -> None:
    silent = AlarmView(
        kind=AlarmKind.SILENT,
        state=AlarmState.UNACKNOWLEDGED,
        severity=Severity.ALARM,
        since_ms=0,
        site="",
        site_name=Name(zh="", en=""),
        gateway="gw-chs-002",
    )
    assert placed(registry, silent).site_name.zh == "人民路店"


def test_an_alarm_of_something_unregistered_stays_as_it_is(registry: Registry) -> None:
    unknown = AlarmView(
        kind=AlarmKind.SIGNATURE,
        state=AlarmState.UNACKNOWLEDGED,
        severity=Severity.ALARM,
        since_ms=0,
        site="",
        site_name=Name(zh="", en=""),
        gateway="gw-unknown",
    )
    assert placed(registry, unknown) == unknown
