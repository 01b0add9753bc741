"""What a commissioning refuses, and that it says why."""

from dataclasses import replace
from decimal import Decimal

import pytest

from device_registry.commissioning.facts import (
    Compared,
    Facts,
    ReadingFacts,
    Recipient,
    Warmed,
)
from device_registry.commissioning.review import Section, review
from domain.gsp.finding import Level
from domain.gsp.phrases import Phrases
from domain.profiles.model import PointClass
from tests.support.commissioning import good_facts, humidity, sensor, temperature, with_point

PHRASES = Phrases("domain.gsp", "device_registry.commissioning")
GOOD = good_facts()
READING = temperature(1).reading
assert READING is not None
SENSOR = sensor(1)


def refused(facts: Facts) -> list[str]:
    return [f.key for f in review(facts).refusals]


def test_a_site_in_order_passes_and_every_check_is_told() -> None:
    found = review(GOOD)
    assert found.passed
    assert not found.warnings
    assert [section for section, _ in found.sections] == list(Section)
    assert all(findings for _, findings in found.sections)
    assert all(f.level is Level.PASS for f in found.findings)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"reading": None}, "reading.absent"),
        ({"reading": replace(READING, good=False)}, "reading.bad"),
        ({"reading": replace(READING, unit="%")}, "reading.unit"),
        ({"reading": replace(READING, quantity="humidity", unit="%")}, "reading.unit"),
        ({"reading": replace(READING, value=Decimal("125.1"))}, "reading.range"),
        ({"reading": replace(READING, value=Decimal("-40.1"))}, "reading.range"),
        ({"reading": replace(READING, age_s=76)}, "reading.stale"),
        ({"sensor": None}, "sensor.absent"),
        ({"sensor": replace(SENSOR, certificate=None)}, "calibration.absent"),
        ({"sensor": replace(SENSOR, refresh_s=600)}, "suitability.too_slow"),
        (
            {"sensor": replace(SENSOR, device_class=PointClass.EQUIPMENT)},
            "suitability.equipment",
        ),
        ({"proof": None}, "proof.absent"),
        ({"proof": Warmed(before=Decimal(5), after=Decimal("5.4"))}, "proof.still"),
        ({"proof": Warmed(before=Decimal(9), after=Decimal(5))}, "proof.still"),
        ({"proof": Compared(reference=Decimal(5), shown=Decimal(5))}, "proof.no_photo"),
    ],
)
def test_each_lack_of_a_point_is_refused_by_name(change: dict[str, object], key: str) -> None:
    facts = with_point(GOOD, **change)
    assert refused(facts) == [key]
    assert review(facts).refusals[0].about == "point-1"


def test_readings_up_to_the_bound_are_fresh() -> None:
    assert refused(with_point(GOOD, reading=replace(READING, age_s=75))) == []


def test_an_equipment_point_must_only_report() -> None:
    change: dict[str, object] = {
        "point_class": PointClass.EQUIPMENT,
        "sensor": replace(SENSOR, device_class=PointClass.EQUIPMENT, refresh_s=600),
        "proof": None,
        "rule_packs": (),
    }
    facts = replace(GOOD, points=(*GOOD.points, temperature(3)))
    assert refused(with_point(facts, **change)) == []
    assert refused(with_point(facts, **change, reading=None)) == ["reading.absent"]


def test_the_sleepy_sensor_is_refused_in_words_that_say_why() -> None:
    sleepy = replace(SENSOR, model="Shelly Plus H&T", refresh_s=600)
    (found,) = review(with_point(GOOD, sensor=sleepy)).refusals
    assert PHRASES.finding(found, "zh-CN") == (
        "Shelly Plus H&T 每 600 秒才更新一次，GSP 冷藏 2～8 ℃要求不超过 60 秒，"
        "不能作为合规测点（GSP 附录3 第五条）"
    )
    assert PHRASES.finding(found, "en").startswith(
        "Shelly Plus H&T gives a new value every 600 s"
    )


def compared(shown_t: str, shown_rh: str, t: str = "5.0", rh: str = "55.0") -> list[str]:
    photo = "a" * 64
    points = (
        replace(
            temperature(1),
            proof=Compared(reference=Decimal(t), shown=Decimal(shown_t), photo=photo),
        ),
        replace(
            humidity(1),
            proof=Compared(reference=Decimal(rh), shown=Decimal(shown_rh), photo=photo),
        ),
        temperature(2),
    )
    return refused(replace(GOOD, points=points))


def test_map_variants_are_told_apart() -> None:
    assert compared("5.9", "47") == []
    assert compared("55.2", "5.1") == ["variant.swapped", "variant.swapped"]
    assert compared("50.4", "55") == ["variant.tenfold"]
    assert compared("0.5", "55") == ["variant.tenth"]
    assert compared("6541.6", "55", t="-12.1") == ["variant.unsigned"]
    assert compared("7.0", "55") == ["variant.differs"]


def test_a_place_with_one_point_of_a_wholesaler_is_refused_and_a_shops_is_not() -> None:
    one = replace(GOOD, points=GOOD.points[:2])
    assert refused(one) == ["point_count.too_few"]
    fridge = replace(one.places[0], space=replace(one.places[0].space, area_m2=None))
    assert refused(replace(one, places=(fridge,))) == ["point_count.size_unknown"]


def test_humidity_points_do_not_count_as_temperature_points() -> None:
    assert refused(replace(GOOD, points=(temperature(1), humidity(1), humidity(2)))) == [
        "point_count.too_few"
    ]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"local": None}, "alarm_local.untried"),
        ({"local": False}, "alarm_local.failed"),
        ({"designated": None}, "alarm_designated.untried"),
        ({"recipients": GOOD.alarm.recipients[:2]}, "alarm.too_few"),
        ({"recipients": (GOOD.alarm.recipients[0],) * 3}, "alarm.too_few"),
        (
            {
                "recipients": (
                    *GOOD.alarm.recipients[:2],
                    Recipient(name="张敏", phone_verified=False, reached=True),
                )
            },
            "alarm.too_few",
        ),
        (
            {
                "recipients": (
                    *GOOD.alarm.recipients[:2],
                    Recipient(name="张敏", phone_verified=True, reached=None),
                )
            },
            "alarm.unreached",
        ),
    ],
)
def test_the_alarm_must_reach_three_verified_people(
    change: dict[str, object], key: str
) -> None:
    alarm = replace(GOOD.alarm, **change)  # type: ignore[arg-type]
    assert refused(replace(GOOD, alarm=alarm)) == [key]


def test_a_shop_needs_one_person_and_no_designated_place() -> None:
    site = replace(GOOD.site, subject_class="retail")
    alarm = replace(GOOD.alarm, recipients=GOOD.alarm.recipients[:1], designated=None)
    assert refused(replace(GOOD, site=site, alarm=alarm)) == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"clock_offset_ms": None}, "clock.unknown"),
        ({"clock_offset_ms": -5001}, "clock.off"),
        ({"power_loss_noticed": None}, "power.untried"),
        ({"power_loss_noticed": False}, "power.failed"),
    ],
)
def test_clock_and_power_are_tried(change: dict[str, object], key: str) -> None:
    gateway = replace(GOOD.gateway, **change)  # type: ignore[arg-type]
    assert refused(replace(GOOD, gateway=gateway)) == [key]


def test_a_missing_ups_warns_and_does_not_refuse() -> None:
    found = review(replace(GOOD, gateway=replace(GOOD.gateway, has_ups=False)))
    assert found.passed
    assert [f.key for f in found.warnings] == ["power.no_ups"]


def test_a_gateway_without_points_is_refused() -> None:
    assert refused(replace(GOOD, points=())) == ["reading.no_points"]


def test_everything_that_can_be_found_has_a_text_in_both_languages() -> None:
    bad = ReadingFacts(quantity="door", unit="1", value=Decimal(1), age_s=999)
    everything = review(
        replace(with_point(GOOD, reading=bad, sensor=None, proof=None), places=GOOD.places * 2)
    )
    for finding in (*everything.findings, *review(GOOD).findings):
        for lang in ("zh-CN", "en"):
            assert "{" not in PHRASES.finding(finding, lang)
    for section in Section:
        assert PHRASES.say(f"section.{section}", "en")
