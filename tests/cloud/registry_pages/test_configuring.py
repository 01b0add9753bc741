"""A gateway is sent its configuration by a button, and again whenever its measuring changes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_registry.configuring.publishing import document_of, newest_of
from device_registry.store.change import Change
from device_registry.store.row import Row
from tests.support.job_world import POINTS_AT_5
from tests.support.registry_site import GATEWAY, POINTS, SITE, World, pages

PAGE = f"/registry/gateways/{GATEWAY}"
SEND = f"{PAGE}/configuration"
LINKS = {"modbus": [{"name": "bus1", "kind": "rtu", "serial_port": "/dev/ttyUSB0"}]}


def wire(change: Change) -> None:
    change.put("gateway", GATEWAY, links=LINKS)
    for unit, point in enumerate(POINTS, 1):
        link = {"bus": "bus1", "unit": unit}
        change.put("sensor", f"probe-{unit}", profile="XY-MD02@1", link=link)
        change.put("point", point, source="temperature")


def stock(change: Change, **fields: object) -> None:
    known = {"site": SITE, "model": "XY-MD02", "serial": "SP1", "spare": True, "refresh_s": 30}
    change.put("sensor", "spare-1", state="stock", **known, **fields)
    change.put(
        "calibration",
        "cal-spare-1",
        sensor="spare-1",
        certificate_no="JZ-1",
        laboratory="CNAS L0001",
        calibrated_on="2026-06-01",
        valid_until="2027-05-31",
        points=POINTS_AT_5,
        result="pass",
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with pages(tmp_path) as made:
        made.change(wire)
        yield made


def versions(world: World) -> list[Row]:
    return world.store.find("configuration", where={"gateway": GATEWAY})


def sources(world: World) -> str:
    newest = newest_of(versions(world))
    assert newest is not None
    return document_of(newest).sources


def edit(world: World, path: str, **fields: str) -> int:
    html = world.get("wang", path).text
    inputs = re.findall(r'<input id="field-(\w+)" name="\w+" value="([^"]*)"', html)
    selects = re.findall(r'name="(\w+)"[^>]*>(?:(?!</select>).)*value="([^"]*)" selected', html)
    form = {**dict(inputs), **dict(selects), "why": "改", **fields}
    return world.post("wang", path, form).status_code


def replace_probe(world: World) -> int:
    data = {
        "csrf": "csrf-of-wang",
        "record": "job-00112233445566aa",
        "point": POINTS[0],
        "reason": "漂移",
        "old_fate": "rejected",
        "new_sensor": "spare-1",
        "before": "5.1",
        "after": "9.0",
    }
    files = {"photo": ("p.jpg", b"\xff\xd8\xff picture", "image/jpeg")}
    path = f"/work/sites/{SITE}/jobs/replace_probe"
    return world._ask("POST", "wang", path, data=data, files=files).status_code


def words(html: str) -> list[str]:
    """Return the sentences of the banners."""
    banner = r'<p class="banner is-alarm"[^>]*>.*?<span>(.*?)</span></p>'
    return re.findall(banner, html, re.DOTALL)


def test_the_button_offers_what_the_registry_says_and_the_page_shows_its_state(
    world: World,
) -> None:
    shown = world.get("wang", f"{PAGE}?lang=zh-CN").text
    form = re.search(rf'<form[^>]*action="{SEND}">(.*?)</form>', shown, re.DOTALL)
    assert form is not None
    assert form[1].startswith('<input type="hidden" name="csrf" value="csrf-of-wang">')
    assert "下发配置" in form[1]
    answer = world.post("wang", SEND, {})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#configurations")
    (row,) = versions(world)
    assert (row.number("version"), row.text("state")) == (1, "offered")
    entry = world.store.latest(kind="configuration", id=row.id, limit=1)[0]
    assert (entry.actor, entry.role) == ("wang", "technician")
    assert "已下发" in world.get("wang", f"{PAGE}?lang=zh-CN").text
    assert world.post("wang", SEND, {}).status_code == 303
    assert len(versions(world)) == 1, "what it was told already is not told again"


def test_a_version_that_was_rolled_back_says_why_in_the_words_of_the_page(
    world: World,
) -> None:
    world.post("wang", SEND, {})
    reason = "no point gave a value within 60 s"
    (row,) = versions(world)
    world.change(lambda c: c.put(row.kind, row.id, state="rolled_back", reason=reason))
    shown = world.get("wang", f"{PAGE}?lang=zh-CN").text
    assert "已回退" in shown
    assert "应用后没有任何测点读到数值" in shown
    assert reason not in shown
    assert reason in world.get("wang", f"{PAGE}?lang=en").text


def test_who_may_not_configure_sees_no_button_and_has_no_address(world: World) -> None:
    assert SEND not in world.get("zhao", PAGE).text
    assert world.post("zhao", SEND, {}).status_code == 404
    assert world.post("ynk", SEND, {}).status_code == 404
    assert not versions(world)


def test_what_hinders_it_is_told_in_the_language_of_the_page(world: World) -> None:
    world.change(lambda c: c.put("sensor", "probe-1", link=None))
    world.change(lambda c: c.put("sensor", "probe-2", profile="No-Such@1"))
    answer = world.post("wang", f"{SEND}?lang=zh-CN", {})
    assert answer.status_code == 422
    head, *told = words(answer.text)
    assert GATEWAY in head
    assert told == [
        "传感器 probe-2：没有登记该设备模板或版本（No-Such@1）。",
        f"测点 {POINTS[0]}：传感器 probe-1 未接在任何总线上，请填写传感器的接线。",
    ]
    english = words(world.post("wang", f"{SEND}?lang=en", {}).text)
    assert english[2].endswith("sensor probe-1 is on no bus; say how it is wired.")
    assert not versions(world)


def test_an_edit_of_what_is_measured_is_sent_with_it(world: World) -> None:
    path = "/registry/sensors/probe-1/edit"
    assert edit(world, path, refresh_s="20") == 303
    assert not versions(world), "a gateway that was never configured waits for the button"
    world.post("wang", SEND, {})
    assert edit(world, path, refresh_s="10") == 303
    assert [row.text("state") for row in versions(world)] == ["superseded", "offered"]
    assert "period_ms = 10000" in sources(world)
    assert edit(world, f"/registry/points/{POINTS[1]}/edit", state="retired") == 303
    assert len(versions(world)) == 3
    assert edit(world, f"{PAGE}/edit", model="RPi-5") == 303
    assert len(versions(world)) == 3, "nothing that is measured changed"


def test_a_point_that_an_edit_gives_another_sensor_gets_a_new_channel(world: World) -> None:
    world.change(lambda c: stock(c, profile="XY-MD02@1", link={"bus": "bus1", "unit": 9}))
    path = f"/registry/points/{POINTS[0]}/edit"
    channels = []
    for fields in ({"name_zh": "新名"}, {"sensor": "spare-1"}, {"sensor": "probe-1"}):
        assert edit(world, path, **fields) == 303
        point = world.store.get("point", POINTS[0])
        channels.append(point.number("channel") if point else 0)
    assert channels == [1, 3, 4], "a channel that meant something is never given again"


def test_a_replaced_probe_is_read_by_the_next_version_on_its_new_channel(
    world: World,
) -> None:
    world.change(lambda c: stock(c, profile="XY-MD02@1"))
    world.post("wang", SEND, {})
    assert replace_probe(world) == 303
    told = sources(world)
    assert 'name = "spare-1"' in told
    assert re.findall(r"channel = (\d+)", told) == ["2", "3"]
    assert words(world.get("wang", f"/work/sites/{SITE}/jobs").text) == []


def test_a_refusal_undoes_nothing_and_is_shown_until_it_is_put_right(world: World) -> None:
    world.change(stock)
    world.post("wang", SEND, {})
    assert replace_probe(world) == 303
    point = world.store.get("point", POINTS[0])
    assert point is not None
    assert (point.text("sensor"), len(versions(world))) == ("spare-1", 1)
    for page in (f"/work/sites/{SITE}/jobs", f"/work/gateways/{GATEWAY}", PAGE):
        head, problem = words(world.get("wang", f"{page}?lang=zh-CN").text)
        assert GATEWAY in head
        assert problem.startswith("传感器 spare-1：没有登记")
    assert edit(world, "/registry/sensors/spare-1/edit", profile="XY-MD02@1") == 303
    assert words(world.get("wang", PAGE).text) == []
    assert len(versions(world)) == 2


def test_a_probe_added_on_the_spot_is_sent_with_it(world: World) -> None:
    world.post("wang", SEND, {})
    probe = {"device": "XY-MD02", "serial": "R8", "unit": "9", "place": "new:room", "pack": ""}
    assert world.post("wang", f"/work/gateways/{GATEWAY}/probes", probe).status_code == 303
    assert "unit = 9" in sources(world)
