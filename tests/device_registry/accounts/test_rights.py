"""`device_registry.accounts.rights`: what the registry's grants come to."""

from dataclasses import replace

from device_registry.access.action import Action
from device_registry.access.policy import Principal, may, scopes_for
from device_registry.access.scope import Scope, Subject
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.people import NewGrant
from device_registry.accounts.session import FRESH_MS
from tests.support.gates import session_of
from tests.support.people import FIRM, NOW_MS, OTHER, SETUP, person

HOUR_MS = 3_600_000


def known(accounts: Accounts, id_: str, *, is_strong: bool = True) -> Principal:
    principal = accounts.rights.principal(id_, is_strong=is_strong)
    assert principal is not None
    return principal


def subject(accounts: Accounts, site: str) -> Subject:
    row = accounts.store.get("site", site)
    assert row is not None
    assert row.subject is not None
    return row.subject


def test_a_role_over_a_firm_reaches_its_shops_and_no_other_firms(accounts: Accounts) -> None:
    keeper = known(accounts, person(accounts, "li", "keeper"))
    assert may(keeper, Action.VIEW_SITE, subject(accounts, "chs-001"), NOW_MS)
    assert not may(keeper, Action.VIEW_SITE, subject(accounts, "hengda-001"), NOW_MS)


def test_an_authority_reaches_what_it_is_competent_for(accounts: Accounts) -> None:
    inspector = known(accounts, person(accounts, "insp", "inspector", firm="gov"))
    assert may(inspector, Action.VIEW_SITE, subject(accounts, "chs-001"), NOW_MS)
    assert not may(inspector, Action.VIEW_SITE, subject(accounts, "hengda-001"), NOW_MS)


def test_a_region_in_a_grant_is_its_subtree(accounts: Accounts) -> None:
    person(accounts, "insp")
    new = NewGrant(account="insp", role="auditor", region="510500", subject_class="retail")
    accounts.people.grant(SETUP, new, NOW_MS)
    auditor = known(accounts, "insp")
    assert scopes_for(auditor, Action.VIEW_SITE, NOW_MS) == (
        Scope(region="5105", subject_class="retail"),
    )


def test_a_role_that_needs_a_second_factor_counts_only_with_one(accounts: Accounts) -> None:
    person(accounts, "li", "quality_head", "keeper")
    weak = known(accounts, "li", is_strong=False)
    assert {grant.role for grant in weak.grants} == {"keeper"}
    assert len(known(accounts, "li").grants) == 2
    lax = Accounts.over(accounts.store, needs_second_factor=False)
    assert len(known(lax, "li", is_strong=False).grants) == 2


def test_a_grant_taken_away_counts_no_more(accounts: Accounts) -> None:
    person(accounts, "li", "keeper")
    assert known(accounts, "li").grants
    (grant,) = accounts.store.find("grant", where={"account": "li"})
    accounts.people.end_grant(SETUP, grant.id, NOW_MS)
    assert not known(accounts, "li").grants


def test_a_contractors_access_ends_with_the_work_order(accounts: Accounts) -> None:
    person(accounts, "tech", firm=OTHER)
    order = {
        "site": "chs-001",
        "account": "tech",
        "from_ms": NOW_MS,
        "until_ms": NOW_MS + HOUR_MS,
    }
    with accounts.store.change(SETUP, "order", NOW_MS) as change:
        change.put("work_order", "w1", state="open", **order)
    new = NewGrant(account="tech", role="technician", work_order="w1")
    accounts.people.grant(SETUP, new, NOW_MS)
    ours, theirs = subject(accounts, "chs-001"), subject(accounts, "hengda-001")

    def may_at(what: Subject, at_ms: int) -> bool:
        return may(known(accounts, "tech"), Action.COMMISSION, what, at_ms)

    assert may_at(ours, NOW_MS)
    assert not may_at(theirs, NOW_MS)
    assert not may_at(ours, NOW_MS - 1)
    assert not may_at(ours, NOW_MS + HOUR_MS)
    with accounts.store.change(SETUP, "done early", NOW_MS) as change:
        change.put("work_order", "w1", state="closed")
    assert not may_at(ours, NOW_MS)


def test_a_closed_account_has_no_rights_and_its_token_none_either(accounts: Accounts) -> None:
    person(accounts, "li", "keeper")
    actions = [Action.VIEW_SITE]
    token = accounts.people.make_token(SETUP, "li", actions, None, "till", NOW_MS)
    assert accounts.rights.of_token(token.text, NOW_MS) is not None
    accounts.people.close(SETUP, "li", NOW_MS)
    assert accounts.rights.of_token(token.text, NOW_MS) is None
    assert accounts.rights.principal("li") is None


def test_a_token_is_confined_to_its_actions_and_its_time(accounts: Accounts) -> None:
    person(accounts, "li", "keeper")
    until_ms = NOW_MS + HOUR_MS
    actions = [Action.VIEW_SITE, Action.OPERATE]
    token = accounts.people.make_token(SETUP, "li", actions, until_ms, "till", NOW_MS)
    machine = accounts.rights.of_token(token.text, until_ms - 1)
    assert machine is not None
    assert scopes_for(machine, Action.VIEW_SITE, NOW_MS) == (Scope(organisation=FIRM),)
    assert not scopes_for(machine, Action.VIEW_READINGS, NOW_MS)
    assert not scopes_for(machine, Action.OPERATE, NOW_MS)
    assert accounts.rights.of_token(token.text, until_ms) is None
    wrong = replace(token, secret="x" * 43)
    assert accounts.rights.of_token(wrong.text, NOW_MS) is None


def test_a_session_is_fresh_for_as_long_as_its_proof(accounts: Accounts) -> None:
    person(accounts, "li", "keeper")
    principal = accounts.rights.of_session(session_of("li"))
    assert principal is not None
    assert principal.fresh_until_ms == NOW_MS + FRESH_MS
