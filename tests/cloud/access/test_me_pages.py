"""`cloud.access.me_pages`: what people do with their own account."""

import re

import pytest

from device_registry.accounts import totp
from device_registry.accounts.people import NewAccount
from tests.support.access_site import AccessSite
from tests.support.people import NOW_MS, PASSWORD, SETUP, person

NEW = "another good one 42"


async def test_a_one_time_password_opens_nothing_until_it_is_changed(
    place: AccessSite,
) -> None:
    new = NewAccount(id="li", name="李华", organisation="chs")
    once = place.accounts.people.add(SETUP, new, NOW_MS)
    browser = place.browser()
    assert (await browser.log_in("li", once)).headers["location"] == "/me"
    assert "当前密码由他人设置" in (await browser.get("/me")).text
    changed = await browser.post("/me/password", "/me", password=NEW, again=NEW)
    assert changed.headers["location"] == "/me?done=password"
    assert "密码已更改" in (await browser.get("/me?done=password")).text
    assert (await place.browser().log_in("li", NEW)).headers["location"] == "/"


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        (NEW, NEW + "x", "两次输入的密码不同"),
        ("short", "short", "10 至 256 个字符"),
        ("aaaaaaaaaaaa", "aaaaaaaaaaaa", "密码太简单"),
    ],
)
async def test_a_bad_password_is_refused_in_words(
    place: AccessSite, password: str, again: str, told: str
) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    await browser.log_in("li")
    answer = await browser.post("/me/password", "/me", password=password, again=again)
    assert answer.status_code == 403
    assert told in answer.text


async def test_a_new_password_logs_the_other_devices_out(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    here, there = place.browser(), place.browser()
    await here.log_in("li")
    await there.log_in("li")
    await here.post("/me/password", "/me", password=NEW, again=NEW)
    assert (await here.get("/me")).status_code == 200
    assert (await there.get("/me")).status_code == 303


async def test_a_second_factor_wakes_the_roles_that_need_it(place: AccessSite) -> None:
    person(place.accounts, "li", "quality_head")
    browser = place.browser()
    await browser.log_in("li")
    html = (await browser.get("/me")).text
    assert "启用动态口令后生效" in html
    assert "data:image/svg" in html
    secret = re.findall(r'name="secret" value="([A-Z2-7]+)"', html)[0]
    code = totp.code_at(secret, NOW_MS)
    wrong = await browser.post("/me/totp", "/me", secret=secret, code="000000")
    assert "动态口令不对" in wrong.text
    taken = await browser.post("/me/totp", "/me", secret=secret, code=code)
    assert taken.headers["location"] == "/me?done=totp"
    assert "启用动态口令后生效" not in (await browser.get("/me")).text
    assert "请再填入动态口令" in (await place.browser().log_in("li")).text


async def test_a_phone_is_confirmed_by_the_code_that_came_to_it(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    await browser.log_in("li")
    await browser.post("/me/phone", "/me", phone="138 0000 0000")
    ((number, code),) = place.sms.sent
    wrong = await browser.post("/me/phone", "/me", phone=number, sms="x")
    assert "动态码不对" in wrong.text
    taken = await browser.post("/me/phone", "/me", phone=number, sms=code)
    assert taken.headers["location"] == "/me?done=phone"
    row = place.accounts.store.get("account", "li")
    assert row is not None
    assert (row.text("phone"), row.number("phone_verified_ms")) == (number, NOW_MS)


async def test_a_script_is_told_its_token(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    assert (await browser.get("/api/session")).status_code == 401
    await browser.log_in("li")
    told = (await browser.get("/api/session")).json()
    assert told["account"] == "li"
    headers = {"X-CSRF-Token": told["csrf"]}
    answer = await browser.client.post("/logout", headers=headers)
    assert answer.status_code == 303


async def test_the_language_is_remembered(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    await browser.log_in("li")
    await browser.post("/me/language", "/me", lang="en")
    html = (await browser.get("/me")).text
    assert "My account" in html
    row = place.accounts.store.get("account", "li")
    assert row is not None
    assert row.text("lang") == "en"


async def test_every_change_names_who_made_it(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    await browser.log_in("li")
    await browser.post("/me/password", "/me", password=NEW, again=NEW)
    (last,) = place.accounts.store.latest(kind="account", id="li", limit=1)
    assert (last.actor, last.via, last.why) == ("li", "web", "new password")
    assert PASSWORD not in str(last)
