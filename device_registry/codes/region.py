"""Region codes: provinces, cities and counties by GB/T 2260, townships by 12 digits.

Pure. A subtree is a prefix: `region_prefix("510500")` is "5105", and every code of that city
starts with it. Roles, scopes and queries compare prefixes only.
"""

from enum import StrEnum

from device_registry.errors import CodeError


class Level(StrEnum):
    """How far down the tree a region stands."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"


_DIGITS = {Level.PROVINCE: 2, Level.CITY: 4, Level.COUNTY: 6, Level.TOWNSHIP: 9}
_REMEDY = "write 6 digits of GB/T 2260, or 12 for a township, ending in 000"


def check_region(code: str) -> str:
    """Return `code` if it can be a region; `CodeError` otherwise."""
    level_of(code)
    return code


def level_of(code: str) -> Level:
    """Return how far down `code` stands; `CodeError` if it cannot be a region."""
    if not (code.isascii() and code.isdigit() and len(code) in {6, 12}) or code[:2] == "00":
        raise CodeError(f"{code!r} is not a region code", _REMEDY)
    if len(code) == 12:
        return _township(code)
    if code[2:] == "0000":
        return Level.PROVINCE
    if code[2:4] == "00":
        raise CodeError(f"{code!r} names a county without a city", _REMEDY)
    return Level.CITY if code[4:] == "00" else Level.COUNTY


def region_prefix(code: str) -> str:
    """Return the digits that all codes within `code` start with, and no others."""
    return code[: _DIGITS[level_of(code)]]


def is_within(code: str, prefix: str) -> bool:
    """Say whether a region lies within the subtree of `prefix`; "" is the whole country."""
    return code.startswith(prefix)


def lineage(code: str) -> tuple[str, ...]:
    """Return `code` and the codes of the regions around it, the nearest first."""
    level_of(code)
    around = (code, code[:6], f"{code[:4]}00", f"{code[:2]}0000")
    return tuple(dict.fromkeys(around))


def _township(code: str) -> Level:
    if code[6:9] == "000" or code[9:] != "000" or level_of(code[:6]) is not Level.COUNTY:
        raise CodeError(f"{code!r} is not a township", _REMEDY)
    return Level.TOWNSHIP
