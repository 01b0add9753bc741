"""`device_registry.accounts.log_ins`: who comes in, who does not, and what is told."""

import pytest

from device_registry.accounts import totp
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.outcome import Accepted, CodeNeeded, Locked, Refused
from device_registry.accounts.people import NewAccount
from device_registry.accounts.session import Method
from device_registry.accounts.sms_code import DAY_MS, NUMBER_VALID_MS
from device_registry.accounts.station import Station
from tests.support.people import NOW_MS, OTHER, PASSWORD, SETUP, person

MINUTE_MS = 60_000
PHONE = "+8613800000000"
PIN = "482913"
STATION = Station(id="s1", site="chs-001", label="柜台", made_by="head")


def with_totp(accounts: Accounts, id_: str) -> str:
    secret = totp.new_secret()
    code = totp.code_at(secret, NOW_MS)
    accounts.people.confirm_totp(SETUP, id_, secret, code, NOW_MS)
    return secret


def test_the_right_password_comes_in(accounts: Accounts) -> None:
    person(accounts, "li", "keeper")
    outcome = accounts.log_ins.by_password(" LI ", PASSWORD, "", NOW_MS)
    assert outcome == Accepted(account="li", method=Method.PASSWORD, is_strong=False)


def test_what_is_wrong_is_not_told(accounts: Accounts) -> None:
    person(accounts, "li", "keeper")
    accounts.people.close(SETUP, person(accounts, "zhao"), NOW_MS)
    for login, password in (("li", "wrong"), ("nobody", PASSWORD), ("zhao", PASSWORD)):
        assert accounts.log_ins.by_password(login, password, "", NOW_MS) == Refused()


@pytest.mark.parametrize("login", ["li", "nobody"])
def test_after_five_wrong_passwords_the_right_one_waits_a_minute(
    accounts: Accounts, login: str
) -> None:
    person(accounts, "li", "keeper")
    for _ in range(5):
        assert accounts.log_ins.by_password(login, "wrong", "", NOW_MS) == Refused()
    locked = accounts.log_ins.by_password(login, PASSWORD, "", NOW_MS + 1)
    assert locked == Locked(until_ms=NOW_MS + MINUTE_MS)
    after = accounts.log_ins.by_password("li", PASSWORD, "", NOW_MS + MINUTE_MS)
    assert isinstance(after, Accepted)


def test_a_second_factor_is_asked_for_and_counts_once(accounts: Accounts) -> None:
    secret = with_totp(accounts, person(accounts, "li", "quality_head"))
    at_ms = NOW_MS + MINUTE_MS
    code = totp.code_at(secret, at_ms)
    log_in = accounts.log_ins.by_password

    assert log_in("li", PASSWORD, "", at_ms) == CodeNeeded()
    assert log_in("li", PASSWORD, "000000", at_ms) == Refused()
    first = log_in("li", PASSWORD, code, at_ms)
    assert first == Accepted(account="li", method=Method.TOTP, is_strong=True)
    assert log_in("li", PASSWORD, code, at_ms) == Refused()


def test_an_empty_code_between_wrong_ones_forgives_none_of_them(accounts: Accounts) -> None:
    with_totp(accounts, person(accounts, "li", "quality_head"))
    for code in ("000000", "", "111111", "", "222222"):
        accounts.log_ins.by_password("li", PASSWORD, code, NOW_MS)
    outcome = accounts.log_ins.by_password("li", PASSWORD, "", NOW_MS)
    assert isinstance(outcome, Locked)


def test_a_one_time_password_must_be_changed(accounts: Accounts) -> None:
    new = NewAccount(id="li", name="李华", organisation="chs")
    password = accounts.people.add(SETUP, new, NOW_MS)
    outcome = accounts.log_ins.by_password("li", password, "", NOW_MS)
    assert isinstance(outcome, Accepted)
    assert outcome.must_change


def test_a_code_by_sms_comes_in_once(accounts: Accounts) -> None:
    accounts.people.set_phone(SETUP, person(accounts, "li"), "138 0000 0000", NOW_MS)
    wait, code = accounts.log_ins.prepare_sms(PHONE, NOW_MS)
    assert (wait, len(code)) == (0, 6)
    outcome = accounts.log_ins.by_sms(PHONE, code, NOW_MS + 1)
    assert outcome == Accepted(account="li", method=Method.SMS, is_strong=False)
    assert accounts.log_ins.by_sms(PHONE, code, NOW_MS + 2) == Refused()


def test_a_number_that_nobody_verified_gets_no_code_and_waits_as_long(
    accounts: Accounts,
) -> None:
    assert accounts.log_ins.prepare_sms(PHONE, NOW_MS) == (0, "")
    assert accounts.log_ins.prepare_sms(PHONE, NOW_MS + 1) == (MINUTE_MS - 1, "")


def test_a_number_counts_for_ninety_days_after_it_was_verified(accounts: Accounts) -> None:
    accounts.people.set_phone(SETUP, person(accounts, "li"), PHONE, NOW_MS)
    assert accounts.log_ins.prepare_sms(PHONE, NOW_MS + NUMBER_VALID_MS - 1)[1]
    assert accounts.log_ins.prepare_sms(PHONE, NOW_MS + NUMBER_VALID_MS + DAY_MS) == (0, "")


def test_a_number_that_two_people_share_proves_neither(accounts: Accounts) -> None:
    for id_ in ("li", "wang"):
        accounts.people.set_phone(SETUP, person(accounts, id_), PHONE, NOW_MS)
    assert accounts.log_ins.prepare_sms(PHONE, NOW_MS) == (0, "")


def test_at_a_shared_station_the_person_changes_by_pin_or_badge(accounts: Accounts) -> None:
    person(accounts, "li", "keeper")
    accounts.people.set_pin(SETUP, "li", PIN, NOW_MS)
    accounts.people.set_badge(SETUP, "li", "0012345678", NOW_MS)
    expected = Accepted(account="li", method=Method.STATION, is_strong=False)

    assert accounts.log_ins.by_pin("li", PIN, STATION, NOW_MS) == expected
    assert accounts.log_ins.by_badge("0012345678", STATION, NOW_MS) == expected
    assert accounts.log_ins.by_pin("li", "482914", STATION, NOW_MS) == Refused()
    assert accounts.log_ins.by_badge("0012345679", STATION, NOW_MS) == Refused()
    assert accounts.log_ins.by_badge("x", STATION, NOW_MS) == Refused()


def test_nobody_works_at_the_station_of_another_firm(accounts: Accounts) -> None:
    person(accounts, "mei", "keeper", firm=OTHER)
    accounts.people.set_pin(SETUP, "mei", PIN, NOW_MS)
    accounts.people.set_badge(SETUP, "mei", "0012345678", NOW_MS)
    assert accounts.log_ins.by_pin("mei", PIN, STATION, NOW_MS) == Refused()
    assert accounts.log_ins.by_badge("0012345678", STATION, NOW_MS) == Refused()


def test_guessed_badges_lock_the_station(accounts: Accounts) -> None:
    for n in range(5):
        accounts.log_ins.by_badge(f"guess-{n:06}", STATION, NOW_MS)
    assert isinstance(accounts.log_ins.by_badge("0012345678", STATION, NOW_MS), Locked)


def test_a_provider_vouches_only_for_accounts_there_are(accounts: Accounts) -> None:
    person(accounts, "li")
    outcome = accounts.log_ins.by_provider("Li", is_strong=True)
    assert outcome == Accepted(account="li", method=Method.OIDC, is_strong=True)
    assert accounts.log_ins.by_provider("nobody", is_strong=True) == Refused()
