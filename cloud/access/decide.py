"""Whether somebody may come through a route, and what to answer if not. Pure.

The order matters: nothing is said about a thing before its asker is known to have the right
somewhere, and what lies outside is answered like what does not exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from cloud.access.rule import Open, RouteRule
from device_registry.access.action import Action
from device_registry.access.policy import Principal, may, must_prove_again, scopes_for
from device_registry.access.scope import EVERYWHERE, Scope, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Come in; what is listed is confined to `scopes`."""

    scopes: tuple[Scope, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Say first who you are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword:
    """Your password was made by somebody else: make your own first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveAgain:
    """This is signed: prove again who you are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """There is no such thing, for you."""


Decision: TypeAlias = Allowed | SignIn | ChangePassword | ProveAgain | NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and whether it must change its password before anything else."""

    principal: Principal
    must_change: bool = False


def may_enter(rule: RouteRule, asker: Asker, at_ms: int) -> Decision:
    """Return whether `asker` may use this route at all; things in its path come after."""
    match rule.needs:
        case Open.PUBLIC | Open.OWN:
            return Allowed()
        case Open.SIGNED_IN:
            return Allowed() if asker.principal.via == "session" else SignIn()
        case Action() as action:
            return _with_right(rule, asker, action, at_ms)
        case _:
            assert_never(rule.needs)


def may_see(
    rule: RouteRule, asker: Asker, subjects: Sequence[Subject | None], at_ms: int
) -> Decision:
    """Return whether the things that the route names exist for `asker`, who may enter.

    `subjects` holds one for each thing that was named, None where there is no such thing.
    """
    if not isinstance(rule.needs, Action):
        return Allowed()
    for subject in subjects:
        if subject is None or not may(asker.principal, rule.needs, subject, at_ms):
            return NotFound()
    if must_prove_again(asker.principal, rule.needs, at_ms):
        return ProveAgain()
    return Allowed(scopes=scopes_for(asker.principal, rule.needs, at_ms))


def _with_right(rule: RouteRule, asker: Asker, action: Action, at_ms: int) -> Decision:
    scopes = scopes_for(asker.principal, action, at_ms)
    if not scopes and asker.principal.via == "public":
        return SignIn()
    if asker.must_change:
        return ChangePassword()
    if not scopes or (rule.is_installation and EVERYWHERE not in scopes):
        return NotFound()
    return Allowed(scopes=scopes)
