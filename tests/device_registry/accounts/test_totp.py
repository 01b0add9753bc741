"""`device_registry.accounts.totp`: the codes of RFC 6238, each once."""

import base64

import pytest

from device_registry.accounts.totp import STEP_MS, address, code_at, new_secret, step_of

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
NOW_MS = 1_795_363_200_000


@pytest.mark.parametrize(
    ("at_s", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")],
)
def test_the_codes_are_those_of_the_rfc(at_s: int, code: str) -> None:
    assert code_at(RFC_SECRET, at_s * 1000) == code


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_code_counts_in_its_step_and_the_ones_beside_it(off: int) -> None:
    code = code_at(RFC_SECRET, NOW_MS + off * STEP_MS)
    assert step_of(RFC_SECRET, f" {code} ", NOW_MS, -1) == NOW_MS // STEP_MS + off


@pytest.mark.parametrize("off", [-2, 2])
def test_a_code_further_away_does_not_count(off: int) -> None:
    code = code_at(RFC_SECRET, NOW_MS + off * STEP_MS)
    assert step_of(RFC_SECRET, code, NOW_MS, -1) is None


def test_a_used_code_and_older_ones_never_count_again() -> None:
    code = code_at(RFC_SECRET, NOW_MS)
    step = step_of(RFC_SECRET, code, NOW_MS, -1)
    assert step is not None
    assert step_of(RFC_SECRET, code, NOW_MS, step) is None
    older = code_at(RFC_SECRET, NOW_MS - STEP_MS)
    assert step_of(RFC_SECRET, older, NOW_MS, step) is None


@pytest.mark.parametrize("code", ["", "28708", "abcdef", "２８７０８２"])
def test_what_is_no_code_does_not_count(code: str) -> None:
    assert step_of(RFC_SECRET, code, 59_000, -1) is None


def test_a_spoilt_secret_matches_no_code_not_even_an_empty_one() -> None:
    assert step_of("not base32!", "", NOW_MS, -1) is None


def test_an_authenticator_is_told_the_secret_and_whose_it_is() -> None:
    secret = new_secret()
    assert address(secret, "li hua").startswith("otpauth://totp/Coldwarden%3Ali%20hua?secret=")
    assert secret in address(secret, "li")
