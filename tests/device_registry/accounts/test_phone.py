"""`device_registry.accounts.phone`: one spelling of a number."""

import pytest

from device_registry.accounts.errors import AccountError
from device_registry.accounts.phone import normal, spellings


@pytest.mark.parametrize("text", ["13800000000", "138 0000-0000", "+86 138 0000 0000"])
def test_a_mobile_number_has_one_spelling(text: str) -> None:
    assert normal(text) == "+8613800000000"


@pytest.mark.parametrize(
    "text", ["", "12345", "+", "+0123456789", "１３８００００００００", "110"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(AccountError):
        normal(text)


def test_the_registry_may_hold_a_number_without_its_country() -> None:
    assert spellings("+8613800000000") == ("+8613800000000", "13800000000")
    assert spellings("+4915100000000") == ("+4915100000000",)
