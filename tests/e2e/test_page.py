"""The real page over the real programs, in a real browser, from the sites to a proof."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from simulators.demo_stage import Stage
from simulators.enrolled import PASSWORD, USER
from simulators.installation import GATEWAY, Installation
from tests.support.chromium import EXECUTABLE, Viewer, chromium, visit
from tests.support.engines import engine

POINT = "/points/chs-001-01"
START_TIMEOUT_S = 60
WARMING_MS = 30_000


@pytest.mark.engine
async def test_a_person_goes_from_the_sites_to_the_proof_of_a_reading(tmp_path: Path) -> None:
    engine(Path(EXECUTABLE).name)
    async with Stage(folder=tmp_path) as stage:
        await stage.until(
            lambda: stage.cloud_status().get("batches", 0) >= 3, START_TIMEOUT_S, "batches"
        )
        stage.site.hold_door("fridge-1", 900)
        await asyncio.to_thread(_walk, stage.installation)


def _walk(built: Installation) -> None:
    who = Viewer(locale="en-GB", headers=built.as_operator)
    with chromium() as browser, visit(browser, built.url, who) as page:
        _sites(page)
        _point(page)
        _proof(page)
        _other_language(page)
    with chromium() as browser, visit(browser, built.url, Viewer(locale="zh-CN")) as page:
        _acknowledge(page)


def _sites(page: Page) -> None:
    page.goto("/")
    expect(page.locator(".verdict")).to_contain_text("0 lost")
    expect(page.locator(".point")).to_have_count(12)
    value = page.locator('[data-point="chs-001-01"] [data-role=value]')
    before = value.inner_text()
    expect(value).not_to_have_text(before, timeout=WARMING_MS)
    page.get_by_role("link", name="Refrigerator 1 temperature").first.click()
    expect(page).to_have_url(re.compile(f"{POINT}$"))


def _point(page: Page) -> None:
    expect(page.locator("#chart canvas")).to_be_visible()
    # A function: a bare expression would be evaluated as text, which the page forbids.
    page.wait_for_function("() => coldwardenChart.ys.filter(y => y !== null).length > 5")
    expect(page.locator(".alarm.is-alarm")).to_contain_text("Above 8 °C", timeout=WARMING_MS)
    expect(page.locator(".alarm.is-alarm .clause")).to_contain_text("GSP")


def _proof(page: Page) -> None:
    page.locator("#chart").focus()
    for _ in range(4):  # to a reading whose batch has its receipt
        page.keyboard.press("ArrowLeft")
    page.locator("#proof-badge").click()
    expect(page.locator("#proof-dialog .check")).to_have_count(6)
    expect(page.locator("#proof-dialog .check.is-ok")).to_have_count(6)
    page.keyboard.press("Escape")


def _acknowledge(page: Page) -> None:
    """See an alarm as a person does, and find it acknowledged once the archive has it."""
    page.goto("/login")
    page.locator("[name=login]").fill(USER)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.goto("/")
    waiting = page.locator(".alarm form").first
    expect(waiting).to_be_visible(timeout=WARMING_MS)
    alarm = waiting.locator("[name=alarm]").input_value()
    waiting.get_by_role("button", name="确认").click()
    # It is acknowledged, or cleared when it had returned; this very one waits no more.
    expect(page.locator(f'[name=alarm][value="{alarm}"]')).to_have_count(0)


def _other_language(page: Page) -> None:
    page.locator(".language").click()
    expect(page.locator("h1")).to_have_text("冷藏柜 1 号 温度")
    shown = page.locator("main").inner_text().replace(GATEWAY, "")
    words = set(re.findall(r"[A-Za-z]{3,}", shown)) - {"GSP", "COLD"}
    assert not words, words
