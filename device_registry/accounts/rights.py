"""What an account may do now, out of the registry: its grants, as the policy reads them.

A role that needs a second factor counts only when one was shown. A contractor's grant lasts as
long as its work order, and reaches no further than the work order's organisation. What was
read is kept until the registry changes.
"""

import threading
from dataclasses import dataclass, replace
from typing import Final

from device_registry.access.action import Action
from device_registry.access.policy import Grant, Principal
from device_registry.access.role import roles
from device_registry.access.scope import Scope, is_path_within
from device_registry.accounts.session import Session, fresh_until_ms
from device_registry.accounts.token import parse_token
from device_registry.codes.region import region_prefix
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

ACTIVE: Final = "active"
MAX_GRANTS: Final = 1000
"""Grants of one account that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    revision: int
    account: Row
    grants: tuple[Grant, ...]


class Rights:
    """See the module; may be called from any thread."""

    def __init__(self, store: RegistryStore, *, needs_second_factor: bool = True) -> None:
        """Read `store`; without `needs_second_factor` every log-in counts as strong."""
        self._store = store
        self._needs_second_factor = needs_second_factor
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def principal(self, account: str, *, is_strong: bool = True) -> Principal | None:
        """Return an account with its rights; None when it is none, locked or closed."""
        known = self._read(account)
        if known is None:
            return None
        counts_all = is_strong or not self._needs_second_factor
        grants = tuple(g for g in known.grants if counts_all or not _needs_totp(g))
        return Principal(account=account, name=known.account.text("name"), grants=grants)

    def of_session(self, session: Session) -> Principal | None:
        """Return who a session belongs to, with the rights that its log-in is good for."""
        principal = self.principal(session.account, is_strong=session.is_strong)
        if principal is None:
            return None
        return replace(principal, fresh_until_ms=fresh_until_ms(session))

    def of_token(self, text: str, at_ms: int) -> Principal | None:
        """Return what an API token may do; None when it is none, ended or expired."""
        token = parse_token(text)
        row = self._store.get("api_token", token.id) if token else None
        if token is None or row is None or not token.matches(row.text("token_hash")):
            return None
        until_ms = row.maybe("until_ms")
        if isinstance(until_ms, int) and at_ms >= until_ms:
            return None
        principal = self.principal(row.text("account"))
        if principal is None:
            return None
        actions = frozenset(a for a in Action if a in row.items("actions"))
        return replace(principal, via="token", token_actions=actions)

    def account(self, account: str) -> Row | None:
        """Return the row of an account that may log in."""
        row = self._store.get("account", account)
        return row if row is not None and row.text("state") == ACTIVE else None

    def grants(self, account: str) -> tuple[Grant, ...]:
        """Return every grant of an account, whatever its state: what it may come to hold."""
        found = self._store.find("grant", where={"account": account}, limit=MAX_GRANTS)
        return tuple(grant for one in found if (grant := self._grant(one)) is not None)

    def has_strong_roles(self, account: str) -> bool:
        """Say whether the account holds a role that needs a second factor."""
        known = self._read(account)
        return known is not None and any(_needs_totp(grant) for grant in known.grants)

    def _read(self, account: str) -> _Known | None:
        revision = self._store.revision()
        with self._lock:
            known = self._known.get(account)
        if known is not None and known.revision == revision:
            return known
        row = self.account(account)
        if row is None:
            return None
        known = _Known(revision=revision, account=row, grants=self.grants(account))
        with self._lock:
            self._known[account] = known
        return known

    def _grant(self, row: Row) -> Grant | None:
        scope = self._scope(row)
        if scope is None:
            return None
        until_ms = row.maybe("until_ms")
        grant = Grant(
            role=row.text("role"),
            scope=scope,
            until_ms=until_ms if isinstance(until_ms, int) else None,
        )
        return self._within_work_order(grant, row.text("work_order"), row.text("account"))

    def _scope(self, row: Row) -> Scope | None:
        path = ""
        if organisation := row.text("organisation"):
            found = self._store.get("organisation", organisation)
            if found is None or found.subject is None:
                return None
            path = found.subject.org_path
        region = row.text("region")
        return Scope(
            organisation=path,
            region=region_prefix(region) if region else "",
            subject_class=row.text("subject_class"),
        )

    def _within_work_order(self, grant: Grant, order: str, account: str) -> Grant | None:
        if not order:
            return grant
        row = self._store.get("work_order", order)
        site = self._store.get("site", row.text("site")) if row else None
        if row is None or site is None or site.subject is None:
            return None
        if row.text("state") != "open" or row.text("account") != account:
            return None
        path = site.subject.org_path
        if grant.scope.organisation and not is_path_within(path, grant.scope.organisation):
            return None
        ends = [row.number("until_ms"), *([grant.until_ms] if grant.until_ms else [])]
        return replace(
            grant,
            scope=replace(grant.scope, organisation=path),
            from_ms=row.number("from_ms"),
            until_ms=min(ends),
        )


def _needs_totp(grant: Grant) -> bool:
    role = roles().get(grant.role)
    return role is not None and role.needs_totp
