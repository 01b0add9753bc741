"""Values, times, ages and alarms in words."""

from zoneinfo import ZoneInfo

import pytest

from dashboards.catalogue import catalogue
from dashboards.models import AlarmKind, AlarmView, Lang, Name, PointStatus
from dashboards.wording import Wording, zone_or_utc
from domain.alarms.state import AlarmState
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from domain.rules.model import Direction, Severity
from tests.support.pages import point

NOON_MS = 1_795_320_000_000 + 12 * 3_600_000 - (1_795_320_000_000 % 86_400_000)
"""A day at 12:00 UTC."""


def wording(lang: Lang = Lang.EN, tz: str = "UTC", now_ms: int = NOON_MS) -> Wording:
    return Wording(catalogue(lang), zone_or_utc(tz), now_ms)


@pytest.mark.parametrize(
    ("ago_ms", "en", "zh"),
    [
        (0, "just now", "刚刚"),
        (1_999, "just now", "刚刚"),
        (12_000, "12 s ago", "12 秒前"),
        (89_999, "89 s ago", "89 秒前"),
        (90_000, "1 min ago", "1 分钟前"),
        (5_400_000, "1 h ago", "1 小时前"),
        (172_800_000, "2 d ago", "2 天前"),
        (-5_000, "just now", "刚刚"),
    ],
)
def test_ages(ago_ms: int, en: str, zh: str) -> None:
    assert wording().age(NOON_MS - ago_ms) == en
    assert wording(Lang.ZH).age(NOON_MS - ago_ms) == zh


def test_a_time_is_24_hour_in_the_viewers_zone_with_its_date_when_not_today() -> None:
    assert wording().clock(NOON_MS) == "12:00:00"
    assert wording(tz="Asia/Shanghai").clock(NOON_MS) == "20:00:00"
    assert wording().clock(NOON_MS - 86_400_000).endswith(" 12:00:00")
    assert len(wording().clock(NOON_MS - 86_400_000)) == len("2026-11-20 12:00:00")


def test_today_is_the_viewers_today() -> None:
    late_evening = wording(tz="Asia/Shanghai", now_ms=NOON_MS + 5 * 3_600_000)
    assert (
        late_evening.clock(NOON_MS)
        == wording(tz="Asia/Shanghai").iso(NOON_MS)[:10] + " 20:00:00"
    )


def test_a_moment_always_has_its_date() -> None:
    assert wording().moment(NOON_MS) == f"{wording().iso(NOON_MS)[:10]} 12:00:00"


def test_an_unknown_zone_is_utc() -> None:
    assert wording(tz="Mars/Olympus").clock(NOON_MS) == "12:00:00"
    assert zone_or_utc("Asia/Shanghai") == ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("quantity", "value", "decimals", "unit", "expected"),
    [
        (Quantity.TEMPERATURE, -10.1, 1, "Cel", "-10.1 °C"),
        (Quantity.TEMPERATURE, 5.0, 2, "Cel", "5.00 °C"),
        (Quantity.HUMIDITY, 65.8, 1, "%", "65.8 %RH"),
        (Quantity.BATTERY, 80, 0, "%", "80 %"),
        (Quantity.SIGNAL, -71, 0, "dB[mW]", "-71 dBm"),
        (Quantity.STATE, 3, 0, "1", "3"),
        (Quantity.DOOR, 1, 0, "1", "open"),
        (Quantity.MAINS, 0, 0, "1", "lost"),
        (Quantity.TEMPERATURE, None, 1, "Cel", "—"),
    ],
)
def test_a_reading_has_its_unit_and_a_door_a_word(
    quantity: Quantity, value: float | None, decimals: int, unit: str, expected: str
) -> None:
    assert wording().reading(quantity, value, decimals, unit) == expected


def test_the_permitted_range_is_that_of_the_alarms() -> None:
    fridge = point("p", Name(zh="", en=""), 5.0, 0)
    assert wording().permitted(fridge) == "2 to 8 °C"
    assert wording(Lang.ZH).permitted(fridge) == "2 ～ 8 °C"
    bare = point("p", Name(zh="", en=""), 5.0, 0, pack="")
    assert wording().permitted(bare) == "no limits"
    heat = point("p", Name(zh="", en=""), 5.0, 0, quantity=Quantity.DOOR, pack="WHO_VAX")
    assert wording().permitted(heat) == "at most 0"


def test_equipment_is_not_judged_and_does_not_look_as_if_it_were() -> None:
    bare = point("p", Name(zh="", en=""), 5.0, 0, pack="")
    assert bare.point_class is PointClass.EQUIPMENT
    assert wording().status(bare) == "Reporting"
    assert wording().status(point("p", Name(zh="", en=""), 5.0, 0)) == "In range"
    mains = point("p", Name(zh="", en=""), 1.0, 0, quantity=Quantity.MAINS)
    assert wording().status(mains) == "In order"
    silent = point("p", Name(zh="", en=""), 5.0, 0, pack="", status=PointStatus.SILENT)
    assert wording().status(silent) == "Gateway silent"


def alarm(kind: AlarmKind, **more: object) -> AlarmView:
    fields: dict[str, object] = {
        "severity": Severity.ALARM,
        "threshold": 8.0,
        "direction": Direction.HIGH,
        "quantity": Quantity.TEMPERATURE,
        "unit": "Cel",
        **more,
    }
    return AlarmView(
        kind=kind,
        state=AlarmState.UNACKNOWLEDGED,
        since_ms=0,
        site="s",
        site_name=Name(zh="", en=""),
        **fields,  # type: ignore[arg-type]
    )


def test_an_alarm_says_what_it_is_about() -> None:
    limit = alarm(AlarmKind.LIMIT)
    assert wording().what(limit) == "Above 8 °C"
    assert wording(Lang.ZH).what(limit) == "超过上限 8 °C"
    low = alarm(
        AlarmKind.LIMIT, direction=Direction.LOW, threshold=2.5, severity=Severity.PREALARM
    )
    assert wording().what(low) == "Reached the lower critical value 2.5 °C"
    assert wording(Lang.ZH).what(alarm(AlarmKind.SILENT)) == "网关失联"
    mains = alarm(AlarmKind.LIMIT, quantity=Quantity.MAINS)
    assert wording(Lang.ZH).what(mains) == "供电中断"


def test_markup_is_put_in_and_plain_text_is_escaped() -> None:
    assert wording().t_html("alarms.since", time="<b>") == "since &lt;b&gt;"


def test_a_state_is_on_or_off_and_any_other_number_is_that_number() -> None:
    written = [wording().amount(Quantity.STATE, value, 0) for value in (0.0, 1.0, 3.0, None)]
    assert written == ["off", "on", "3", "—"]
