"""A gate over known people and things, without a database."""

from dataclasses import dataclass, field

from cloud.access.gate import SignedIn
from device_registry.access.policy import Grant, Principal
from device_registry.access.scope import Scope, Subject
from device_registry.accounts.session import Method, Session, fresh_until_ms
from device_registry.store.row import Row

NOW_MS = 1_795_363_200_000
CHS = Subject(org_path="chs", region="510502", subject_class="retail")
OTHER = Subject(org_path="other", region="510100", subject_class="wholesale")


def session_of(account: str, at_ms: int = NOW_MS) -> Session:
    """Return a session that has just begun."""
    return Session(
        account=account,
        method=Method.TOTP,
        is_strong=True,
        made_ms=at_ms,
        seen_ms=at_ms,
        proven_ms=at_ms,
        csrf=f"csrf-of-{account}",
    )


def signed_in(account: str, *grants: Grant, must_change: bool = False) -> SignedIn:
    """Return a person with these grants, who has just logged in."""
    session = session_of(account)
    principal = Principal(
        account=account, name=account, grants=grants, fresh_until_ms=fresh_until_ms(session)
    )
    return SignedIn(principal=principal, session=session, must_change=must_change)


@dataclass
class People:
    """Who comes with which cookie or token."""

    sessions: dict[str, SignedIn] = field(default_factory=dict)
    tokens: dict[str, Principal] = field(default_factory=dict)

    def by_session(self, cookie: str, _at_ms: int, /) -> SignedIn | None:
        return self.sessions.get(cookie)

    def by_token(self, text: str, _at_ms: int, /) -> Principal | None:
        return self.tokens.get(text)


def keeper_of_chs() -> SignedIn:
    """Return a keeper whose scope is one firm."""
    return signed_in("li", Grant(role="keeper", scope=Scope(organisation="chs")))


def find_row(kind: str, id_: str) -> Row | None:
    """Find one site and point of each of two firms."""
    subject = {"chs-001": CHS, "chs-t": CHS, "other-001": OTHER, "other-t": OTHER}.get(id_)
    if kind not in {"site", "point"} or subject is None:
        return None
    return Row(kind=kind, id=id_, values={}, valid_from_ms=0, valid_to_ms=None, subject=subject)
