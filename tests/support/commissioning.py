"""Facts of a small wholesaler's cold room in which everything is right."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from device_registry.commissioning.facts import (
    AlarmFacts,
    Compared,
    Facts,
    GatewayFacts,
    PlaceFacts,
    PointFacts,
    ReadingFacts,
    Recipient,
    SensorFacts,
    SiteFacts,
    Warmed,
)
from domain.gsp.calibration import CalibrationPoint, Certificate
from domain.gsp.finding import Words
from domain.gsp.space import PlaceKind, Position, Space
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from domain.rules.load import rule_pack

TODAY = date(2026, 11, 22)
COLD = rule_pack("CN_COLD_2_8")
CERTIFICATE = Certificate(
    number="JZ-2026-001",
    calibrated_on=date(2026, 5, 1),
    points=(
        CalibrationPoint(
            quantity=Quantity.TEMPERATURE, reference=Decimal(5), error=Decimal("0.2")
        ),
        CalibrationPoint(
            quantity=Quantity.HUMIDITY, reference=Decimal(60), error=Decimal("-2.0")
        ),
    ),
)


def sensor(number: int) -> SensorFacts:
    return SensorFacts(
        id=f"sensor-{number}",
        model="XY-MD02",
        serial=f"SN{number}",
        refresh_s=30,
        low=Decimal(-40),
        high=Decimal(125),
        certificate=CERTIFICATE,
    )


def temperature(number: int) -> PointFacts:
    return PointFacts(
        id=f"point-{number}",
        channel=2 * number,
        name=Words(zh=f"冷库{number}号测点", en=f"Cold room point {number}"),
        place="cold-1",
        quantity=Quantity.TEMPERATURE,
        unit="Cel",
        point_class=PointClass.COMPLIANCE,
        rule_packs=(COLD,),
        position=Position(height_m=Decimal("2.0")),
        sensor=sensor(number),
        reading=ReadingFacts(
            quantity="temperature", unit="Cel", value=Decimal("5.1"), age_s=20
        ),
        proof=Warmed(before=Decimal("5.1"), after=Decimal("9.3")),
    )


def humidity(number: int) -> PointFacts:
    return replace(
        temperature(number),
        id=f"humidity-{number}",
        channel=2 * number + 1,
        quantity=Quantity.HUMIDITY,
        unit="%",
        sensor=replace(sensor(number), low=Decimal(0), high=Decimal(100)),
        reading=ReadingFacts(quantity="humidity", unit="%", value=Decimal("55.0"), age_s=20),
        proof=Compared(
            reference=Decimal("54.0"), shown=Decimal("55.0"), photo="a" * 64, instrument="REF-1"
        ),
    )


def good_facts() -> Facts:
    return Facts(
        site=SiteFacts(
            id="site-1",
            name=Words(zh="江阳区一号库", en="Jiangyang store 1"),
            organisation=Words(zh="泸州医药有限公司", en="Luzhou Pharma"),
            subject_class="wholesale",
            address="四川省泸州市江阳区",
            timezone="Asia/Shanghai",
        ),
        gateway=GatewayFacts(
            id="gw-0001",
            model="CM4",
            serial="100000001",
            software="0.1.0",
            clock_offset_ms=-400,
            power_loss_noticed=True,
            has_ups=True,
        ),
        places=(
            PlaceFacts(
                id="cold-1",
                name=Words(zh="一号冷库", en="Cold room 1"),
                space=Space(
                    place_kind=PlaceKind.COLD_ROOM,
                    area_m2=Decimal(60),
                    rack_height_m=Decimal("2.4"),
                ),
            ),
        ),
        points=(temperature(1), humidity(1), temperature(2)),
        alarm=AlarmFacts(
            recipients=tuple(
                Recipient(name=name, phone_verified=True, reached=True)
                for name in ("王芳", "李强", "张敏")
            ),
            local=True,
            designated=True,
        ),
        today=TODAY,
    )


def with_point(facts: Facts, **changes: object) -> Facts:
    """Return the facts with changes to their first point."""
    first = replace(facts.points[0], **changes)  # type: ignore[arg-type]
    return replace(facts, points=(first, *facts.points[1:]))
