"""A device that cannot meet its pack is refused as a compliance point, with the reason."""

from decimal import Decimal

from domain.gsp.suitability import Device, check_device, refresh_of
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from domain.rules.load import rule_pack

PACK = rule_pack("CN_COLD_2_8")
T = Quantity.TEMPERATURE


def keys(device: Device, point_class: PointClass = PointClass.COMPLIANCE) -> list[str]:
    return [f.key for f in check_device(device, point_class, T, [PACK])]


def test_a_sensor_that_wakes_every_ten_minutes_is_no_compliance_point() -> None:
    shelly = Device(sensor="s", model="Shelly Plus H&T", refresh_s=600)
    (found,) = check_device(shelly, PointClass.COMPLIANCE, T, [PACK])
    assert found.key == "suitability.too_slow"
    assert (found.args["refresh"], found.args["permitted"]) == ("600", "60")
    assert found.clause == "GSP Annex 3 art. 5"
    assert keys(shelly, PointClass.EQUIPMENT) == []


def test_sixty_seconds_is_fast_enough_and_sixty_one_is_not() -> None:
    assert keys(Device(sensor="s", model="m", refresh_s=60)) == []
    assert keys(Device(sensor="s", model="m", refresh_s=61)) == ["suitability.too_slow"]
    assert refresh_of(600, 10) == 600


def test_a_controllers_own_probe_is_equipment() -> None:
    ekc = Device(sensor="s", model="EKC 202B", refresh_s=10, device_class=PointClass.EQUIPMENT)
    assert keys(ekc) == ["suitability.equipment"]


def test_a_range_that_does_not_hold_the_limits_is_refused() -> None:
    narrow = Device(sensor="s", model="m", refresh_s=10, low=Decimal(5), high=Decimal(60))
    assert keys(narrow) == ["suitability.range"]
    wide = Device(sensor="s", model="m", refresh_s=10, low=Decimal(2), high=Decimal(8))
    assert keys(wide) == []
