"""Who a cookie or token belongs to, out of the registry's accounts."""

from cloud.access.gate import SignedIn
from device_registry.access.policy import Principal
from device_registry.accounts import passwords
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.session import Method

_BY_PASSWORD = frozenset({Method.PASSWORD, Method.TOTP})


class AccountIdentities:
    """The gate's `Identities` over `Accounts`."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def by_session(self, cookie: str, at_ms: int, /) -> SignedIn | None:
        """Return the session that `cookie` names while it counts, and note its use."""
        session = self._accounts.sessions.find(cookie, at_ms)
        principal = self._accounts.rights.of_session(session) if session else None
        if session is None or principal is None:
            return None
        row = self._accounts.rights.account(principal.account)
        stored = row.text("password_hash") if row else ""
        must_change = session.method in _BY_PASSWORD and passwords.must_change(stored)
        return SignedIn(principal=principal, session=session, must_change=must_change)

    def by_token(self, text: str, at_ms: int, /) -> Principal | None:
        """Return the principal of an API token while it counts."""
        return self._accounts.rights.of_token(text, at_ms)
