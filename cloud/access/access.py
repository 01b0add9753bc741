"""What a handler knows about who asks: `request.state.access`, put there by the gate."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from cloud.access.errors import NotVisibleError
from cloud.access.rule import RouteRule
from device_registry.access.action import Action
from device_registry.access.policy import Principal, may, role_for, scopes_for
from device_registry.access.scope import Scope, Subject
from device_registry.accounts.session import Session
from device_registry.store.row import Row

FindRow = Callable[[str, str], Row | None]
"""The registry's `get`: kind and id to the current row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One request that came through the gate."""

    principal: Principal
    session: Session | None
    """None for a token and for the public."""
    rule: RouteRule
    scopes: tuple[Scope, ...]
    """Where the rule's action is allowed: the `within=` of every query of the handler."""
    at_ms: int
    find: FindRow

    @property
    def csrf(self) -> str:
        """What every form must bring along; "" without a session."""
        return self.session.csrf if self.session else ""

    def may(self, action: Action, subject: Subject | None) -> bool:
        """Say whether the asker may do `action`; None is the installation itself."""
        return may(self.principal, action, subject, self.at_ms)

    def scopes_of(self, action: Action) -> tuple[Scope, ...]:
        """Return where the asker may do `action`."""
        return scopes_for(self.principal, action, self.at_ms)

    def see(self, action: Action, kind: str, id_: str) -> Row:
        """Return the row of an id that came in a form.

        Raises:
            NotVisibleError: there is none, or not within the scope; answered with 404.
        """
        row = self.find(kind, id_) if id_.isprintable() else None
        if row is None or row.subject is None or not self.may(action, row.subject):
            raise NotVisibleError
        return row

    def role(self, action: Action, subject: Subject | None) -> str:
        """Return the role by which the asker may do `action`, for the audit trail."""
        return role_for(self.principal, action, subject, self.at_ms)


def access_of(request: Request) -> Access:
    """Return what the gate knows; routes that are not guarded have none."""
    access = request.state.access
    if not isinstance(access, Access):
        raise TypeError("this route is not guarded; hand its router to guarded_app")
    return access
