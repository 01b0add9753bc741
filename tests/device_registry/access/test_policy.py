"""`device_registry.access.policy`: the decisions, against a plain restatement of the rules."""

from hypothesis import given
from hypothesis import strategies as st

from device_registry.access.action import SIGNATURES, Action
from device_registry.access.policy import (
    NOBODY,
    Grant,
    Principal,
    may,
    may_end,
    may_grant,
    may_manage,
    must_prove_again,
    role_for,
    scopes_for,
    two_people,
)
from device_registry.access.role import roles
from device_registry.access.scope import EVERYWHERE, Scope, Subject

NOW_MS = 1_795_363_200_000
CHS = Subject(
    org_path="sc/chs/chs-001", authority_path="gov/lz", region="510502", subject_class="retail"
)
SCOPES = st.builds(
    Scope,
    organisation=st.sampled_from(["", "sc", "sc/chs", "sc/chs/chs-001", "gov", "gov/lz", "x"]),
    region=st.sampled_from(["", "51", "5105", "510502", "5101"]),
    subject_class=st.sampled_from(["", "retail", "wholesale"]),
)
GRANTS = st.builds(
    Grant,
    role=st.sampled_from([*roles(), "abolished"]),
    scope=SCOPES,
    from_ms=st.sampled_from([0, NOW_MS, NOW_MS + 1]),
    until_ms=st.sampled_from([None, NOW_MS, NOW_MS + 1]),
)


def person(*grants: Grant) -> Principal:
    return Principal(account="li", name="李华", grants=grants)


def token(*grants: Grant, actions: frozenset[Action]) -> Principal:
    return Principal(
        account="li", name="李华", grants=grants, via="token", token_actions=actions
    )


@given(st.lists(GRANTS, max_size=4), st.sampled_from(Action))
def test_a_person_may_exactly_what_one_grant_in_force_allows(
    grants: list[Grant], action: Action
) -> None:
    allowed = any(
        g.from_ms <= NOW_MS
        and g.until_ms in {None, NOW_MS + 1}
        and g.role in roles()
        and action in roles()[g.role].actions
        and g.scope.covers(CHS)
        for g in grants
    )
    assert may(person(*grants), action, CHS, NOW_MS) == allowed
    assert bool(role_for(person(*grants), action, CHS, NOW_MS)) == allowed


@given(st.lists(GRANTS, max_size=4), st.sampled_from(Action))
def test_what_a_query_may_find_is_what_one_may_do(grants: list[Grant], action: Action) -> None:
    scopes = scopes_for(person(*grants), action, NOW_MS)
    assert any(s.covers(CHS) for s in scopes) == may(person(*grants), action, CHS, NOW_MS)


@given(GRANTS, st.frozensets(st.sampled_from(Action)), st.sampled_from(Action))
def test_a_token_never_does_more_than_its_person_nor_signs(
    grant: Grant, actions: frozenset[Action], action: Action
) -> None:
    allowed = (
        may(person(grant), action, CHS, NOW_MS)
        and action in actions
        and action not in SIGNATURES
    )
    assert may(token(grant, actions=actions), action, CHS, NOW_MS) == allowed


def test_the_installation_itself_takes_an_unlimited_scope() -> None:
    assert may(person(Grant(role="operator")), Action.OPERATE, None, NOW_MS)
    limited = Grant(role="operator", scope=Scope(organisation="sc"))
    assert not may(person(limited), Action.OPERATE, None, NOW_MS)


def test_nobody_is_the_public() -> None:
    assert scopes_for(NOBODY, Action.VIEW_PUBLIC, NOW_MS) == (EVERYWHERE,)
    others = set(Action) - {Action.VIEW_PUBLIC}
    assert not any(scopes_for(NOBODY, action, NOW_MS) for action in others)


def test_a_signature_is_given_only_by_who_has_just_proven_who_it_is() -> None:
    head = Principal(account="li", name="李华", fresh_until_ms=NOW_MS + 1)
    assert not must_prove_again(head, Action.SIGN_REPORT, NOW_MS)
    assert must_prove_again(head, Action.SIGN_REPORT, NOW_MS + 1)
    assert not must_prove_again(head, Action.VIEW_SITE, NOW_MS + 1)


def test_nobody_gives_more_than_it_has() -> None:
    firm = Scope(organisation="sc/chs")
    head = person(Grant(role="quality_head", scope=firm))
    shop = Scope(organisation="sc/chs/chs-001")

    assert may_grant(head, Grant(role="keeper", scope=shop), NOW_MS)
    assert not may_grant(head, Grant(role="keeper"), NOW_MS)
    assert not may_grant(head, Grant(role="keeper", scope=Scope(organisation="y")), NOW_MS)
    assert not may_grant(head, Grant(role="operator", scope=shop), NOW_MS)
    assert not may_grant(head, Grant(role="quality_head", scope=shop), NOW_MS)
    keeper = person(Grant(role="keeper", scope=firm))
    assert not may_grant(keeper, Grant(role="receiver", scope=shop), NOW_MS)


def test_nobody_gives_a_role_for_longer_than_it_has_its_own() -> None:
    firm = Scope(organisation="sc/chs")
    deputy = person(Grant(role="quality_head", scope=firm, until_ms=NOW_MS + 10))
    for until_ms, is_given in ((NOW_MS + 10, True), (NOW_MS + 11, False), (None, False)):
        wanted = Grant(role="keeper", scope=firm, until_ms=until_ms)
        assert may_grant(deputy, wanted, NOW_MS) is is_given
        # What is held for longer may be taken, or nobody could stand in for anybody.
        assert may_end(deputy, wanted, NOW_MS)
        assert may_manage(deputy, [wanted], NOW_MS)
    assert not may_end(deputy, Grant(role="quality_head", scope=firm), NOW_MS)
    assert not may_end(deputy, Grant(role="keeper", scope=firm), NOW_MS + 10)


def test_nobody_manages_the_account_of_who_has_more() -> None:
    firm = Scope(organisation="sc/chs")
    head = person(Grant(role="quality_head", scope=firm))
    keeper = Grant(role="keeper", scope=firm)
    operator = Grant(role="operator")

    assert may_manage(head, [], NOW_MS)
    assert may_manage(head, [keeper], NOW_MS)
    assert not may_manage(head, [keeper, operator], NOW_MS)
    assert not may_manage(head, [Grant(role="quality_head", scope=firm)], NOW_MS)
    assert may_manage(head, [Grant(role="operator", until_ms=NOW_MS)], NOW_MS)
    assert not may_manage(head, [Grant(role="operator", from_ms=NOW_MS + 1)], NOW_MS)
    assert may_manage(person(operator), [operator, keeper], NOW_MS)


def test_a_token_gives_no_roles() -> None:
    machine = token(Grant(role="operator"), actions=frozenset(Action))
    assert not may_grant(machine, Grant(role="auditor"), NOW_MS)


def test_two_people_are_two() -> None:
    assert two_people("li", "wang")
    assert not two_people("li", "li")
    assert not two_people("", "li")
    assert not two_people("li", "")
