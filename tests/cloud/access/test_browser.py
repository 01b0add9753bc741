"""The first log-in of a new person in a real Chromium, on a small phone with large letters."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from device_registry.accounts import totp
from device_registry.accounts.people import NewAccount, NewGrant
from tests.support.access_site import AccessSite
from tests.support.chromium import ARGUMENTS, EXECUTABLE, Viewer, visit
from tests.support.people import SETUP
from tests.support.web_server import serving

pytestmark = pytest.mark.engine

PASSWORD = "another good one 42"
PHONE = Viewer(width=360, height=640)


@contextmanager
def large_letters() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = [*ARGUMENTS, "--blink-settings=defaultFontSize=26"]
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=arguments)
        yield browser
        browser.close()


def assert_nothing_is_cut_off(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360, f"{page.url} is {wide} px wide"


def test_a_new_person_comes_in_changes_the_password_and_takes_a_second_factor(
    place: AccessSite, tmp_path: Path
) -> None:
    place.now_ms = time.time_ns() // 1_000_000
    new = NewAccount(id="li", name="李华", organisation="chs")
    once = place.accounts.people.add(SETUP, new, place.now_ms)
    grant = NewGrant(account="li", role="quality_head", organisation="chs")
    place.accounts.people.grant(SETUP, grant, place.now_ms)
    with (
        serving(place.app()) as base,
        large_letters() as browser,
        visit(browser, base, PHONE) as page,
    ):
        page.goto("/login?next=/me")
        assert_nothing_is_cut_off(page)
        page.get_by_label("登录名").fill("li")
        page.get_by_label("密码").fill(once)
        page.screenshot(path=tmp_path / "login.png", full_page=True)
        page.get_by_role("button", name="登录").click()
        expect(page.get_by_text("当前密码由他人设置")).to_be_visible()
        assert_nothing_is_cut_off(page)
        page.locator("#field-password").fill(PASSWORD)
        page.get_by_label("再输一次新密码").fill(PASSWORD)
        page.get_by_role("button", name="保存").first.click()
        expect(page.get_by_text("密码已更改")).to_be_visible()
        expect(page.get_by_text("启用动态口令后生效")).to_be_visible()
        page.screenshot(path=tmp_path / "me.png", full_page=True)
        secret = page.locator("input[name=secret]").input_value()
        page.get_by_label("动态口令（6 位数字）").fill(totp.code_at(secret, place.now_ms))
        page.get_by_role("button", name="启用").click()
        expect(page.get_by_role("status").first).to_have_text("动态口令已启用。")
        expect(page.get_by_text("启用动态口令后生效")).to_have_count(0)
        page.get_by_role("button", name="退出登录").click()
        expect(page.get_by_role("heading", name="登录", exact=True)).to_be_visible()
