"""The pages in a real Chromium: drawn, live, in two languages, and provable."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from cloud.pages.routes import pages_router
from dashboards.catalogue import catalogue
from dashboards.models import ChangedUpdate, Lang
from dashboards.wording import Wording, zone_or_utc
from tests.support.chromium import Viewer, chromium, visit
from tests.support.open_access import open_to_everybody
from tests.support.pages import FakePages, two_pharmacies
from tests.support.wait import until_sync
from tests.support.web_server import serving

pytestmark = pytest.mark.engine

COLOURS = """(args) => {
  const [name, x0, x1] = args;
  const {plot} = coldwardenChart;
  const want = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const [r, g, b] = [1, 3, 5].map(i => parseInt(want.slice(i, i + 2), 16));
  const left = Math.ceil(plot.valToPos(x0, 'x', true));
  const right = Math.floor(plot.valToPos(x1, 'x', true));
  const copy = new OffscreenCanvas(plot.ctx.canvas.width, plot.ctx.canvas.height);
  const ctx = copy.getContext('2d', {willReadFrequently: true});
  ctx.drawImage(plot.ctx.canvas, 0, 0);
  const {data} = ctx.getImageData(left, plot.bbox.top, right - left, plot.bbox.height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4) {
    const off = [data[i] - r, data[i + 1] - g, data[i + 2] - b];
    if (off.every(difference => Math.abs(difference) < 12)) found++;
  }
  return found;
}"""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def source() -> FakePages:
    return two_pharmacies(now_ms)


@pytest.fixture
def base(source: FakePages) -> Iterator[str]:
    app = FastAPI(openapi_url=None)
    app.include_router(pages_router(source, now_ms))
    open_to_everybody(app)
    with serving(app) as address:
        yield address


def chart_is_drawn(page: Page) -> None:
    page.wait_for_function("() => window.coldwardenChart && coldwardenChart.plot.status === 1")


def live(page: Page) -> None:
    expect(page.locator("#live.is-on")).to_be_visible()


def test_the_first_page_is_live(browser: Browser, base: str, source: FakePages) -> None:
    with visit(browser, base) as page:
        page.goto("/")
        live(page)
        expect(page.locator(".verdict")).to_have_text("断网补传中：12 个数据包在途，0 丢失")
        value = page.locator('[data-point="fridge-2-t"] [data-role=value]')
        expect(value).to_have_text("9.4")
        source.add("fridge-2-t", now_ms(), 9.7)
        expect(value).to_have_text("9.7")
        expect(page.locator('[data-point-age="fridge-2-t"]')).to_have_text("刚刚")


def test_an_alarm_that_ends_leaves_the_open_page_by_itself(
    browser: Browser, base: str, source: FakePages
) -> None:
    with visit(browser, base) as page:
        page.goto("/")
        live(page)
        expect(page.locator(".alarm")).to_have_count(4)
        source.alarms = source.alarms[1:]
        source.counts = replace(source.counts, missing=0)
        source.viewers.publish(ChangedUpdate())
        expect(page.locator(".alarm")).to_have_count(3)
        expect(page.locator(".verdict")).to_have_text("0 丢失，0 重复，全部核验通过")


def test_the_chart_has_a_line_bands_and_a_hole_where_nothing_was_measured(
    browser: Browser, base: str
) -> None:
    with visit(browser, base) as page:
        page.goto("/points/fridge-1-t")
        chart_is_drawn(page)
        ((hole_from, hole_to),) = page.evaluate("coldwardenChart.holes()")
        start, end = page.evaluate("[coldwardenChart.xs[0], coldwardenChart.xs.at(-1)]")
        edge = (hole_to - hole_from) // 10
        before = page.evaluate(COLOURS, ["--accent", start, hole_from])
        inside = page.evaluate(COLOURS, ["--accent", hole_from + edge, hole_to - edge])
        limits = page.evaluate(COLOURS, ["--alarm", start, end])
        assert before > 200
        assert inside == 0
        assert limits > 400


def test_a_live_reading_is_drawn_and_a_late_one_closes_the_hole(
    browser: Browser, base: str, source: FakePages
) -> None:
    with visit(browser, base) as page:
        page.goto("/points/fridge-1-t")
        chart_is_drawn(page)
        live(page)
        at_ms = now_ms()
        source.add("fridge-1-t", at_ms, 6.6)
        page.wait_for_function("at => coldwardenChart.xs.at(-1) === at", arg=at_ms)
        expect(page.locator(".point-now .number")).to_have_text("6.6")
        ((hole_from, hole_to),) = page.evaluate("coldwardenChart.holes()")
        for late_ms in range(hole_from + 10_000, hole_to, 10_000):
            source.add("fridge-1-t", late_ms, 5.0)
        page.wait_for_function("() => coldwardenChart.holes().length === 0")
        expect(page.locator(".point-now .number")).to_have_text("6.6")


def hover(page: Page, at_ms: int) -> None:
    over = page.locator("#chart .u-over")
    left = page.evaluate("at => coldwardenChart.plot.valToPos(at, 'x')", at_ms)
    over.hover(position={"x": left, "y": 60})


def test_the_badge_opens_the_proof_of_the_reading_under_the_cursor(
    browser: Browser, base: str, source: FakePages
) -> None:
    at_ms, value = source.readings["fridge-1-t"][40]
    with visit(browser, base) as page:
        page.goto("/points/fridge-1-t")
        chart_is_drawn(page)
        hover(page, at_ms)
        expect(page.locator("#readout")).to_contain_text(f"{value:.1f} °C")
        page.locator("#chart .u-over").click(
            position={
                "x": page.evaluate("at => coldwardenChart.plot.valToPos(at, 'x')", at_ms),
                "y": 60,
            }
        )
        page.locator("#proof-badge").click()
        proof = page.locator("#proof-dialog #proof")
        expect(proof).to_contain_text(f"{value:.1f} °C")
        expect(proof.locator(".proof-time time")).to_have_attribute("data-clock", str(at_ms))
        expect(proof.locator("#browser-check.is-ok strong")).to_have_text("通过")
        page.keyboard.press("Escape")
        expect(proof).to_be_hidden()


def test_in_a_hole_there_is_nothing_to_prove(browser: Browser, base: str) -> None:
    with visit(browser, base) as page:
        page.goto("/points/fridge-1-t")
        chart_is_drawn(page)
        ((hole_from, hole_to),) = page.evaluate("coldwardenChart.holes()")
        hover(page, (hole_from + hole_to) // 2)
        expect(page.locator("#readout")).to_contain_text("数据缺失")
        expect(page.locator("#proof-badge")).to_be_hidden()


def test_a_forged_proof_fails_in_the_viewers_browser(
    browser: Browser, base: str, source: FakePages
) -> None:
    forgeries: list[dict[str, object]] = [
        {"run_lo": 1},
        {"leaf_hash": "00" * 32},
        {"leaf_batch_sha256": "00" * 32},
        {"root": "00" * 32},
        {"path": ()},
        {"leaf_index": 12},
    ]
    with visit(browser, base) as page:
        for forgery in [{}, *forgeries]:
            source.forgery = forgery
            page.goto(f"/proof/fridge-1-t?t={now_ms()}")
            result = page.locator("#browser-check[class*=is-a], #browser-check.is-ok")
            expect(result.locator("strong")).to_have_text("不通过" if forgery else "通过")


def test_the_keyboard_reaches_every_reading_and_its_proof(
    browser: Browser, base: str, source: FakePages
) -> None:
    with visit(browser, base) as page:
        page.goto("/points/fridge-1-t?lang=en")
        chart_is_drawn(page)
        page.locator("#chart").focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        at_ms, value = source.readings["fridge-1-t"][-2]
        expect(page.locator("#readout")).to_contain_text(f"{value:.1f} °C")
        page.keyboard.press("Enter")
        expect(page.locator("#proof-dialog h1")).to_have_text("Proof of a reading")
        expect(page.locator("#proof .proof-time time")).to_have_attribute(
            "data-clock", str(at_ms)
        )


def test_the_language_switch_keeps_page_and_choice(browser: Browser, base: str) -> None:
    with visit(browser, base) as page:
        page.goto("/points/fridge-1-t?range=21600")
        expect(page.locator("h1")).to_have_text("1 号冰箱 温度")
        page.locator(".language").click()
        expect(page.locator("h1")).to_have_text("Fridge 1 temperature")
        expect(page.locator('.ranges [aria-current="true"]')).to_have_text("6 h")
        page.goto("/")
        expect(page.locator("#alarms-title")).to_contain_text("Open alarms")


def test_times_are_in_the_viewers_zone_and_on_24_hours(browser: Browser, base: str) -> None:
    with visit(browser, base, Viewer(locale="en-GB", timezone="America/New_York")) as page:
        page.goto("/points/fridge-2-t")
        expect(page.locator("#zone")).to_have_text("America/New_York")
        shown = page.locator(".alarm-when [data-clock]").first
        since_ms = int(shown.get_attribute("data-clock") or 0)
        expected = wording(Lang.EN, "America/New_York").clock(since_ms)
        assert shown.text_content() == expected
        page.reload()
        assert page.locator("body").get_attribute("data-zone") == "America/New_York"


def wording(lang: Lang, tz: str) -> Wording:
    return Wording(catalogue(lang), zone_or_utc(tz), now_ms())


@pytest.mark.parametrize("lang", Lang)
def test_scripts_and_server_write_ages_and_values_alike(
    browser: Browser, base: str, lang: Lang
) -> None:
    agos_s = [0, 1, 2, 45, 89, 90, 5399, 5400, 172_799, 172_800, 9_000_000]
    with visit(browser, base) as page:
        page.goto(f"/?lang={lang}")
        ages = page.evaluate(
            "agos => agos.map(s => coldwarden.age(coldwarden.nowMs() - s * 1000 - 300))", agos_s
        )
        words = wording(lang, "UTC")
        at_ms = now_ms()
        server = Wording(catalogue(lang), zone_or_utc("UTC"), at_ms)
        assert ages == [server.age(at_ms - s * 1000 - 300) for s in agos_s]
        values = page.evaluate(
            "() => [[-10.1, 'temperature', 1], [1, 'door', 0], [null, 'temperature', 1]]"
            ".map(args => coldwarden.amount(...args))"
        )
        assert values == ["-10.1", words.t("value.door_1"), "—"]


def test_a_lost_stream_is_shown_and_what_was_missed_is_read_again(
    browser: Browser, base: str, source: FakePages
) -> None:
    with visit(browser, base) as page:
        page.goto("/points/fridge-1-t")
        chart_is_drawn(page)
        live(page)
        with source.viewers._lock:
            ((loop, queue),) = source.viewers._open.values()
        loop.call_soon_threadsafe(queue.put_nowait, None)
        until_sync(lambda: source.viewers.count == 0)
        at_ms = now_ms()
        source.readings["fridge-1-t"].append((at_ms, 6.9))
        page.wait_for_function("at => coldwardenChart.xs.at(-1) === at", arg=at_ms)
        live(page)


@pytest.mark.parametrize("address", ["/", "/sites/chs-001", "/points/fridge-1-t"])
def test_a_phone_shows_everything_without_scrolling_sideways(
    browser: Browser, base: str, address: str
) -> None:
    with visit(browser, base, Viewer(width=360, height=740)) as page:
        page.goto(address)
        live(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        too_small = page.evaluate(
            "() => [...document.querySelectorAll('main *')].filter(n => n.childNodes.length &&"
            " [...n.childNodes].some(c => c.nodeType === 3 && c.data.trim()) &&"
            " parseFloat(getComputedStyle(n).fontSize) < 12).map(n => n.className)"
        )
        assert too_small == []
