"""Passwords: stored as Argon2id, never readable again.

The cost follows OWASP's password storage sheet: 19 MiB and two passes, some 20 ms. A password
that somebody else made is marked, and must be changed at the first log-in.
"""

import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from device_registry.accounts.errors import AccountError

MIN_CHARS: Final = 10
MAX_CHARS: Final = 256
"""Hashing takes the time of its input; nobody types more."""
PIN_MIN_DIGITS: Final = 6
ONCE: Final = "once:"
"""Before the hash of a password that must be changed at the first log-in."""
_ONE_TIME_BYTES: Final = 12

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Checked in place of an account that does not exist, so that both take the same time.
_NOBODYS: Final = _hasher.hash(secrets.token_hex())


def hash_password(password: str, *, login: str) -> str:
    """Return what to store.

    Raises:
        AccountError: the password is too short, too long or holds the login itself.
    """
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise AccountError(
            "password_length", f"a password has {MIN_CHARS} to {MAX_CHARS} characters"
        )
    if login.casefold() in password.casefold() or len(set(password)) < MIN_CHARS // 2:
        raise AccountError(
            "password_weak", "a password neither holds the login nor repeats few characters"
        )
    return _hasher.hash(password)


def hash_pin(pin: str) -> str:
    """Return what to store of a station PIN; AccountError unless it is at least 6 digits."""
    if not (pin.isascii() and pin.isdecimal() and PIN_MIN_DIGITS <= len(pin) <= MAX_CHARS):
        raise AccountError("pin_shape", f"a PIN has at least {PIN_MIN_DIGITS} digits")
    if len(set(pin)) < 3 or pin in "01234567890" or pin in "09876543210":
        raise AccountError("pin_weak", "a PIN is neither a run of digits nor one or two digits")
    return _hasher.hash(pin)


def one_time() -> tuple[str, str]:
    """Return a new password to hand over, and what to store of it."""
    password = secrets.token_urlsafe(_ONE_TIME_BYTES)
    return password, ONCE + _hasher.hash(password)


def check(stored: str, given: str) -> bool:
    """Say whether `given` is the password or PIN; takes as long when nothing is stored."""
    try:
        _hasher.verify(stored.removeprefix(ONCE) or _NOBODYS, given[:MAX_CHARS])
    except (VerificationError, InvalidHashError):
        return False
    return bool(stored)


def must_change(stored: str) -> bool:
    """Say whether the password was made by somebody else."""
    return stored.startswith(ONCE)


def rehashed(stored: str, given: str) -> str | None:
    """Return the hash of a right password at today's cost, None while `stored` has that."""
    if must_change(stored) or not _hasher.check_needs_rehash(stored):
        return None
    return _hasher.hash(given)
