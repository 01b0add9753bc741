"""Credit codes: the check character catches what a person mistypes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_registry.codes.uscc import ALPHABET, check_character, check_uscc
from device_registry.errors import CodeError

STANDARD = "91350100M000100Y43"
"""The example of GB 32100-2015."""
CODES = st.text(st.sampled_from(ALPHABET), min_size=9, max_size=9).map(
    lambda own: f"91510502{own}" + check_character(f"91510502{own}")
)


def test_the_example_of_the_standard_holds() -> None:
    assert check_uscc(STANDARD) == STANDARD
    assert check_uscc(" 91350100 m000100y 43\n") == STANDARD


@given(CODES, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_any_one_wrong_character_is_noticed(code: str, place: int, wrong: str) -> None:
    mistyped = code[:place] + wrong + code[place + 1 :]
    assert check_uscc(code) == code
    if mistyped != code:
        with pytest.raises(CodeError, match="营业执照"):
            check_uscc(mistyped)


@given(CODES, st.integers(0, 16))
def test_two_neighbours_swapped_are_noticed(code: str, place: int) -> None:
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if swapped != code:
        with pytest.raises(CodeError):
            check_uscc(swapped)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (STANDARD[:-1], "18 characters, got 17"),
        ("", "got 0"),
        (STANDARD.replace("M", "O"), "character 9 cannot be 'O'"),
        ("91A50100M000100Y43", "digits, got A50100"),
    ],
)
def test_what_is_wrong_is_named(code: str, what: str) -> None:
    with pytest.raises(CodeError, match=what):
        check_uscc(code)
