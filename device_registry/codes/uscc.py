"""Unified social credit codes of organisations (GB 32100-2015).

Pure. Eighteen characters: registering authority, class, division (6 digits), the body's own
code (9) and a check character. I, O, S, V and Z are not used, so that nobody misreads them.
"""

from typing import Final

from device_registry.errors import CodeError

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""A character's value is its place here (GB 32100-2015 table 3)."""
_LENGTH: Final = 18
_MODULUS: Final = 31
_WEIGHTS: Final = tuple(pow(3, place, _MODULUS) for place in range(_LENGTH - 1))
_REMEDY: Final = "copy it from the business licence (营业执照)"


def check_uscc(text: str) -> str:
    """Return the code in capitals without spaces.

    Raises:
        CodeError: its length, a character or its check character is wrong.
    """
    code = "".join(text.split()).upper()
    if len(code) != _LENGTH:
        raise CodeError(f"a credit code has {_LENGTH} characters, got {len(code)}", _REMEDY)
    for place, character in enumerate(code, start=1):
        if character not in ALPHABET:
            raise CodeError(f"character {place} cannot be {character!r}", _REMEDY)
    if not code[2:8].isdigit():
        raise CodeError(f"characters 3 to 8 are a division's digits, got {code[2:8]}", _REMEDY)
    expected = check_character(code[:-1])
    if code[-1] != expected:
        raise CodeError(
            f"the check character {code[-1]} does not fit the others",
            f"one is wrong: {_REMEDY}",
        )
    return code


def check_character(first_17: str) -> str:
    """Return the check character for the 17 before it (GB 32100-2015 annex A)."""
    values = (ALPHABET.index(character) for character in first_17)
    total = sum(v * weight for v, weight in zip(values, _WEIGHTS, strict=True))
    return ALPHABET[-total % _MODULUS]
