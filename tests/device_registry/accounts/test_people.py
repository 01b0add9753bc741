"""`device_registry.accounts.people`: changes of accounts, and what of them is never shown."""

import pytest

from device_registry.access.action import Action
from device_registry.accounts import totp
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.errors import AccountError
from device_registry.accounts.outcome import Accepted
from device_registry.accounts.people import NewAccount, NewGrant
from device_registry.store.audit import audit_leaf
from tests.support.gates import session_of
from tests.support.people import NOW_MS, PASSWORD, SETUP, person


def test_no_secret_reaches_the_audit_trail(accounts: Accounts) -> None:
    person(accounts, "li", "keeper")
    secret = totp.new_secret()
    code = totp.code_at(secret, NOW_MS)
    accounts.people.confirm_totp(SETUP, "li", secret, code, NOW_MS)
    accounts.people.set_pin(SETUP, "li", "482913", NOW_MS)
    row = accounts.store.get("account", "li")
    assert row is not None
    secrets = [row.text(name).encode() for name in ("password_hash", "totp_secret", "pin_hash")]
    trail = [audit_leaf(entry) for entry in accounts.store.audit(limit=1000)]
    assert len(trail) > 10
    assert not [leaf for leaf in trail for one in secrets if not one or one in leaf]


def test_a_reset_ends_every_session_and_every_second_factor(accounts: Accounts) -> None:
    person(accounts, "li", "keeper")
    accounts.people.set_badge(SETUP, "li", "0012345678", NOW_MS)
    cookie = accounts.sessions.begin(session_of("li"))
    password = accounts.people.reset(SETUP, "li", NOW_MS)
    assert accounts.sessions.find(cookie, NOW_MS) is None
    outcome = accounts.log_ins.by_password("li", password, "", NOW_MS)
    assert isinstance(outcome, Accepted)
    row = accounts.store.get("account", "li")
    assert row is not None
    assert not row.text("badge_hash")


def test_a_second_factor_is_taken_into_use_only_when_it_works(accounts: Accounts) -> None:
    person(accounts, "li")
    for secret, code in ((totp.new_secret(), "000000"), ("", ""), ("AAAA", "328482")):
        with pytest.raises(AccountError, match="one-time code"):
            accounts.people.confirm_totp(SETUP, "li", secret, code, NOW_MS)


def test_a_badge_is_one_persons(accounts: Accounts) -> None:
    for id_ in ("li", "wang"):
        person(accounts, id_)
    accounts.people.set_badge(SETUP, "li", "0012345678", NOW_MS)
    accounts.people.set_badge(SETUP, "li", "0012345678", NOW_MS)
    with pytest.raises(AccountError, match="somebody else"):
        accounts.people.set_badge(SETUP, "wang", "0012345678", NOW_MS)


def test_an_account_is_made_once(accounts: Accounts) -> None:
    person(accounts, "li")
    with pytest.raises(AccountError, match="already"):
        accounts.people.add(SETUP, NewAccount(id="li", name="x", organisation="chs"), NOW_MS)


def test_nobody_is_given_an_unknown_role_or_the_publics(accounts: Accounts) -> None:
    person(accounts, "li")
    for role in ("king", "public"):
        with pytest.raises(AccountError, match="role"):
            accounts.people.grant(SETUP, NewGrant(account="li", role=role), NOW_MS)


def test_a_token_that_could_sign_is_not_made(accounts: Accounts) -> None:
    person(accounts, "li")
    actions = [Action.SIGN_REPORT]
    with pytest.raises(AccountError, match="sign_report"):
        accounts.people.make_token(SETUP, "li", actions, None, "", NOW_MS)


def test_what_cannot_be_is_refused_for_who_is_not_there(accounts: Accounts) -> None:
    with pytest.raises(AccountError, match="no account nobody"):
        accounts.people.set_password(SETUP, "nobody", PASSWORD, NOW_MS)
