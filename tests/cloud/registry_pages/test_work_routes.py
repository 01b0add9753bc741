"""The technician's routes: claims shown once, steps counted once, reports that say what was."""

import base64
import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from cloud.registry_pages.drafts import read_draft
from cloud.registry_pages.fresh_claims import KEPT_MS
from cloud.registry_pages.sources import GatewayNow, Newest
from evidence.enrolment.claim import Claim
from tests.cloud.registry_pages.test_configuring import wire
from tests.support.gates import NOW_MS
from tests.support.registry_site import GATEWAY, POINTS, SERVER, SITE, World, pages

AT = f"/work/gateways/{GATEWAY}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with pages(tmp_path) as world:
        for point in POINTS:
            world.readings[point] = Newest(value=5.2, at_ms=NOW_MS)
        world.gateways[GATEWAY] = GatewayNow(clock_offset_ms=40, power_lost_ms=NOW_MS - 1)
        yield world


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For tests that change nothing."""
    with pages(tmp_path_factory.mktemp("pages")) as world:
        yield world


def _jpeg() -> bytes:
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    return out.getvalue()


def _png() -> str:
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _make(world: World, **form: str) -> str:
    answer = world.post(
        "wang", f"/work/sites/{SITE}/claims", {"gateway": "gw-bx-001-9", **form}
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def _claim_on(html: str) -> Claim | None:
    found = re.search(r"cw1:[\w-]+", html)
    return Claim.parse(found[0]) if found else None


def test_a_claim_is_shown_to_its_maker_for_a_while_and_to_nobody_else(world: World) -> None:
    here = _make(world)
    claim = _claim_on(world.get("wang", here).text)
    assert claim
    assert (claim.gateway, claim.site, claim.url) == ("gw-bx-001-9", SITE, SERVER.url)
    assert _claim_on(world.get("ops", here).text) is None
    assert world.get("ynk", here).status_code == 404
    world.now_ms += KEPT_MS
    assert _claim_on(world.get("wang", here).text) is None


def test_a_claim_that_was_used_or_ran_out_is_not_shown_any_more(world: World) -> None:
    here = _make(world)
    id_ = here.rpartition("/")[2]
    assert world.get("wang", f"{here}/state").json() == {"state": "open"}
    world.change(lambda change: change.put("claim", id_, state="cancelled"))
    html = world.get("wang", here).text
    assert _claim_on(html) is None
    assert "入网码已取消" in html
    other = _make(world)
    world.now_ms += 25 * 3_600_000
    assert world.get("wang", f"{other}/state").json() == {"state": "expired"}


def test_the_file_for_the_card_holds_claim_and_network(world: World) -> None:
    here = _make(
        world,
        link="wifi",
        ssid="药店",
        wifi_password="12345678",
        address="static",
        ip="192.168.1.50/24",
        router="192.168.1.1",
        dns="223.5.5.5 1.1.1.1",
    )
    html = world.get("wang", here).text
    card = re.search(r"<textarea name=\"card\"[^>]*>(.*?)</textarea>", html, re.DOTALL)
    assert card
    text = card[1].replace("&#34;", '"')
    assert 'ssid = "药店"' in text
    assert 'address = "192.168.1.50/24"' in text
    answer = world.post("wang", f"{here}/card", {"card": text.replace("\n", "\r\n")})
    assert answer.headers["content-disposition"].endswith('"coldwarden-claim.toml"')
    assert answer.text == text
    forged = world.post("wang", f"{here}/card", {"card": 'claim = "cw1:AAAA"'})
    assert forged.status_code == 404


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"gateway": "GW 1"}, "网关编号应为"),
        ({"gateway": "gw-ynk-001-1"}, "已被使用"),
        ({"link": "wifi", "ssid": "x", "wifi_password": "short"}, "无线网络名称"),
        ({"link": "mobile"}, "接入点名称"),
        ({"address": "static", "ip": "192.168.1.50"}, "192.168.1.50/24"),
        ({"address": "static", "ip": "10.0.0.9/8", "dns": "dns"}, "域名服务器"),
        ({"proxy": "proxy:3128"}, "http://"),
        ({"proxy": "https://proxy:3128"}, "http://"),
    ],
)
def test_a_form_that_cannot_be_makes_no_claim(
    unchanged: World, form: dict[str, str], problem: str
) -> None:
    whole = {"gateway": "gw-bx-001-9", **form}
    answer = unchanged.post("wang", f"/work/sites/{SITE}/claims", whole)
    assert answer.status_code == 422
    assert problem in answer.text
    assert "short" not in answer.text
    assert unchanged.store.count("claim") == 0


def test_a_work_order_is_shown_only_while_it_lasts(world: World) -> None:
    assert "安装 1 台网关" in world.get("wang", "/work").text
    world.now_ms += 9 * 3_600_000
    assert "安装 1 台网关" not in world.get("wang", "/work").text


def _step(world: World, id_: str = "ab" * 16, **step: object) -> int:
    body = {"id": id_, "at_ms": NOW_MS, **step}
    return world.post("wang", f"{AT}/steps", json=body).status_code


def test_a_step_that_is_sent_twice_is_kept_once(world: World) -> None:
    def send() -> int:
        return _step(world, kind="reference", point=POINTS[0], reference=5.0, value=5.2)

    assert [send() for _ in range(3)] == [200, 200, 200]
    assert len(read_draft(world.store, GATEWAY).steps) == 1


def test_a_step_that_arrives_late_does_not_undo_a_later_one(world: World) -> None:
    _step(world, "aa" * 16, kind="tick", name="local", ticked=True, at_ms=NOW_MS + 5)
    _step(world, "bb" * 16, kind="tick", name="local", ticked=False, at_ms=NOW_MS)
    assert read_draft(world.store, GATEWAY).ticked("local") is True


@pytest.mark.parametrize(
    "step",
    [
        {"kind": "reference", "point": "ynk-001-t", "reference": 5, "value": 5},
        {"kind": "reference", "point": POINTS[0], "reference": "5", "value": 5},
        {"kind": "reference", "point": POINTS[0], "reference": 1e9, "value": 5},
        {"kind": "format", "point": POINTS[0]},
        {"kind": "tick", "name": "<b>", "ticked": True},
        {"kind": "tick", "name": "local", "ticked": True, "id": "short"},
        {"kind": "tick", "name": "local", "ticked": True, "at_ms": "now"},
    ],
)
def test_what_is_no_step_is_refused_for_good(unchanged: World, step: dict[str, object]) -> None:
    body = {"id": "ab" * 16, "at_ms": NOW_MS, **step}
    assert unchanged.post("wang", f"{AT}/steps", json=body).status_code == 422
    for bytes_ in (b"\xff", b"[" * 100_000, b"null"):
        assert unchanged.post("wang", f"{AT}/steps", content=bytes_).status_code == 422
    assert read_draft(unchanged.store, GATEWAY).steps == ()


def test_a_step_without_the_sessions_token_is_refused(world: World) -> None:
    body = {"id": "ab" * 16, "at_ms": NOW_MS, "kind": "tick", "name": "local", "ticked": True}
    answer = world._ask("POST", "wang", f"{AT}/steps", json=body)
    assert answer.status_code == 403


def _photograph(world: World, point: str, id_: str) -> dict[str, object]:
    at = f"{AT}/photos?id={id_}&point={point}&at_ms={NOW_MS}"
    answer = world.post("wang", at, content=_jpeg())
    assert answer.status_code == 200, answer.text
    document: dict[str, object] = answer.json()
    return document


def test_a_photo_becomes_the_points_own_and_only_a_photo_does(world: World) -> None:
    sent = [_photograph(world, POINTS[0], "cd" * 16) for _ in range(2)]
    row = world.store.get("point", POINTS[0])
    assert row
    assert row.text("photo") == sent[0]["file"]
    assert len(read_draft(world.store, GATEWAY).steps) == 1
    at = f"{AT}/photos?id={'ef' * 16}&point={POINTS[0]}&at_ms=1"
    assert world.post("wang", at, content=b"<html>").status_code == 422
    foreign = f"{AT}/photos?id={'ef' * 16}&point=ynk-001-t&at_ms=1"
    assert world.post("wang", foreign, content=_jpeg()).status_code == 422


def test_values_and_findings_are_live(world: World) -> None:
    now = world.get("wang", f"{AT}/now").json()
    assert [p["value"] for p in now["points"]] == [5.2, 5.2]
    assert now["points"][0]["permitted_error"] == 1.0
    assert "JZ2026-1" in now["points"][0]["findings"]
    world.readings.clear()
    now = world.get("wang", f"{AT}/now").json()
    assert now["points"][0]["value"] is None
    assert "is-alarm" in now["points"][0]["findings"]


def _complete(world: World) -> None:
    for number, point in enumerate(POINTS):
        id_ = f"{number}a" * 16
        _step(world, id_, kind="reference", point=point, reference=5.1, value=5.2)
        _photograph(world, point, f"{number}b" * 16)
    for number, name in enumerate(("local", "designated", "reached.wang", "reached.li")):
        _step(world, f"{number}c" * 16, kind="tick", name=name, ticked=True)


def _sign(world: World, id_: str = "5a" * 16) -> str:
    body = {"id": id_, "customer": "李店长", "at_ms": NOW_MS, "signature": _png()}
    answer = world.post("wang", f"{AT}/report", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["report"])


def test_a_passed_report_puts_gateway_and_points_into_service_once(world: World) -> None:
    _complete(world)
    report = _sign(world)
    assert _sign(world) == report
    rows = world.store.find("report", where={"report_kind": "commissioning"})
    assert [row.id for row in rows] == [report]
    document = rows[0].maybe("document")
    assert isinstance(document, dict)
    assert document["work_order"] == "wo-1"
    gateway = world.store.get("gateway", GATEWAY)
    assert gateway
    assert gateway.text("state") == "in_service"
    assert read_draft(world.store, GATEWAY).steps == ()
    html = world.get("wang", f"/work/reports/{report}").text
    assert "全部检查通过" in html
    assert "李店长" in html
    assert world.get("wang", f"/work/reports/{report}/pdf").content.startswith(b"%PDF")
    assert world.get("ynk", f"/work/reports/{report}").status_code == 404


def test_a_report_that_refuses_something_says_so_and_changes_no_state(world: World) -> None:
    report = _sign(world)
    gateway = world.store.get("gateway", GATEWAY)
    assert gateway
    assert gateway.text("state") == "enrolled"
    html = world.get("wang", f"/work/reports/{report}").text
    assert "附有下列说明" in html
    assert "is-alarm" in html


def test_a_signed_report_sends_the_gateway_what_is_registered_by_then(world: World) -> None:
    world.change(wire)
    world.post("wang", f"/registry/gateways/{GATEWAY}/configuration", {})
    world.change(lambda c: c.put("sensor", "probe-1", refresh_s=10))
    _sign(world)
    sent = world.store.find("configuration", where={"gateway": GATEWAY})
    assert [row.text("state") for row in sent] == ["superseded", "offered"]


def test_who_has_not_just_proven_who_it_is_cannot_sign(world: World) -> None:
    world.now_ms += 6 * 60_000
    body = {"id": "5a" * 16, "customer": "李", "at_ms": NOW_MS, "signature": _png()}
    answer = world.post("wang", f"{AT}/report", json=body)
    assert answer.status_code == 401
    assert answer.json()["page"] == "/login/again"


@pytest.mark.parametrize(
    "change",
    [
        {"customer": " "},
        {"customer": "\ud800"},
        {"signature": "x"},
        {"id": ""},
        {"at_ms": -1},
    ],
)
def test_what_is_no_signature_makes_no_report(
    unchanged: World, change: dict[str, object]
) -> None:
    body = {"id": "5a" * 16, "customer": "李", "at_ms": NOW_MS, "signature": _png(), **change}
    answer = unchanged.post("wang", f"{AT}/report", content=json.dumps(body).encode())
    assert answer.status_code == 422


def test_the_phone_gets_an_app_that_works_without_signal(unchanged: World) -> None:
    worker = unchanged.get("", "/work/service-worker.js")
    assert worker.headers["service-worker-allowed"] == "/work"
    assets = json.loads(re.search(r"ASSETS = (\[.*?\]);", worker.text)[1])  # type: ignore[index]
    html = unchanged.get("wang", AT).text
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html))
    assert named <= set(assets)
    manifest = unchanged.get("", "/work/manifest.webmanifest").json()
    assert (manifest["start_url"], manifest["display"]) == ("/work", "standalone")
    assert {unchanged.get("", path).status_code for path in assets} == {200}
