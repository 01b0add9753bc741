"""A technician puts a gateway into service with a phone: 360 by 640, Chinese, largest font.

The network is slow, and gone half-way. The gateway enrols by its real protocol.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import CDPSession, Page, expect, sync_playwright
from pypdf import PdfReader

from cloud.registry_pages.drafts import read_draft
from cloud.registry_pages.sources import GatewayNow, Newest
from device_registry.authority.issuing import Authority
from device_registry.authority.root import OfflineRoot
from evidence.enrolment.claim import Claim
from tests.support import enrolling
from tests.support.chromium import ARGUMENTS, EXECUTABLE
from tests.support.engines import engine
from tests.support.gates import NOW_MS
from tests.support.registry_site import GATEWAY, POINTS, World, pages
from tests.support.wait import until_sync
from tests.support.web_server import serving

LARGEST_FONT_PX = 24
"""What Chromium calls "very large"."""
SLOW = {
    "latency": 300,
    "downloadThroughput": 50_000,
    "uploadThroughput": 20_000,
}
"""A phone at the edge of its cell."""
STEPS = 4
"""Of one point: compared, raised twice, photographed."""
WIDTH, HEIGHT = 360, 640
TIMEOUT_MS = 20_000
NOT_ENGLISH = {"GSP", "COLD", "SHA", "PDF", "APN"}
"""Names that are the same in Chinese."""


@pytest.mark.engine
def test_a_technician_commissions_a_gateway_with_a_phone(tmp_path: Path) -> None:
    engine(Path(EXECUTABLE).name)
    with pages(tmp_path, gateway_state="ordered") as world, serving(world.app) as base:
        with _phone(base) as phone:
            page = phone.page
            card = _make_claim(page)
            _enrol(world, card, tmp_path)
            _open_checklist(page, world)
            _check_point(page, POINTS[0])
            _lose_signal(phone, world)
            _find_it_again(phone, world)
            report = _sign(page, world)
        _read_report(world, report)


@contextmanager
def _phone(base: str) -> Iterator["Phone"]:
    font = f"--blink-settings=defaultFontSize={LARGEST_FONT_PX}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=EXECUTABLE, args=[*ARGUMENTS, font]
        )
        context = browser.new_context(
            base_url=base,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            viewport={"width": WIDTH, "height": HEIGHT},
            has_touch=True,
            is_mobile=True,
        )
        context.add_cookies([{"name": "cw_session", "value": "wang", "url": base}])
        context.set_default_timeout(TIMEOUT_MS)
        errors: list[str] = []
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        phone = Phone(page, session)
        phone.signal(is_there=True)
        try:
            yield phone
            assert not errors, errors
        finally:
            browser.close()


@dataclass(frozen=True)
class Phone:
    """The technician's browser, and what decides over its signal."""

    page: Page
    session: CDPSession

    def signal(self, *, is_there: bool) -> None:
        """Give the phone a bad signal, or none; to its service worker too."""
        self.page.context.set_offline(not is_there)
        conditions = {**SLOW, "offline": not is_there}
        self.session.send("Network.emulateNetworkConditions", conditions)


def _reads_well(page: Page) -> None:
    """Fail unless the page fits the phone and says nothing in English."""
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    shown = page.locator("main").inner_text()
    without_ids = re.sub(r"[\w.-]*\d[\w.-]*", " ", shown)
    words = set(re.findall(r"[A-Za-z_]{3,}", without_ids)) - NOT_ENGLISH
    assert not words, words


def _make_claim(page: Page) -> str:
    page.goto("/work")
    expect(page.locator("h1")).to_have_text("现场工作")
    _reads_well(page)
    page.get_by_text("安装 1 台网关").click()
    expect(page.locator("#gateway")).to_have_value(GATEWAY)
    expect(page.locator("#net-ssid")).to_be_hidden()
    page.get_by_text("无线网络", exact=True).click()
    page.locator("#net-ssid").fill("药店")
    page.locator("#net-wifi_password").fill("12345678")
    _reads_well(page)
    page.get_by_role("button", name="创建入网码").click()
    expect(page.locator("#qr svg")).to_be_visible()
    _reads_well(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="下载入网文件").click()
    assert download.value.suggested_filename == "coldwarden-claim.toml"
    card = download.value.path().read_text(encoding="utf-8")
    assert 'ssid = "药店"' in card
    page.reload()  # the label is still there: the phone has kept it
    expect(page.locator("#qr svg")).to_be_visible()
    return card


def _enrol(world: World, card: str, folder: Path) -> None:
    found = re.search(r"cw1:[\w-]+", card)
    assert found
    root = OfflineRoot.create(folder / "root", "Test root", NOW_MS)
    authority = Authority.create(folder / "authority", root, "Test gateways", NOW_MS)
    cloud = enrolling.World(
        store=world.store, authority=authority, folder=folder, now_ms=NOW_MS
    )
    device = enrolling.Device(cloud, GATEWAY, Claim.parse(found[0]))
    device.certify()
    device.enrol()


def _open_checklist(page: Page, world: World) -> None:
    for point in POINTS:
        world.readings[point] = Newest(value=5.2, at_ms=NOW_MS)
    world.gateways[GATEWAY] = GatewayNow(
        heard_ms=NOW_MS, clock_offset_ms=40, power_lost_ms=NOW_MS
    )
    expect(page.get_by_text("网关已入网")).to_be_visible()
    page.get_by_role("link", name="开始调试验收").click()
    expect(page.locator("[data-point]")).to_have_count(len(POINTS))
    _reads_well(page)


def _photo() -> bytes:
    out = BytesIO()
    Image.new("RGB", (1600, 1200), "#7a8").save(out, "JPEG")
    return out.getvalue()


def _check_point(page: Page, point: str) -> None:
    box = page.locator(f'[data-point="{point}"]')
    box.locator('[data-step="-1"]').tap()
    box.get_by_role("button", name="比对").tap()
    expect(box.locator("[data-role=verdict]")).to_contain_text("相差 0.1")
    for _ in range(2):
        box.locator('[data-height-step="0.1"]').tap()
    photo = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": _photo()}
    box.locator("[data-role=photo]").set_input_files(photo)  # type: ignore[arg-type]
    expect(box.locator("[data-role=state]")).to_have_text("已完成")


def _lose_signal(phone: Phone, world: World) -> None:
    page = phone.page
    until_sync(lambda: len(read_draft(world.store, GATEWAY).steps) == STEPS, what="steps")
    expect(page.locator("#outbox")).to_have_text(re.compile("全部已发送"), timeout=TIMEOUT_MS)
    before = STEPS
    phone.signal(is_there=False)
    _check_point(page, POINTS[1])
    boxes = page.locator("[data-tick]").all()
    for box in boxes:
        box.check()
    expect(page.locator("#outbox")).to_contain_text(f"{STEPS + len(boxes)} 项已存在手机上")
    assert len(read_draft(world.store, GATEWAY).steps) == before


def _find_it_again(phone: Phone, world: World) -> None:
    page = phone.page
    page.reload()  # without signal, out of the phone's own store
    second = page.locator(f'[data-point="{POINTS[1]}"]')
    expect(second.locator("[data-role=state]")).to_have_text("已完成")
    expect(second.locator("[data-role=thumb]")).to_be_visible()
    expect(page.locator("#progress-text")).to_have_text(re.compile(r"已完成 (\d+) / \1"))
    _reads_well(page)
    phone.signal(is_there=True)
    expect(page.locator("#outbox")).to_have_text(re.compile("全部已发送"), timeout=TIMEOUT_MS)
    ticks = [step for step in read_draft(world.store, GATEWAY).steps if step["kind"] == "tick"]
    assert len(ticks) == page.locator("[data-tick]").count()


def _sign(page: Page, world: World) -> str:
    finish = page.get_by_role("button", name="签名并完成")
    finish.click()
    expect(page.locator("#sign-state")).to_have_text("请填写签名人姓名")
    page.locator("#customer").fill("李店长")
    canvas = page.locator("#signature")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 30)
    page.mouse.down()
    for i in range(30):
        page.mouse.move(box["x"] + 20 + i * 8, box["y"] + 30 + (i % 5) * 10)
    page.mouse.up()
    finish.click()
    page.wait_for_url("**/work/reports/*")
    expect(page.locator("h1")).to_have_text("调试验收报告")
    expect(page.locator(".banner.is-ok")).to_have_text("全部检查通过。")
    _reads_well(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="下载").click()
    text = "".join(p.extract_text() for p in PdfReader(download.value.path()).pages)
    assert "调试验收" in text
    assert "李店长" in text
    until_sync(lambda: _state(world, "gateway", GATEWAY) == "in_service", what="service")
    return page.url.rpartition("/")[2]


def _state(world: World, kind: str, id_: str) -> str:
    row = world.store.get(kind, id_)
    assert row
    return row.text("state")


def _read_report(world: World, report: str) -> None:
    row = world.store.get("report", report)
    assert row
    assert row.text("report_kind") == "commissioning"
    assert [_state(world, "point", point) for point in POINTS] == ["in_service"] * 2
    point = world.store.get("point", POINTS[0])
    assert point
    assert point.real("height_m") == pytest.approx(1.6)
    signature = world.files.get(row.text("signature"))
    assert signature
    assert base64.b64encode(signature[1:4]) == b"UE5H"  # PNG
