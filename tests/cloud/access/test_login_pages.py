"""`cloud.access.login_pages` and `door`: in, out, and in again."""

import pytest

from cloud.access.gate import COOKIE
from device_registry.accounts import totp
from device_registry.accounts.session import ABSOLUTE_MS, FRESH_MS, IDLE_MS
from tests.support.access_site import AccessSite
from tests.support.people import NOW_MS, PASSWORD, SETUP, person

PHONE = "13800000000"


async def test_the_right_password_leads_where_one_wanted_to_go(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    assert 'name="password"' in (await browser.get("/login?next=/sites/chs-001")).text
    answer = await browser.log_in("li", next="/sites/chs-001")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sites/chs-001"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert f"Max-Age={ABSOLUTE_MS // 1000}" in cookie
    assert (await browser.get("/me")).status_code == 200


async def test_away_from_the_loopback_the_cookie_goes_over_tls_only(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    form = {"login": "li", "password": PASSWORD}
    url = "http://cloud.example/login"
    answer = await place.browser().client.post(url, data=form)
    assert "Secure" in answer.headers["set-cookie"]


async def test_nobody_is_sent_to_another_server(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    answer = await place.browser().log_in("li", next="https://evil.example/")
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("login", ["li", "nobody"])
async def test_what_is_wrong_is_not_told(place: AccessSite, login: str) -> None:
    person(place.accounts, "li", "keeper")
    answer = await place.browser().log_in(login, "wrong")
    assert answer.status_code == 403
    assert "登录名、密码或动态口令不对" in answer.text
    assert "wrong" not in answer.text


async def test_a_locked_login_is_told_until_when(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    for _ in range(5):
        await browser.log_in("li", "wrong")
    answer = await browser.log_in("li")
    assert "已暂时锁定" in answer.text


async def test_a_second_factor_is_asked_for(place: AccessSite) -> None:
    person(place.accounts, "li", "quality_head")
    secret = totp.new_secret()
    code = totp.code_at(secret, NOW_MS)
    place.accounts.people.confirm_totp(SETUP, "li", secret, code, NOW_MS)
    browser = place.browser()
    assert "请再填入动态口令" in (await browser.log_in("li")).text
    assert (await browser.log_in("li", code=code)).status_code == 303


async def test_a_log_in_gives_a_new_cookie_and_ends_the_session_before(
    place: AccessSite,
) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    cookies = []
    for _ in range(2):
        await browser.post("/login", "/login", login="li", password=PASSWORD)
        cookies.append(browser.client.cookies[COOKIE])
    first, second = cookies
    assert first != second
    assert place.accounts.sessions.find(first, NOW_MS) is None


async def test_a_session_ends_when_it_is_not_used_or_is_ended(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    await browser.log_in("li")
    place.now_ms += IDLE_MS
    assert (await browser.get("/me")).headers["location"] == "/login?next=/me"
    await browser.log_in("li")
    left = await browser.post("/logout", "/me")
    assert left.headers["location"] == "/login"
    assert (await browser.get("/me")).status_code == 303


async def test_a_form_from_elsewhere_does_nothing(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    await browser.log_in("li")
    assert (await browser.post("/logout")).status_code == 403
    form = {"login": "li", "password": PASSWORD}
    headers = {"Origin": "https://evil.example"}
    planted = await browser.client.post("/login", data=form, headers=headers)
    assert planted.status_code == 403
    assert (await browser.get("/me")).status_code == 200


async def test_who_signs_proves_again_who_it_is(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    await browser.log_in("li")
    place.now_ms += FRESH_MS
    form = {"pin": "482913"}
    stale = await browser.post("/me/pin", "/me", **form)
    assert stale.headers["location"] == "/login/again?next=/me"
    again = "/login/again?next=/me"
    wrong = await browser.post("/login/again", again, password="wrong", next="/me")
    assert wrong.status_code == 403
    proven = await browser.post("/login/again", again, password=PASSWORD, next="/me")
    assert proven.headers["location"] == "/me"
    saved = await browser.post("/me/pin", "/me", **form)
    assert saved.headers["location"] == "/me?done=pin"


async def test_a_code_by_sms_comes_in(place: AccessSite) -> None:
    place.accounts.people.set_phone(SETUP, person(place.accounts, "li"), PHONE, NOW_MS)
    browser = place.browser()
    shown = await browser.post("/login/sms", phone=PHONE)
    assert "动态码已经发出" in shown.text
    ((number, code),) = place.sms.sent
    assert number == "+8613800000000"
    assert code not in shown.text
    answer = await browser.post("/login/sms/code", phone=PHONE, code=code)
    assert answer.status_code == 303
    assert (await browser.get("/me")).status_code == 200


async def test_a_number_that_nobody_has_is_answered_alike(place: AccessSite) -> None:
    place.accounts.people.set_phone(SETUP, person(place.accounts, "li"), PHONE, NOW_MS)
    known = await place.browser().post("/login/sms", phone=PHONE)
    unknown = await place.browser().post("/login/sms", phone="13800000001")
    assert known.text == unknown.text.replace("13800000001", "13800000000")
    assert len(place.sms.sent) == 1
    wrong = await place.browser().post("/login/sms/code", phone=PHONE, code="x")
    assert "动态码不对或已过期" in wrong.text


async def test_without_a_gateway_for_messages_another_way_is_named(place: AccessSite) -> None:
    browser = place.browser(sms=None)
    assert "短信登录" not in (await browser.get("/login")).text
    assert "请改用其他登录方式" in (await browser.post("/login/sms", phone=PHONE)).text
