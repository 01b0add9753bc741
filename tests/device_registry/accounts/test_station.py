"""`device_registry.accounts.station`: a badge is found again without being kept."""

import pytest

from device_registry.accounts.errors import AccountError
from device_registry.accounts.station import hash_badge


def test_a_badge_is_found_again_and_not_readable() -> None:
    assert hash_badge(" 0012345678\n") == hash_badge("0012345678")
    assert hash_badge("0012345678") != hash_badge("0012345679")
    assert "0012345678" not in hash_badge("0012345678")


def test_a_badge_too_short_to_tell_people_apart_is_refused() -> None:
    with pytest.raises(AccountError):
        hash_badge("12345")
