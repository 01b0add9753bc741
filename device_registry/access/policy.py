"""Who may do what to what: the one place that decides.

Pure. Every route, query, live stream and export asks here: `may` for one thing, `scopes_for`
for what a query may find. Outside the scope a thing does not exist for the asker, so callers
answer "not found", never "forbidden".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from device_registry.access.action import SIGNATURES, Action
from device_registry.access.role import roles
from device_registry.access.scope import EVERYWHERE, Scope, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role held within a scope; `from_ms` <= now < `until_ms`, None for no end."""

    role: str
    scope: Scope = EVERYWHERE
    from_ms: int = 0
    until_ms: int | None = None

    def holds_at(self, at_ms: int) -> bool:
        """Say whether the grant is in force."""
        return self.from_ms <= at_ms and (self.until_ms is None or at_ms < self.until_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever asks, with every right it has."""

    account: str
    name: str
    grants: tuple[Grant, ...] = ()
    via: Literal["session", "token", "public"] = "session"
    token_actions: frozenset[Action] | None = None
    """What a token is confined to; None when it is not a token."""
    fresh_until_ms: int = 0
    """Until when the person counts as having just proven who it is."""


NOBODY = Principal(account="", name="", grants=(Grant(role="public"),), via="public")
"""Who has not said who it is: the public."""


def may(principal: Principal, action: Action, subject: Subject | None, at_ms: int) -> bool:
    """Say whether `principal` may do `action` to `subject`.

    Without a subject it is about the installation itself, which takes an unlimited scope.
    """
    scopes = scopes_for(principal, action, at_ms)
    if subject is None:
        return EVERYWHERE in scopes
    return any(scope.covers(subject) for scope in scopes)


def scopes_for(principal: Principal, action: Action, at_ms: int) -> tuple[Scope, ...]:
    """Return where `principal` may do `action`: the union of these; () for nowhere."""
    if principal.token_actions is not None and action not in principal.token_actions:
        return ()
    if principal.via == "token" and action in SIGNATURES:
        return ()
    return tuple(dict.fromkeys(grant.scope for grant in _held(principal, action, at_ms)))


def role_for(principal: Principal, action: Action, subject: Subject | None, at_ms: int) -> str:
    """Return the role by which `principal` may do it, for the audit trail; "" if it may not."""
    for grant in _held(principal, action, at_ms):
        if grant.scope == EVERYWHERE or (subject is not None and grant.scope.covers(subject)):
            return grant.role
    return ""


def must_prove_again(principal: Principal, action: Action, at_ms: int) -> bool:
    """Say whether the person must authenticate again before this action."""
    return action in SIGNATURES and at_ms >= principal.fresh_until_ms


def may_grant(principal: Principal, wanted: Grant, at_ms: int) -> bool:
    """Say whether `principal` may give `wanted` to somebody.

    Nobody gives more than it has: the role must be among those that its own role gives, the
    scope must lie within its own, and it must not last longer.
    """
    return any(_ends_in_time(wanted, own) for own in _giving(principal, wanted, at_ms))


def may_end(principal: Principal, held: Grant, at_ms: int) -> bool:
    """Say whether `principal` may take `held` from somebody, however long it would last."""
    return any(True for _ in _giving(principal, held, at_ms))


def may_manage(principal: Principal, held: Iterable[Grant], at_ms: int) -> bool:
    """Say whether `principal` may reset, close or change an account that holds these grants.

    Whoever resets an account could come in by it, so that it takes the right to give every
    role that the account holds or will hold, for a while at least; an account without any is
    anybody's to manage within whose scope it lies, which the caller asks apart.
    """
    coming = (grant for grant in held if grant.until_ms is None or at_ms < grant.until_ms)
    return all(may_end(principal, grant, at_ms) for grant in coming)


def two_people(requested_by: str, approved_by: str) -> bool:
    """Say whether a request and its approval come from two known people."""
    return bool(requested_by) and bool(approved_by) and requested_by != approved_by


def _giving(principal: Principal, wanted: Grant, at_ms: int) -> Iterator[Grant]:
    """Yield the grants of `principal` by whose role and scope it gives and takes `wanted`."""
    if principal.via != "session":
        return
    for own in _held(principal, Action.EDIT_PEOPLE, at_ms):
        if wanted.role in roles()[own.role].grants and own.scope.contains(wanted.scope):
            yield own


def _ends_in_time(wanted: Grant, own: Grant) -> bool:
    if own.until_ms is None:
        return True
    return wanted.until_ms is not None and wanted.until_ms <= own.until_ms


def _held(principal: Principal, action: Action, at_ms: int) -> Iterator[Grant]:
    for grant in principal.grants:
        role = roles().get(grant.role)
        if role is not None and action in role.actions and grant.holds_at(at_ms):
            yield grant
