"""`cloud.access.decide`: who may come in, and in which order that is found out."""

from cloud.access.decide import (
    Allowed,
    Asker,
    ChangePassword,
    NotFound,
    ProveAgain,
    SignIn,
    may_enter,
    may_see,
)
from cloud.access.rule import Open, RouteRule
from device_registry.access.action import Action
from device_registry.access.policy import NOBODY, Grant, Principal
from device_registry.access.scope import Scope, Subject

NOW_MS = 1_795_363_200_000
FIRM = Scope(organisation="chs")
OURS = Subject(org_path="chs/1", region="510502", subject_class="retail")
THEIRS = Subject(org_path="other", region="510502", subject_class="retail")


def rule(needs: Action | Open, *, is_installation: bool = False) -> RouteRule:
    return RouteRule(method="GET", path="/x", needs=needs, is_installation=is_installation)


def asker(role: str, scope: Scope = FIRM, *, must_change: bool = False) -> Asker:
    who = Principal(account="li", name="李华", grants=(Grant(role=role, scope=scope),))
    return Asker(principal=who, must_change=must_change)


def test_what_is_public_is_open_to_everybody() -> None:
    assert may_enter(rule(Open.PUBLIC), Asker(principal=NOBODY), NOW_MS) == Allowed()


def test_who_is_unknown_is_asked_before_anything_is_said() -> None:
    for needs in (Action.VIEW_SITE, Action.OPERATE, Open.SIGNED_IN):
        assert may_enter(rule(needs), Asker(principal=NOBODY), NOW_MS) == SignIn()


def test_a_token_is_no_person() -> None:
    machine = Principal(account="li", name="", via="token", token_actions=frozenset(Action))
    assert may_enter(rule(Open.SIGNED_IN), Asker(principal=machine), NOW_MS) == SignIn()


def test_who_has_the_right_nowhere_finds_nothing() -> None:
    assert may_enter(rule(Action.VIEW_AUDIT), asker("keeper"), NOW_MS) == NotFound()


def test_a_list_is_confined_to_where_the_right_holds() -> None:
    assert may_enter(rule(Action.VIEW_SITE), asker("keeper"), NOW_MS) == Allowed(scopes=(FIRM,))


def test_the_server_itself_takes_an_unlimited_scope() -> None:
    status = rule(Action.OPERATE, is_installation=True)
    assert may_enter(status, asker("operator"), NOW_MS) == NotFound()
    assert isinstance(may_enter(status, asker("operator", Scope()), NOW_MS), Allowed)


def test_a_password_that_somebody_else_made_is_changed_first() -> None:
    restricted = asker("keeper", must_change=True)
    assert may_enter(rule(Action.VIEW_SITE), restricted, NOW_MS) == ChangePassword()
    assert may_enter(rule(Open.SIGNED_IN), restricted, NOW_MS) == Allowed()


def test_what_lies_outside_is_like_what_does_not_exist() -> None:
    site = rule(Action.VIEW_SITE)
    keeper = asker("keeper")
    assert may_see(site, keeper, [OURS], NOW_MS) == Allowed(scopes=(FIRM,))
    assert may_see(site, keeper, [THEIRS], NOW_MS) == NotFound()
    assert may_see(site, keeper, [None], NOW_MS) == NotFound()
    assert may_see(site, keeper, [OURS, THEIRS], NOW_MS) == NotFound()


def test_a_signature_outside_the_scope_is_not_found_before_it_is_asked_for() -> None:
    sign = rule(Action.SIGN_REPORT)
    manager = asker("shop_manager")
    assert may_see(sign, manager, [THEIRS], NOW_MS) == NotFound()
    assert may_see(sign, manager, [OURS], NOW_MS) == ProveAgain()
