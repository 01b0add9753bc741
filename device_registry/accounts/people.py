"""Changes of accounts, each an audited change of the registry.

Whether the actor may make a change is asked of the policy before; what happens to a person's
sessions when the password or the account changes is done here. `why` is the reason that
somebody gave; without one the audit trail says what was done.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from device_registry.access.action import SIGNATURES, Action
from device_registry.access.role import roles
from device_registry.accounts import passwords, phone, totp
from device_registry.accounts.errors import AccountError
from device_registry.accounts.session_store import SessionStore
from device_registry.accounts.station import hash_badge
from device_registry.accounts.token import Token, new_token
from device_registry.store.audit import Actor
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to be made."""

    id: str
    name: str
    organisation: str
    phone: str = ""
    external_id: str = ""
    """Who it is at a provider, `provider:subject`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    """A role to be given; empty parts do not limit its scope."""

    account: str
    role: str
    organisation: str = ""
    region: str = ""
    subject_class: str = ""
    until_ms: int | None = None
    work_order: str = ""


class People:
    """See the module; may be called from any thread.

    Every method raises `AccountError` for what cannot be, `InvalidFieldsError` for what the
    registry does not take, and `StoreUnavailableError`.
    """

    def __init__(self, store: RegistryStore, sessions: SessionStore) -> None:
        self._store = store
        self._sessions = sessions

    def add(self, actor: Actor, new: NewAccount, at_ms: int, why: str = "") -> str:
        """Make an account and return its one-time password."""
        if self._store.get("account", new.id) is not None:
            raise AccountError("taken", f"there is an account {new.id} already")
        password, stored = passwords.one_time()
        with self._store.change(actor, why or f"new account {new.id}", at_ms) as change:
            change.put(
                "account",
                new.id,
                name=new.name,
                organisation=new.organisation,
                state="active",
                password_hash=stored,
                phone=phone.normal(new.phone) if new.phone else None,
                external_id=new.external_id or None,
            )
        return password

    def set_password(self, actor: Actor, account: str, password: str, at_ms: int) -> None:
        """Give an account the password that its person chose."""
        stored = passwords.hash_password(password, login=account)
        self._put(actor, account, "new password", at_ms, password_hash=stored)

    def reset(self, actor: Actor, account: str, at_ms: int, why: str = "") -> str:
        """Return a new one-time password; one-time codes, PIN, badge and sessions end."""
        password, stored = passwords.one_time()
        self._put(
            actor,
            account,
            why or "reset",
            at_ms,
            password_hash=stored,
            totp_secret=None,
            pin_hash=None,
            badge_hash=None,
            state="active",
        )
        self._sessions.end_all(account)
        return password

    def close(self, actor: Actor, account: str, at_ms: int, why: str = "") -> None:
        """Close an account: nobody comes in by it any more."""
        self._put(actor, account, why or "closed", at_ms, state="closed")
        self._sessions.end_all(account)

    def confirm_totp(
        self, actor: Actor, account: str, secret: str, code: str, at_ms: int
    ) -> None:
        """Take a second factor into use, once a code of it proves that it works."""
        if len(secret) < totp.SECRET_BYTES or totp.step_of(secret, code, at_ms, -1) is None:
            raise AccountError("code_wrong", "the one-time code is not of this secret and time")
        self._put(actor, account, "second factor", at_ms, totp_secret=secret)

    def set_pin(self, actor: Actor, account: str, pin: str, at_ms: int) -> None:
        """Give an account a PIN for shared stations."""
        self._put(actor, account, "station PIN", at_ms, pin_hash=passwords.hash_pin(pin))

    def set_badge(
        self, actor: Actor, account: str, badge: str, at_ms: int, why: str = ""
    ) -> None:
        """Give an account a badge for shared stations."""
        kept = hash_badge(badge)
        holders = self._store.find("account", where={"badge_hash": kept}, limit=1)
        if holders and holders[0].id != account:
            raise AccountError("badge_taken", "this badge is somebody else's")
        self._put(actor, account, why or "badge", at_ms, badge_hash=kept)

    def set_phone(self, actor: Actor, account: str, number: str, at_ms: int) -> None:
        """Note a phone number that has just proven to be the person's."""
        values = {"phone": phone.normal(number), "phone_verified_ms": at_ms}
        self._put(actor, account, "phone number verified", at_ms, **values)

    def set_lang(self, actor: Actor, account: str, lang: str, at_ms: int) -> None:
        """Note in which language somebody is written to."""
        self._put(actor, account, "language", at_ms, lang=lang)

    def grant(self, actor: Actor, new: NewGrant, at_ms: int, why: str = "") -> Row:
        """Give somebody a role; whether the actor may is asked before (`may_grant`)."""
        if new.role not in roles() or new.role == "public":
            raise AccountError("role", f"unknown role {new.role!r}; use {', '.join(roles())}")
        fields = {
            "account": new.account,
            "role": new.role,
            "organisation": new.organisation or None,
            "region": new.region or None,
            "subject_class": new.subject_class or None,
            "until_ms": new.until_ms,
            "work_order": new.work_order or None,
        }
        told = why or f"{new.account} becomes {new.role}"
        with self._store.change(actor, told, at_ms) as change:
            return change.put("grant", secrets.token_hex(ID_BYTES), **fields)

    def end_grant(self, actor: Actor, grant: str, at_ms: int, why: str = "") -> None:
        """Take a role away."""
        with self._store.change(actor, why or "role taken away", at_ms) as change:
            change.end("grant", grant)

    def make_token(
        self,
        actor: Actor,
        account: str,
        actions: Iterable[Action],
        until_ms: int | None,
        label: str,
        at_ms: int,
    ) -> Token:
        """Make an API token; its text is shown once.

        Args:
            actor: Who makes it.
            account: Whose rights it has, as far as `actions` allow.
            actions: What it is confined to; nothing that is signed.
            until_ms: When it ends, None for never.
            label: What it is for.
            at_ms: Now.
        """
        wanted = frozenset(actions)
        if signed := wanted & SIGNATURES:
            raise AccountError("token_signs", f"a token cannot {', '.join(sorted(signed))}")
        token = new_token()
        with self._store.change(actor, f"API token {label}".strip(), at_ms) as change:
            change.put(
                "api_token",
                token.id,
                account=account,
                token_hash=token.stored,
                actions=sorted(wanted),
                until_ms=until_ms,
                label=label or None,
            )
        return token

    def end_token(self, actor: Actor, token: str, at_ms: int, why: str = "") -> None:
        """End an API token."""
        with self._store.change(actor, why or "API token ended", at_ms) as change:
            change.end("api_token", token)

    def _put(self, actor: Actor, account: str, why: str, at_ms: int, **values: object) -> None:
        if self._store.get("account", account) is None:
            raise AccountError("unknown", f"there is no account {account}")
        with self._store.change(actor, why, at_ms) as change:
            change.put("account", account, **values)
