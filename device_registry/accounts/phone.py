"""Phone numbers: one spelling for what people write in several. Pure."""

import re
from typing import Final

from device_registry.accounts.errors import AccountError

COUNTRY: Final = "+86"
_NOISE: Final = re.compile(r"[\s().-]")
_CHINESE_MOBILE: Final = re.compile(r"1[3-9]\d{9}")
_INTERNATIONAL: Final = re.compile(r"\+[1-9]\d{6,14}")


def normal(text: str) -> str:
    """Return a number as E.164, e.g. +8613800000000; AccountError when it is none."""
    digits = _NOISE.sub("", text)
    if digits.isascii() and _CHINESE_MOBILE.fullmatch(digits):
        return COUNTRY + digits
    if digits.isascii() and _INTERNATIONAL.fullmatch(digits):
        return digits
    raise AccountError("phone_shape", "a phone number is 11 digits, or + and a country code")


def spellings(number: str) -> tuple[str, ...]:
    """Return how the registry may hold `number`, which is normal."""
    return (number, number.removeprefix(COUNTRY)) if number.startswith(COUNTRY) else (number,)
