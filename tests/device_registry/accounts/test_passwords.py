"""`device_registry.accounts.passwords`: what is stored, what is refused."""

import pytest

from device_registry.accounts.errors import AccountError
from device_registry.accounts.passwords import (
    check,
    hash_password,
    hash_pin,
    must_change,
    one_time,
    rehashed,
)

GOOD = "七号冷库 keeps 2-8"


def test_only_the_password_itself_matches_what_is_stored() -> None:
    stored = hash_password(GOOD, login="li")
    assert stored.startswith("$argon2id$")
    assert GOOD not in stored
    assert check(stored, GOOD)
    assert not check(stored, GOOD + " ")


def test_nothing_stored_matches_nothing() -> None:
    assert not check("", "")
    assert not check("not a hash", GOOD)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_length"),
        ("x" * 257, "password_length"),
        ("aaaaaaaaaabb", "password_weak"),
        ("my-LiHua-2026", "password_weak"),
    ],
)
def test_a_weak_password_is_refused_saying_why(password: str, code: str) -> None:
    with pytest.raises(AccountError) as refused:
        hash_password(password, login="lihua")
    assert refused.value.code == code
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        ("12345", "pin_shape"),
        ("12345a", "pin_shape"),
        ("１２３４５６", "pin_shape"),
        ("123456", "pin_weak"),
        ("111222", "pin_weak"),
        ("987654", "pin_weak"),
    ],
)
def test_a_weak_pin_is_refused(pin: str, code: str) -> None:
    with pytest.raises(AccountError) as refused:
        hash_pin(pin)
    assert refused.value.code == code


def test_a_password_made_by_somebody_else_must_be_changed() -> None:
    password, stored = one_time()
    assert check(stored, password)
    assert must_change(stored)
    assert not must_change(hash_password(GOOD, login="li"))


def test_a_cheaper_hash_is_made_anew_at_the_next_right_password() -> None:
    from argon2 import PasswordHasher  # noqa: PLC0415 - only to make an old hash

    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    new = rehashed(old, GOOD)
    assert new is not None
    assert check(new, GOOD)
    assert rehashed(new, GOOD) is None
