"""Alarms of the book as the pages show them."""

from dataclasses import replace

import pytest

from cloud.pages.alarm_views import alarm_view
from cloud.projections.alarms.book import Alarm
from cloud.projections.alarms.event import AlarmEvent
from cloud.projections.alarms.event import AlarmKind as BookKind
from dashboards.models import AlarmKind, Name
from device_registry.registry import Registry
from domain.alarms.state import AlarmState, TransitionKind
from domain.quantity import Quantity
from domain.rules.model import Direction, Severity
from tests.support.small_registry import REGISTRY

RAISED = AlarmEvent(
    alarm="0" * 32,
    event=TransitionKind.RAISED,
    kind=BookKind.LIMIT,
    severity=Severity.ALARM,
    at_ms=2000,
    told_ms=2500,
    since_ms=1000,
    site="chs-001",
    gateway="gw-chs-001",
    point="fridge-1-t",
    quantity="temperature",
    value="8.1",
    unit="Cel",
    threshold="8",
    direction="high",
    pack="CN_COLD_2_8",
    clause="GSP Annex 3 art. 6",
    late=True,
)


def in_book(raised: AlarmEvent) -> Alarm:
    return Alarm(
        id=raised.alarm,
        state=AlarmState.RETURNED,
        raised=raised,
        returned_ms=9000,
        returned_value="7.6",
        acknowledged_ms=None,
        who=None,
        cleared_ms=None,
    )


@pytest.fixture
def registry() -> Registry:
    return REGISTRY


def test_the_page_knows_every_kind_of_alarm_that_the_book_has() -> None:
    assert {kind.value for kind in AlarmKind} == {kind.value for kind in BookKind}


def test_a_limit_alarm_carries_its_value_limit_clause_and_names(registry: Registry) -> None:
    view = alarm_view(in_book(RAISED), registry)
    assert (view.kind, view.state, view.late) == (AlarmKind.LIMIT, AlarmState.RETURNED, True)
    assert (view.value, view.decimals, view.threshold) == (8.1, 1, 8.0)
    assert (view.quantity, view.direction) == (Quantity.TEMPERATURE, Direction.HIGH)
    assert (view.since_ms, view.returned_ms) == (1000, 9000)
    assert view.clause == Name(zh="GSP 附录3 第六条", en="GSP Annex 3 art. 6")
    assert view.point_name == Name(zh="1 号冰箱 温度", en="Fridge 1 temperature")
    assert view.site_name == Name(zh="人民路店", en="Renmin Road")


def test_a_clause_that_the_pack_no_longer_has_is_shown_as_it_was(registry: Registry) -> None:
    for change in ({"pack": "GONE"}, {"clause": "GSP 1999"}):
        raised = replace(RAISED, **change)  # type: ignore[arg-type]
        assert alarm_view(in_book(raised), registry).clause == Name(
            zh=raised.clause, en=raised.clause
        )


def test_an_alarm_of_a_gateway_has_no_point_and_no_value(registry: Registry) -> None:
    silent = AlarmEvent(
        alarm="1" * 32,
        event=TransitionKind.RAISED,
        kind=BookKind.SILENT,
        severity=Severity.ALARM,
        at_ms=2000,
        told_ms=2000,
        since_ms=1000,
        gateway="gw-chs-002",
    )
    view = alarm_view(in_book(silent), registry)
    assert (view.point, view.point_name, view.value, view.clause) == ("", None, None, None)
    assert view.site_name.en == "Renmin Road"
