"""`device_registry.accounts.token`: shown once, kept as a hash."""

import pytest

from device_registry.accounts.token import new_token, parse_token


def test_a_token_is_read_back_and_matches_what_is_kept() -> None:
    token = new_token()
    again = parse_token(token.text)
    assert again == token
    assert again.matches(token.stored)
    assert token.secret not in token.stored
    assert not new_token().matches(token.stored)


@pytest.mark.parametrize("text", ["", "cwt_", "cwt_00_x", f"cwt_{'0' * 16}_{'x' * 44}", "x"])
def test_what_is_no_token_is_none(text: str) -> None:
    assert parse_token(text) is None
