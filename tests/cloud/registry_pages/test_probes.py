"""A probe that is added on the spot is registered so that the gateway can be told of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from device_registry.configuring.document import Rows, content_of
from tests.support.registry_site import GATEWAY, SITE, World, pages

AT = f"/work/gateways/{GATEWAY}/probes"
PROBE = {
    "device": "RS-WS-N01",
    "serial": "R8-0017",
    "unit": "3",
    "place": "new:cold_room",
    "pack": "CN_COLD_2_8",
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with pages(tmp_path) as world:
        yield world


def test_a_probe_becomes_a_sensor_with_two_points_in_a_new_place(world: World) -> None:
    answer = world.post("wang", AT, PROBE)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/work/gateways/{GATEWAY}",
    )
    points = world.store.find("point", where={"sensor": f"{SITE}-r8-0017"})
    assert [(p.text("name_zh"), p.number("channel"), p.text("source")) for p in points] == [
        ("冷库 1 号 湿度", 4, "humidity"),
        ("冷库 1 号 温度", 3, "temperature"),
    ]
    assert "冷库 1 号 温度" in world.get("wang", f"/work/gateways/{GATEWAY}").text


def test_the_gateway_can_be_configured_from_what_was_added(world: World) -> None:
    assert world.post("wang", AT, PROBE).status_code == 303
    assert world.post("wang", AT, {**PROBE, "serial": "R8-18", "unit": "4"}).status_code == 303
    store = world.store
    gateway = store.get("gateway", GATEWAY)
    assert gateway
    sensors = [f"{SITE}-r8-0017", f"{SITE}-r8-18"]
    content = content_of(
        Rows(
            gateway=gateway,
            points=store.find("point", where={"sensor": sensors}),
            sensors={row.id: row for row in store.find("sensor", where={"id": sensors})},
            profiles={},
        )
    )
    assert content.sources.count("[[modbus]]") == 1
    assert content.sources.count("[[modbus.device]]") == 2
    assert 'serial_port = "/dev/ttyUSB0"' in content.sources
    assert "baud = 4800" in content.sources


def test_a_second_probe_can_hang_in_a_place_that_is_there(world: World) -> None:
    assert world.post("wang", AT, {**PROBE, "place": f"{SITE}-f1"}).status_code == 303
    points = world.store.find("point", where={"place": f"{SITE}-f1"})
    assert len(points) == 3
    place = world.store.get("place", f"{SITE}-f1")
    assert place
    assert place.text("place_kind") == "refrigerator"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"device": "Unknown"}, "设备型号"),
        ({"serial": "a b"}, "出厂编号"),
        ({"unit": "248"}, "总线地址"),
        ({"unit": "x"}, "总线地址"),
        ({"place": "ynk-001-f1"}, "安装位置"),
        ({"place": "new:moon"}, "安装位置"),
        ({"pack": "NOPE"}, "适用规则"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(
    world: World, wrong: dict[str, str], problem: str
) -> None:
    revision = world.store.revision()
    answer = world.post("wang", AT, {**PROBE, **wrong})
    assert answer.status_code == 422
    assert problem in answer.text.partition("is-alarm")[2].partition("</p>")[0]
    assert world.store.revision() == revision


def test_the_next_free_address_is_offered(world: World) -> None:
    assert 'name="unit" value="1"' in world.get("wang", AT).text
    world.post("wang", AT, {**PROBE, "unit": "1"})
    assert 'name="unit" value="2"' in world.get("wang", AT).text
