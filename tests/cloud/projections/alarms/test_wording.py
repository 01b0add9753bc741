"""Alarms are called in GSP's own words, in both languages."""

import pytest

from cloud.projections.alarms.event import AlarmEvent, AlarmKind
from cloud.projections.alarms.wording import names, title
from domain.alarms.state import TransitionKind
from domain.quantity import Quantity
from domain.rules.model import Direction, Severity
from tests.support.registries import SITE, gateway_name, point_name, registry_of

NEVER = ("告警", "验证", "隔离", "溯源码", "电子监管码")


def event(kind: AlarmKind, severity: Severity = Severity.ALARM, **fields: str) -> AlarmEvent:
    return AlarmEvent(
        alarm="a",
        event=TransitionKind.RAISED,
        kind=kind,
        severity=severity,
        at_ms=1,
        told_ms=1,
        since_ms=1,
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("kind", list(AlarmKind))
@pytest.mark.parametrize("severity", list(Severity))
def test_every_alarm_has_a_title_in_both_languages(kind: AlarmKind, severity: Severity) -> None:
    wording = title(event(kind, severity))
    assert wording.zh.endswith("报警" if severity is Severity.ALARM else "预警")
    assert wording.en
    assert not any(word in wording.zh for word in NEVER)


@pytest.mark.parametrize(
    ("quantity", "direction", "zh", "en"),
    [
        (
            Quantity.TEMPERATURE,
            Direction.HIGH,
            "温度高于上限报警",
            "temperature above the",
        ),
        (Quantity.HUMIDITY, Direction.LOW, "湿度低于下限报警", "humidity below the lower"),
        (Quantity.MAINS, Direction.LOW, "供电中断报警", "power loss"),
        (Quantity.DOOR, Direction.HIGH, "门未关闭报警", "door open"),
        (Quantity.VOLTAGE, Direction.LOW, "超出规定范围报警", "out of limits"),
    ],
)
def test_limits_say_what_is_on_which_side(
    quantity: Quantity, direction: Direction, zh: str, en: str
) -> None:
    wording = title(event(AlarmKind.LIMIT, quantity=quantity.value, direction=direction.value))
    assert wording.zh == zh
    assert en in wording.en


def test_site_and_point_are_named() -> None:
    gateway = gateway_name(0)
    named = event(AlarmKind.GAP, site=SITE, point=point_name(gateway, 1))
    assert names(named, registry_of()) == {
        "title_zh": "数据缺失报警",
        "title_en": "alarm: data missing",
        "site_zh": "一号药房",
        "site_en": "Pharmacy 1",
        "name_zh": "冷藏柜1",
        "name_en": "fridge 1",
    }
    assert "name_zh" not in names(event(AlarmKind.BACKUP), registry_of())
