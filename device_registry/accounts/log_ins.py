"""The ways to log in: password with one-time code, code by SMS, PIN or badge, another's word.

Each attempt is counted before it is looked at. What is wrong is never said: an account that
does not exist, one that is closed and a wrong password look alike and take as long.
"""

import secrets
from typing import Final

from device_registry.access.action import Action
from device_registry.access.policy import may
from device_registry.accounts import passwords, totp
from device_registry.accounts.attempt_store import AttemptStore
from device_registry.accounts.errors import AccountError
from device_registry.accounts.outcome import Accepted, CodeNeeded, Locked, Outcome, Refused
from device_registry.accounts.phone import spellings
from device_registry.accounts.rights import Rights
from device_registry.accounts.session import Method
from device_registry.accounts.sms_code import (
    NUMBER_VALID_MS,
    Sent,
    after_sending,
    after_try,
    wait_ms,
)
from device_registry.accounts.station import Station, hash_badge
from device_registry.store.audit import Actor
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

_REFUSED: Final = Refused()
CODE_DIGITS: Final = 6


class LogIns:
    """See the module; may be called from any thread, and takes tens of ms."""

    def __init__(self, store: RegistryStore, rights: Rights, attempts: AttemptStore) -> None:
        self._store = store
        self._rights = rights
        self._attempts = attempts

    def by_password(self, login: str, password: str, code: str, at_ms: int) -> Outcome:
        """Log in by password, and by one-time code where the account has one."""
        login = _clean(login)
        if until_ms := self._attempts.begin(login, at_ms):
            return Locked(until_ms=until_ms)
        row = self._rights.account(login)
        stored = row.text("password_hash") if row else ""
        if not passwords.check(stored, password) or row is None:
            return _REFUSED
        secret = row.text("totp_secret")
        if secret:
            # The attempt stays counted: else an empty code between two wrong ones would
            # forgive the wrong ones.
            if not code.strip():
                return CodeNeeded()
            if not self._is_code(row.id, secret, code, at_ms):
                return _REFUSED
        self._attempts.succeed(login)
        self._renew_hash(row, password, at_ms)
        return Accepted(
            account=row.id,
            method=Method.TOTP if secret else Method.PASSWORD,
            is_strong=bool(secret),
            must_change=passwords.must_change(stored),
        )

    def prepare_sms(self, phone: str, at_ms: int) -> tuple[int, str]:
        """Return how long to wait before a code may be sent, and else the code to send.

        The code is "" when nobody has this number: the caller says the same as if it was sent.
        """
        wait = self.count_sending(phone, code := _new_code(), at_ms)
        return (wait, "") if wait or self._by_phone(phone, at_ms) is None else (0, code)

    def count_sending(self, phone: str, code: str, at_ms: int) -> int:
        """Note that `code` is sent to a number; return how long to wait instead, 0 for now."""

        def send(sent: Sent) -> tuple[int, Sent]:
            if wait := wait_ms(sent, at_ms):
                return wait, sent
            return 0, after_sending(sent, phone, code, at_ms)

        return self._attempts.with_sms(phone, at_ms, send)

    def is_sms_code(self, phone: str, code: str, at_ms: int) -> bool:
        """Say whether `code` was sent to `phone` and still counts; it counts once."""
        return self._attempts.with_sms(phone, at_ms, lambda s: after_try(s, phone, code, at_ms))

    def by_sms(self, phone: str, code: str, at_ms: int) -> Outcome:
        """Log in by a code that was sent to a verified number."""
        is_right = self.is_sms_code(phone, code, at_ms)
        row = self._by_phone(phone, at_ms)
        if not is_right or row is None:
            return _REFUSED
        return Accepted(account=row.id, method=Method.SMS, is_strong=False)

    def by_pin(self, login: str, pin: str, station: Station, at_ms: int) -> Outcome:
        """Change to a person at a shared station by its PIN."""
        login = _clean(login)
        if until_ms := self._attempts.begin(login, at_ms):
            return Locked(until_ms=until_ms)
        row = self._rights.account(login)
        is_right = passwords.check(row.text("pin_hash") if row else "", pin)
        if not is_right or row is None or not self._works_at(row.id, station, at_ms):
            return _REFUSED
        self._attempts.succeed(login)
        return Accepted(account=row.id, method=Method.STATION, is_strong=False)

    def signature(self, login: str, secret: str, at_ms: int) -> Outcome:
        """Take somebody's password or PIN as a signature on the spot."""
        login = _clean(login)
        if until_ms := self._attempts.begin(login, at_ms):
            return Locked(until_ms=until_ms)
        row = self._rights.account(login)
        is_password = passwords.check(row.text("password_hash") if row else "", secret)
        # Looked at whatever the first says, so that the time tells nothing.
        is_pin = passwords.check(row.text("pin_hash") if row else "", secret)
        if row is None or not (is_password or is_pin):
            return _REFUSED
        self._attempts.succeed(login)
        return Accepted(account=row.id, method=Method.STATION, is_strong=False)

    def by_badge(self, badge: str, station: Station, at_ms: int) -> Outcome:
        """Change to a person at a shared station by its badge."""
        guessing = f"badge:{station.id}"
        if until_ms := self._attempts.begin(guessing, at_ms):
            return Locked(until_ms=until_ms)
        try:
            wanted = {"badge_hash": hash_badge(badge), "state": "active"}
        except AccountError:
            return _REFUSED
        found = self._store.find("account", where=wanted, limit=2)
        if len(found) != 1 or not self._works_at(found[0].id, station, at_ms):
            return _REFUSED
        self._attempts.succeed(guessing)
        return Accepted(account=found[0].id, method=Method.STATION, is_strong=False)

    def by_provider(self, account: str, *, is_strong: bool) -> Outcome:
        """Log in whom an identity provider vouches for."""
        row = self._rights.account(_clean(account))
        if row is None:
            return _REFUSED
        return Accepted(account=row.id, method=Method.OIDC, is_strong=is_strong)

    def by_external_id(self, external_id: str, *, is_strong: bool) -> Outcome:
        """Log in whose account names this identity, `provider:subject`."""
        if not external_id.isprintable():
            return _REFUSED
        wanted = {"external_id": external_id, "state": "active"}
        found = self._store.find("account", where=wanted, limit=2)
        if len(found) != 1:
            return _REFUSED
        return Accepted(account=found[0].id, method=Method.OIDC, is_strong=is_strong)

    def _is_code(self, account: str, secret: str, code: str, at_ms: int) -> bool:
        used = self._attempts.last_step(account)
        step = totp.step_of(secret, code, at_ms, used)
        return step is not None and self._attempts.use_step(account, step)

    def _renew_hash(self, row: Row, password: str, at_ms: int) -> None:
        fresh = passwords.rehashed(row.text("password_hash"), password)
        if fresh is not None:
            with self._store.change(Actor(account=row.id, via="web"), "cost", at_ms) as change:
                change.put("account", row.id, password_hash=fresh)

    def _by_phone(self, phone: str, at_ms: int) -> Row | None:
        wanted = {"phone": list(spellings(phone)), "state": "active"}
        found = self._store.find("account", where=wanted, limit=2)
        if len(found) != 1:
            return None  # a number that two people share proves neither
        age_ms = at_ms - found[0].number("phone_verified_ms")
        return found[0] if age_ms < NUMBER_VALID_MS else None

    def _works_at(self, account: str, station: Station, at_ms: int) -> bool:
        site = self._store.get("site", station.site)
        principal = self._rights.principal(account, is_strong=False)
        if site is None or site.subject is None or principal is None:
            return False
        return may(principal, Action.VIEW_SITE, site.subject, at_ms)


def _clean(login: str) -> str:
    login = login.strip().lower()
    return login if login.isprintable() else ""


def _new_code() -> str:
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
