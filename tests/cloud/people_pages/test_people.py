"""`cloud.people_pages.people`: who sees whom, who gives what, and who manages whose account."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

from device_registry.access.action import Action
from device_registry.accounts.outcome import Accepted
from device_registry.accounts.people import NewGrant
from device_registry.accounts.session import FRESH_MS
from device_registry.accounts.sms_code import DAY_MS
from tests.support.people import NOW_MS, OTHER, PASSWORD, SETUP, person
from tests.support.people_site import PeopleSite

WHY = "王店长申请"


async def test_the_list_holds_who_lies_within_the_scope_and_a_search_tells_no_more(
    site: PeopleSite,
) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li", "keeper")
    person(site.accounts, "mei", "keeper", firm=OTHER)
    html = (await head.get("/people")).text
    assert "人员 li" in html
    assert "养护员" in html
    assert "mei" not in html
    assert "没有符合条件的人员" in (await head.get("/people?q=mei")).text
    assert (await head.get("/people/li")).status_code == 200
    foreign = await head.get("/people/mei")
    assert foreign.status_code == 404
    assert foreign.content == (await head.get("/people/nobody")).content


async def test_a_new_person_gets_a_password_that_is_shown_once(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    form = {"login": "wang", "name": "王芳", "organisation": "chs-1", "phone": "", "why": WHY}
    made = await head.post("/people", "/people-new", **form)
    assert made.status_code == 200, made.text
    once = re.search(r'一次性密码</h2><p class="hex">([^<]+)</p>', made.text)
    assert once is not None
    outcome = site.accounts.log_ins.by_password("wang", once[1], "", NOW_MS)
    assert isinstance(outcome, Accepted)
    assert outcome.must_change
    assert once[1] not in (await head.get("/people/wang")).text
    again = await head.post("/people", "/people-new", **form)
    assert "登录名已被使用" in again.text
    bad = await head.post("/people", "/people-new", **{**form, "login": "No Login!"})
    assert bad.status_code == 403


async def test_nobody_is_added_to_another_firm(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    form = {"login": "spy", "name": "x", "organisation": OTHER, "why": WHY}
    assert (await head.post("/people", "/people-new", **form)).status_code == 404
    assert site.accounts.store.get("account", "spy") is None


async def test_a_role_is_given_and_taken_and_both_are_on_the_trail(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li")
    page = "/people/li"
    form = {"role": "keeper", "organisation": "chs-1", "why": WHY}
    given = await head.post(f"{page}/roles", page, **form)
    assert given.headers["location"] == "/people/li?done=role"
    (grant,) = site.accounts.store.find("grant", where={"account": "li"})
    assert (grant.text("role"), grant.text("organisation")) == ("keeper", "chs-1")
    taken = await head.post(f"{page}/roles/{grant.id}/end", page, why=WHY)
    assert taken.headers["location"] == "/people/li?done=ended"
    assert site.accounts.store.get("grant", grant.id) is None
    (entry,) = site.accounts.store.latest(kind="grant", id=grant.id, limit=1)
    assert (entry.actor, entry.role, entry.action) == ("head", "quality_head", "end")
    assert (entry.via, entry.why) == ("web", WHY)


async def test_nobody_gives_more_than_it_has(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li")
    for form in (
        {"role": "operator", "organisation": "chs"},
        {"role": "quality_head", "organisation": "chs"},
        {"role": "keeper", "organisation": ""},
        {"role": "keeper", "organisation": OTHER},
        {"role": "keeper", "organisation": "none"},
        {"role": "keeper", "organisation": "chs\0"},
        {"role": "nonsense", "organisation": "chs"},
        {"role": "keeper", "organisation": "chs", "region": "nonsense"},
    ):
        answer = await head.post("/people/li/roles", "/people/li", why=WHY, **form)
        assert answer.status_code == 403, form
    assert site.accounts.store.count("grant", where={"account": "li"}) == 0


async def test_nobody_manages_the_account_of_who_has_more(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "boss", "enterprise_head")
    person(site.accounts, "root", "operator", scope="")
    for id_ in ("boss", "root", "head"):
        assert "重置密码" not in (await head.get(f"/people/{id_}")).text
        for deed in ("reset", "close", "badge"):
            answer = await head.post(
                f"/people/{id_}/{deed}", "/people/li-x", badge="0012345678", why=WHY
            )
            assert answer.status_code == 403, (id_, deed)
        account = site.accounts.store.get("account", id_)
        assert account is not None
        assert account.text("state") == "active"
    outcome = site.accounts.log_ins.by_password("root", PASSWORD, "", NOW_MS)
    assert isinstance(outcome, Accepted)


async def test_an_account_is_reset_and_closed(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li", "keeper")
    page = "/people/li"
    badge = await head.post(f"{page}/badge", page, badge="0012345678", why=WHY)
    assert badge.headers["location"] == "/people/li?done=badge"
    reset = await head.post(f"{page}/reset", page, why=WHY)
    assert "一次性密码" in reset.text
    assert not isinstance(
        site.accounts.log_ins.by_password("li", PASSWORD, "", NOW_MS), Accepted
    )
    closed = await head.post(f"{page}/close", page, why=WHY)
    assert closed.headers["location"] == "/people/li?done=closed"
    assert site.accounts.rights.principal("li") is None


async def test_a_token_is_ended(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li", "keeper")
    actions = [Action.VIEW_SITE]
    token = site.accounts.people.make_token(SETUP, "li", actions, None, "till", NOW_MS)
    person(site.accounts, "wang", "keeper")
    page = "/people/li"
    elsewhere = await head.post(f"/people/wang/tokens/{token.id}/end", page, why=WHY)
    assert elsewhere.status_code == 404
    ended = await head.post(f"{page}/tokens/{token.id}/end", page, why=WHY)
    assert ended.headers["location"] == "/people/li?done=token"
    assert site.accounts.rights.of_token(token.text, NOW_MS) is None


async def test_people_are_changed_only_by_who_has_just_proven_who_it_is(
    site: PeopleSite,
) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li", "keeper")
    page = (await head.get("/people/li")).text
    assert "分配岗位" in page
    site.now_ms += FRESH_MS
    answer = await head.post("/people/li/close", "/people/li", why=WHY)
    assert answer.headers["location"].startswith("/login/again")
    assert site.accounts.rights.principal("li") is not None


async def test_nobody_raises_its_own_rights(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    root = await site.signed_in("root", "operator", scope="")
    for browser, id_, role in ((head, "head", "technician"), (root, "root", "enterprise_head")):
        assert "分配岗位" not in (await browser.get(f"/people/{id_}")).text
        form = {"role": role, "organisation": "chs", "why": WHY}
        answer = await browser.post(f"/people/{id_}/roles", "/people-new", **form)
        assert answer.status_code == 403
        assert site.accounts.store.count("grant", where={"account": id_}) == 1


async def test_only_roles_that_may_be_given_are_offered(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li")
    offered = set(re.findall(r'<option value="(\w+)">', (await head.get("/people/li")).text))
    assert {"keeper", "technician"} <= offered
    assert not offered & {"operator", "quality_head", "enterprise_head", "regulator_lead"}


async def test_nothing_is_changed_without_a_reason(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li", "keeper")
    (grant,) = site.accounts.store.find("grant", where={"account": "li"})
    token = site.accounts.people.make_token(
        SETUP, "li", [Action.VIEW_SITE], None, "till", NOW_MS
    )
    before = site.accounts.store.revision()
    for why in ("", "  ", "x" * 201, "a\0b"):
        for deed, form in (
            ("/people", {"login": "wang", "name": "王", "organisation": "chs-1"}),
            ("/people/li/roles", {"role": "checker", "organisation": "chs-1"}),
            (f"/people/li/roles/{grant.id}/end", {}),
            (f"/people/li/tokens/{token.id}/end", {}),
            ("/people/li/badge", {"badge": "0012345678"}),
            ("/people/li/reset", {}),
            ("/people/li/close", {}),
        ):
            answer = await head.post(deed, "/people/li", why=why, **form)
            assert answer.status_code == 403, deed
            assert "请填写原因" in answer.text, deed
    assert site.accounts.store.revision() == before


async def test_a_role_ends_with_its_last_day(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li")
    day = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC).date()
    form = {"role": "keeper", "organisation": "chs-1", "why": WHY}
    for until in ("2001-01-01", "yesterday", "9999-12-31"):
        answer = await head.post("/people/li/roles", "/people/li", until=until, **form)
        assert answer.status_code == 403, until
    last = (day + dt.timedelta(days=5)).isoformat()
    await head.post("/people/li/roles", "/people/li", until=last, **form)
    (grant,) = site.accounts.store.find("grant", where={"account": "li"})
    end = dt.datetime.fromtimestamp(grant.number("until_ms") / 1000, ZoneInfo("Asia/Shanghai"))
    assert end == dt.datetime.combine(
        day + dt.timedelta(days=6), dt.time(), ZoneInfo("Asia/Shanghai")
    )


async def test_who_stands_in_gives_no_role_beyond_its_own_time(site: PeopleSite) -> None:
    deputy = await site.signed_in("deputy")
    new = NewGrant(
        account="deputy", role="quality_head", organisation="chs", until_ms=NOW_MS + 10 * DAY_MS
    )
    site.accounts.people.grant(SETUP, new, NOW_MS, WHY)
    person(site.accounts, "li")
    today = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC).date()
    form = {"role": "keeper", "organisation": "chs-1", "why": WHY}
    for until in ("", (today + dt.timedelta(days=30)).isoformat()):
        answer = await deputy.post("/people/li/roles", "/people/li", until=until, **form)
        assert answer.status_code == 403
        assert "期限" in answer.text
    until = (today + dt.timedelta(days=5)).isoformat()
    answer = await deputy.post("/people/li/roles", "/people/li", until=until, **form)
    assert answer.status_code == 303


async def test_a_person_is_shown_with_second_factor_and_verified_phone(
    site: PeopleSite,
) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li", "keeper")
    assert "未启用" in (await head.get("/people/li")).text
    assert "已启用" in (await head.get("/people/head")).text
    site.accounts.people.set_phone(SETUP, "li", "13800000000", NOW_MS - 89 * DAY_MS)
    assert "已核验，有效期至" in (await head.get("/people/li")).text
    site.accounts.people.set_phone(SETUP, "li", "13800000000", NOW_MS - 90 * DAY_MS)
    assert "已过期" in (await head.get("/people/li")).text


async def test_organisations_within_the_scope_are_suggested(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    html = (await head.get("/people-new")).text
    assert '<option value="chs-1">' in html
    assert f'<option value="{OTHER}">' not in html
