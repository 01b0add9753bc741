"""`cloud.people_pages.trail`: the audit trail within the viewer's scope."""

import re

from dashboards.catalogue import catalogue
from dashboards.models import Lang
from device_registry.access.action import Action
from device_registry.accounts.people import NewGrant
from device_registry.kinds.catalogue import KINDS
from tests.support.people import NOW_MS, OTHER, SETUP, person
from tests.support.people_site import PeopleSite


async def test_the_trail_says_who_changed_what_and_why_within_the_scope(
    site: PeopleSite,
) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "mei", "keeper", firm=OTHER)
    with site.accounts.store.change(SETUP, "重新挂牌", NOW_MS) as change:
        change.put("site", "chs-001", name_zh="春和堂")
    html = (await head.get("/audit")).text
    assert "重新挂牌" in html
    assert "春和堂" in html
    assert "mei" not in html
    assert OTHER not in html
    only = (await head.get("/audit?kind=account&id=head")).text
    assert "重新挂牌" not in only
    assert "登录名" not in only


async def test_an_entry_outside_the_scope_is_not_there(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "mei", "keeper", firm=OTHER)
    (theirs,) = site.accounts.store.latest(kind="account", id="mei", limit=1)
    (ours,) = site.accounts.store.latest(kind="account", id="head", limit=1)
    answer = await head.get(f"/audit?seq={ours.seq}")
    assert ours.hash.hex() in answer.text
    assert "尚未进入已签名的存证日志" in answer.text
    foreign = await head.get(f"/audit?seq={theirs.seq}")
    assert foreign.status_code == 404
    for seq in ("0", "-1", "x", "9" * 40, "999999"):
        answer = await head.get(f"/audit?seq={seq}")
        assert (answer.status_code, answer.content) == (404, foreign.content)


async def test_a_scope_may_be_a_region_alone(site: PeopleSite) -> None:
    auditor = await site.signed_in("aud", scope="")
    new = NewGrant(account="aud", role="auditor", region="510100")
    site.accounts.people.grant(SETUP, new, NOW_MS)
    html = (await auditor.get("/audit")).text
    assert "hengda-001" in html
    assert "chs-001" not in html


async def test_no_secret_is_shown(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    html = (await head.get("/audit?kind=account&id=head")).text
    assert "argon2" not in html
    assert "•" in html


async def test_who_may_not_see_the_trail_finds_none(site: PeopleSite) -> None:
    keeper = await site.signed_in("li", "keeper")
    assert (await keeper.get("/audit")).status_code == 404
    assert (await keeper.get("/people")).status_code == 404


async def test_a_chinese_page_shows_no_raw_kind_or_field(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li", "keeper")
    html = (await head.get("/audit")).text
    assert "零售门店" in html
    cells = re.sub(r'href="[^"]*"', "", html)
    for raw in (
        ">retail<",
        ">keeper<",
        ">active<",
        "password_hash",
        "organisation",
        "subject_class",
        ">account<",
        ">grant<",
    ):
        assert raw not in cells


def test_every_kind_and_field_of_the_registry_has_words_in_both_languages() -> None:
    for lang in Lang:
        keys = catalogue(lang).keys
        for kind in KINDS.values():
            assert f"registry.kind_{kind.name}" in keys
            for field in kind.fields:
                known = {f"registry.field_{field.name}", f"people.field_{field.name}"}
                assert known & keys, (lang, field.name)


async def test_lists_and_times_are_told_in_words(site: PeopleSite) -> None:
    head = await site.signed_in("head", "quality_head")
    person(site.accounts, "li", "keeper")
    site.accounts.people.set_phone(SETUP, "li", "13800000000", NOW_MS)
    actions = [Action.VIEW_SITE, Action.EXPORT]
    site.accounts.people.make_token(SETUP, "li", actions, None, "till", NOW_MS)
    html = (await head.get("/audit")).text
    assert "导出 · 查看站点" in html
    assert "view_site" not in html
    assert str(NOW_MS) not in re.sub(r'(?:data-\w+|datetime)="[^"]*"', "", html)


def test_every_right_has_words_in_both_languages() -> None:
    for lang in Lang:
        assert {f"people.action_{action}" for action in Action} <= catalogue(lang).keys
