"""Each viewer sees its part of the registry, and nothing of the rest in counts or searches."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.access.rules import RULES
from dashboards.models import AlarmKind, AlarmView, Name
from domain.alarms.state import AlarmState
from domain.quantity import Quantity
from domain.rules.model import Direction, Severity
from tests.support.gates import NOW_MS
from tests.support.registry_site import GATEWAY, OTHER_SITE, SITE, World, pages

OTHERS = ("粤北", "ynk", "广东", "深圳")
"""What only the other firm has."""
MINE = ("百姓", "bx", "四川", "泸州", "江阳")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with pages(tmp_path) as world:
        yield world


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For tests that change nothing."""
    with pages(tmp_path_factory.mktemp("pages")) as world:
        yield world


PATHS = [
    "/registry",
    "/registry?show=sites",
    "/registry?region=51",
    "/registry?q=ynk",
    "/registry/organisations/bx",
    f"/registry/sites/{SITE}",
    f"/registry/places/{SITE}-f1",
    f"/registry/gateways/{GATEWAY}",
    "/registry/sensors/probe-1",
    "/registry/expiry",
    "/work",
    f"/work/sites/{SITE}",
    f"/work/gateways/{GATEWAY}",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_technician_reads_every_page_of_the_own_firm_and_nothing_of_another(
    unchanged: World, path: str
) -> None:
    answer = unchanged.get("wang", path)
    assert answer.status_code == 200
    shown = answer.text.replace("q=ynk", "").replace('value="ynk"', "")
    assert not [word for word in OTHERS if word in shown]


@pytest.mark.parametrize("path", [p for p in PATHS if "/" in p.removeprefix("/registry/")[1:]])
def test_another_firm_gets_the_answer_of_what_does_not_exist(
    unchanged: World, path: str
) -> None:
    if path.startswith(("/registry?", "/registry/expiry")) or path in {"/registry", "/work"}:
        answer = unchanged.get("ynk", path)
        assert not [word for word in MINE if word in answer.text]
        return
    there = unchanged.get("ynk", path)
    absent = unchanged.get("ynk", re.sub(r"[^/]+$", "nothing", path))
    assert there.status_code == 404
    assert there.text == absent.text


def test_counts_are_of_what_the_viewer_may_see(unchanged: World) -> None:
    def totals(who: str) -> list[str]:
        html = unchanged.get(who, "/registry").text
        return re.findall(r"<dd>([\d,]+)</dd>", html)

    assert totals("ops") == ["2", "2", "2"]
    assert totals("wang") == ["1", "1", "1"]
    assert totals("zhao") == ["1", "1", "1"]


def test_a_region_lists_only_those_below_it(unchanged: World) -> None:
    country = unchanged.get("ops", "/registry").text
    assert "四川省" in country
    assert "广东省" in country
    province = unchanged.get("ops", "/registry?region=51&show=sites").text
    assert "泸州市" in province
    assert "百姓大药房江阳店" in province
    assert "粤北深圳仓" not in province
    city = unchanged.get("ops", "/registry?region=5105").text
    assert "江阳区" in city
    assert 'href="/registry?region=51&amp;' in city


def test_a_long_list_is_read_page_by_page(world: World) -> None:
    names = [f"extra-{number:03}" for number in range(40)]
    world.change(
        lambda change: change.put_many(
            "site",
            [
                {
                    "id": name,
                    "organisation": "bx",
                    "region": "510502",
                    "subject_class": "retail",
                    "name_zh": f"店 {name}",
                    "name_en": name,
                    "timezone": "Asia/Shanghai",
                }
                for name in names
            ],
        )
    )
    seen: list[str] = []
    path = "/registry?show=sites"
    while path:
        html = world.get("wang", path).text
        seen += re.findall(r'href="/registry/sites/([\w-]+)"', html)
        found = re.search(r'<a class="button" href="(/registry\?[^"]*after=[^"]*)"', html)
        path = found[1].replace("&amp;", "&") if found else ""
    assert seen == sorted({*names, SITE})


def test_a_search_finds_by_name_within_the_scope(unchanged: World) -> None:
    assert "百姓大药房江阳店" in unchanged.get("wang", "/registry?show=sites&q=江阳").text
    html = unchanged.get("wang", "/registry?show=sites&q=粤北").text
    assert "没有找到" in html


def test_only_who_may_see_people_and_the_trail_sees_them(world: World) -> None:
    world.change(lambda c: c.put("staff", "s1", organisation="bx", name="张三", post="店长"))
    technician = world.get("wang", "/registry/organisations/bx").text
    head = world.get("li", "/registry/organisations/bx").text
    assert "张三" not in technician
    assert "张三" in head
    assert 'id="events-title"' not in technician
    assert 'id="events-title"' in head


def test_a_site_shows_its_open_alarms(world: World) -> None:
    world.alarms.append(
        AlarmView(
            kind=AlarmKind.LIMIT,
            severity=Severity.ALARM,
            state=AlarmState.UNACKNOWLEDGED,
            site=SITE,
            site_name=Name(zh="江阳店", en="Jiangyang"),
            gateway=GATEWAY,
            point="bx-001-t1",
            point_name=Name(zh="冷藏柜 1 号 温度", en="Refrigerator 1"),
            quantity=Quantity.TEMPERATURE,
            unit="Cel",
            decimals=1,
            direction=Direction.HIGH,
            threshold=8.0,
            value=9.1,
            since_ms=NOW_MS - 60_000,
        )
    )
    html = world.get("wang", f"/registry/sites/{SITE}").text
    assert 'href="/points/bx-001-t1"' in html.partition('id="alarms-title"')[2]


def test_what_expires_is_listed_with_what_it_locks(unchanged: World) -> None:
    html = unchanged.get("wang", "/registry/expiry").text
    assert "川AA0830001" in html
    assert "停止收货、停止出库" in html
    assert "还剩 28 天" in html
    assert "川AA0830001" not in unchanged.get("wang", "/registry/expiry?days=7").text


def test_an_expired_calibration_is_flagged_on_the_sensor(world: World) -> None:
    assert "校准有效期至 2027-05-04" in world.get("wang", "/registry/sensors/probe-1").text
    world.change(
        lambda c: c.put(
            "calibration", "cal-1", calibrated_on="2025-05-05", valid_until="2026-05-04"
        )
    )
    assert "校准过期" in world.get("wang", "/registry/sensors/probe-1").text


def test_a_form_changes_a_field_with_its_reason_in_the_trail(world: World) -> None:
    shown = world.get("wang", f"/registry/sites/{SITE}/edit").text
    assert 'name="csrf" value="csrf-of-wang"' in shown
    form = {**_fields(shown), "area_m2": "86.5", "why": "现场复量"}
    answer = world.post("wang", f"/registry/sites/{SITE}/edit", form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/registry/sites/{SITE}")
    row = world.store.get("site", SITE)
    assert row
    assert row.real("area_m2") == pytest.approx(86.5)
    entry = world.store.latest(limit=1)[0]
    assert (entry.actor, entry.role, entry.why) == ("wang", "technician", "现场复量")
    assert entry.new == {"area_m2": 86.5}


def _fields(html: str) -> dict[str, str]:
    inputs = re.findall(r'<input id="field-(\w+)" name="\w+" value="([^"]*)"', html)
    selects = re.findall(r'name="(\w+)"[^>]*>.*?<option value="([^"]*)" selected', html)
    return {**dict(inputs), **dict(selects)}


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("area_m2", "große", "请检查这一项的格式"),
        ("area_m2", "-1", "请检查这一项的格式"),
        ("area_m2", "nan", "请检查这一项的格式"),
        ("area_m2", "1e300", "请检查这一项的格式"),
        ("address", "x" * 4001, "请检查这一项的格式"),
        ("name_zh", "", "此项必填"),
        ("timezone", "Mars/Olympus", "请检查这一项的格式"),
    ],
)
def test_a_form_that_cannot_be_is_shown_again_and_changes_nothing(
    unchanged: World, field: str, value: str, problem: str
) -> None:
    path = f"/registry/sites/{SITE}/edit"
    revision = unchanged.store.revision()
    form = {**_fields(unchanged.get("wang", path).text), field: value, "why": "试一试"}
    answer = unchanged.post("wang", path, form)
    assert answer.status_code == 422
    assert problem in answer.text
    assert unchanged.store.revision() == revision


def test_a_state_offers_only_what_may_follow(unchanged: World) -> None:
    html = unchanged.get("wang", f"/registry/gateways/{GATEWAY}/edit").text
    states = re.findall(r'<option value="(\w+)"', html.partition('name="state"')[2])
    assert states == ["enrolled", "commissioned", "retired"]


def test_an_inspector_reads_and_edits_nothing(unchanged: World) -> None:
    path = f"/registry/sites/{SITE}"
    assert "/edit" not in unchanged.get("zhao", path).text
    assert unchanged.get("zhao", f"{path}/edit").status_code == 404
    assert unchanged.post("zhao", f"{path}/edit", {"why": "x"}).status_code == 404


def test_a_file_is_shown_to_who_may_see_its_site_only(world: World) -> None:
    sha256 = world.files.put(b"\xff\xd8\xff photo")
    world.change(
        lambda c: c.put("file", sha256, media_type="image/jpeg", size_bytes=9, site=SITE)
    )
    answer = world.get("wang", f"/registry/files/{sha256}")
    assert answer.content == b"\xff\xd8\xff photo"
    assert answer.headers["content-type"] == "image/jpeg"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert world.get("ynk", f"/registry/files/{sha256}").status_code == 404
    assert world.get("wang", f"/registry/files/{'0' * 64}").status_code == 404


def test_every_address_of_these_pages_is_ruled_and_served(unchanged: World) -> None:
    served = {
        f"{next(iter(route.methods or {'GET'}))} {route.path}"  # type: ignore[attr-defined]
        for route in unchanged.app.routes
    }
    ruled = {key for key in RULES if re.search(r" /(registry|work)(/|$)", key)}
    assert ruled == {key for key in served if re.search(r" /(registry|work)(/|$)", key)}


def test_the_other_site_is_there_for_its_own_people(unchanged: World) -> None:
    assert unchanged.get("ynk", f"/registry/sites/{OTHER_SITE}").status_code == 200


@pytest.mark.parametrize("text", ["%00", "%ED%A0%80", "%25_%5C", "'%20or%201=1", "x" * 5000])
def test_whatever_is_searched_for_is_answered(unchanged: World, text: str) -> None:
    for path in ("/registry?q={}", "/registry?after={}", "/work?q={}", "/registry?region={}"):
        assert unchanged.get("wang", path.format(text)).status_code == 200


def test_a_form_with_letters_that_no_database_takes_is_refused(unchanged: World) -> None:
    form = {"name_zh": "a\0b", "why": "x"}
    path = f"/registry/sites/{SITE}/edit"
    assert unchanged.post("wang", path, form).status_code == 400
