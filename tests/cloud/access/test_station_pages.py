"""`cloud.access.station_pages` and `handover_pages`: one screen, many people."""

from dashboards.models import AlarmKind, AlarmView, Name
from device_registry.accounts import totp
from device_registry.accounts.people import NewGrant
from device_registry.accounts.session import STATION_IDLE_MS
from domain.alarms.state import AlarmState
from domain.rules.model import Severity
from tests.support.access_site import AccessSite, Browser
from tests.support.people import NOW_MS, OTHER, PASSWORD, SETUP, person

PIN = "482913"
ALARM = AlarmView(
    kind=AlarmKind.SILENT,
    state=AlarmState.UNACKNOWLEDGED,
    severity=Severity.ALARM,
    since_ms=NOW_MS - 60_000,
    site="chs-001",
    site_name=Name(zh="站点", en="Site"),
    gateway="gw-chs-001",
)


async def station(place: AccessSite) -> Browser:
    """Return a browser that the head of quality made the station of a shop."""
    secret = totp.new_secret()
    code = totp.code_at(secret, NOW_MS)
    head = person(place.accounts, "head", "quality_head")
    place.accounts.people.confirm_totp(SETUP, head, secret, code, NOW_MS)
    browser = place.browser()
    await browser.log_in(head, code=code)
    made = await browser.post("/station", "/station", site="chs-001", label="柜台")
    assert made.headers["location"] == "/station"
    assert "柜台" in (await browser.get("/station")).text
    return browser


async def keeper(place: AccessSite, id_: str, badge: str = "") -> str:
    person(place.accounts, id_, "keeper")
    place.accounts.people.set_pin(SETUP, id_, PIN, NOW_MS)
    if badge:
        place.accounts.people.set_badge(SETUP, id_, badge, NOW_MS)
    return id_


async def test_the_person_changes_by_badge_and_by_pin(place: AccessSite) -> None:
    browser = await station(place)
    await keeper(place, "li", "0012345678")
    await keeper(place, "wang")
    by_badge = await browser.post("/station/switch", "/station", badge="0012345678")
    assert by_badge.headers["location"] == "/sites/chs-001"
    assert (await browser.get("/api/session")).json()["account"] == "li"
    by_pin = await browser.post("/station/switch", "/station", login="wang", pin=PIN)
    assert by_pin.status_code == 303
    assert (await browser.get("/api/session")).json()["account"] == "wang"
    place.now_ms += STATION_IDLE_MS
    assert (await browser.get("/api/session")).status_code == 401


async def test_a_station_is_ended_by_who_may_make_one(place: AccessSite) -> None:
    browser = await station(place)
    person(place.accounts, "seller", "shop_assistant")
    place.accounts.people.set_pin(SETUP, "seller", PIN, NOW_MS)
    await browser.post("/station/switch", "/station", login="seller", pin=PIN)
    assert (await browser.post("/station/end", "/me")).status_code == 404
    head = await browser.post("/login", "/login", login="head", password=PASSWORD)
    assert head.status_code == 403  # the second factor is asked for at a station too
    place.now_ms += 60_000
    code = totp.code_at(totp_of(place, "head"), place.now_ms)
    await browser.post("/login", "/login", login="head", password=PASSWORD, code=code)
    ended = await browser.post("/station/end", "/station")
    assert ended.headers["location"] == "/station"
    assert "不是共用工作站" in (await browser.get("/station")).text


def totp_of(place: AccessSite, account: str) -> str:
    row = place.accounts.store.get("account", account)
    assert row is not None
    return row.text("totp_secret")


async def test_a_wrong_pin_changes_nobody(place: AccessSite) -> None:
    browser = await station(place)
    await keeper(place, "li")
    await keeper(place, "wang")
    await browser.post("/station/switch", "/station", login="wang", pin=PIN)
    wrong = await browser.post("/station/switch", "/station", login="li", pin="000000")
    assert wrong.status_code == 403
    assert "工牌、个人识别码不对" in wrong.text
    assert (await browser.get("/api/session")).json()["account"] == "wang"


async def test_a_browser_that_is_no_station_changes_nobody(place: AccessSite) -> None:
    await keeper(place, "li")
    answer = await place.browser().post("/station/switch", login="li", pin=PIN)
    assert answer.headers["location"] == "/station"


async def test_only_who_edits_people_there_makes_a_station(place: AccessSite) -> None:
    person(place.accounts, "li", "keeper")
    browser = place.browser()
    await browser.log_in("li")
    answer = await browser.post("/station", "/me", site="chs-001", label="柜台")
    assert answer.status_code == 404


async def test_a_shift_is_handed_over_by_two_signatures(place: AccessSite) -> None:
    await keeper(place, "li")
    await keeper(place, "wang")
    browser = place.browser(open_alarms=lambda _site: (ALARM,))
    await browser.log_in("li")
    page = "/handover/chs-001"
    assert "网关失联" in (await browser.get(page)).text
    signed = await browser.post(
        page, page, secret=PASSWORD, taker=" Wang", taker_secret=PIN, remark="夜班"
    )
    assert "完成交接" in signed.text
    (record,) = place.accounts.store.find("change_record", where={"site": "chs-001"})
    assert record.text("signed_by") == "li, wang"
    document = record.maybe("document")
    assert isinstance(document, dict)
    assert document["taken_over_by"] == {"account": "wang", "name": "人员 wang"}
    assert document["alarms"][0]["gateway"] == "gw-chs-001"
    (entry,) = place.accounts.store.latest(kind="change_record", limit=1)
    assert (entry.actor, entry.role) == ("li", "keeper")


async def test_a_hand_over_takes_two_people_with_the_right_to_it(place: AccessSite) -> None:
    await keeper(place, "li")
    await keeper(place, "wang")
    person(place.accounts, "seller", "shop_assistant")
    person(place.accounts, "mei", "keeper", firm=OTHER)
    browser = place.browser()
    await browser.log_in("li")
    page = "/handover/chs-001"

    async def hand_over(taker: str, secret: str, taker_secret: str) -> int:
        form = {"taker": taker, "secret": secret, "taker_secret": taker_secret}
        return (await browser.post(page, page, **form)).status_code

    assert await hand_over("li", PASSWORD, PASSWORD) == 403
    assert await hand_over("wang", "wrong", PIN) == 403
    assert await hand_over("wang", PASSWORD, "wrong") == 403
    assert await hand_over("seller", PASSWORD, PASSWORD) == 403
    assert await hand_over("mei", PASSWORD, PASSWORD) == 403
    assert place.accounts.store.count("change_record") == 0
    assert (await browser.get("/handover/hengda-001")).status_code == 404


async def test_who_takes_over_may_hold_the_right_at_this_site_only(place: AccessSite) -> None:
    await keeper(place, "li")
    person(place.accounts, "wang")
    place.accounts.people.set_pin(SETUP, "wang", PIN, NOW_MS)
    new = NewGrant(account="wang", role="custodian", organisation="chs-1")
    place.accounts.people.grant(SETUP, new, NOW_MS)
    browser = place.browser()
    await browser.log_in("li")
    page = "/handover/chs-001"
    form = {"secret": PASSWORD, "taker": "wang", "taker_secret": PIN}
    assert "完成交接" in (await browser.post(page, page, **form)).text
