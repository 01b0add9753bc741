"""An alarm is acknowledged on the page, by who may, once, and in its own name."""

import re

import pytest

from tests.support.access_site import AccessSite, Browser
from tests.support.people import OTHER, person

SITE = "/sites/chs-001"
ACTION = f"{SITE}/acknowledge"
WAITING = f"{0:032x}"
ACKNOWLEDGED = f"{1:032x}"
ELSEWHERE = f"{2:032x}"
BUTTON = re.compile(r'name="alarm" value="(\w+)"')


async def signed_in(place: AccessSite, role: str, **more: str) -> Browser:
    person(place.accounts, "li", role, **more)
    browser = place.browser()
    answer = await browser.log_in("li")
    assert answer.status_code == 303
    return browser


async def test_who_may_is_offered_what_waits_and_its_name_is_kept(place: AccessSite) -> None:
    li = await signed_in(place, "keeper")
    html = (await li.get(SITE)).text
    offered = BUTTON.findall(html)
    assert WAITING in offered
    assert ACKNOWLEDGED not in offered
    assert "确认</button>" in html
    answer = await li.post(ACTION, SITE, alarm=WAITING, next="/points/fridge-2-t")
    assert (answer.status_code, answer.headers["location"]) == (303, "/points/fridge-2-t")
    assert place.pages.acknowledged == [(WAITING, "li")]
    assert WAITING not in BUTTON.findall((await li.get(SITE)).text)


@pytest.mark.parametrize("alarm", [ACKNOWLEDGED, ELSEWHERE, "x", ""])
async def test_what_does_not_wait_here_is_left_alone(place: AccessSite, alarm: str) -> None:
    li = await signed_in(place, "keeper")
    answer = await li.post(ACTION, SITE, alarm=alarm, next="//evil.example")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert place.pages.acknowledged == []


async def test_who_may_not_is_offered_nothing_and_refused(place: AccessSite) -> None:
    li = await signed_in(place, "receiver")
    assert BUTTON.findall((await li.get(SITE)).text) == []
    answer = await li.post(ACTION, SITE, alarm=WAITING)
    assert answer.status_code in {403, 404}
    assert place.pages.acknowledged == []


async def test_a_site_of_another_firm_is_not_there(place: AccessSite) -> None:
    li = await signed_in(place, "keeper", firm=OTHER)
    answer = await li.post(ACTION, "/me", alarm=WAITING)
    assert answer.status_code == 404
    assert place.pages.acknowledged == []


async def test_a_forged_form_acknowledges_nothing(place: AccessSite) -> None:
    li = await signed_in(place, "keeper")
    answer = await li.post(ACTION, alarm=WAITING)
    assert answer.status_code == 403
    assert place.pages.acknowledged == []
