"""Codes of a simulated scanner: the two forms that real ones read."""

import re

from hypothesis import given
from hypothesis import strategies as st

from simulators.codes import GS, check_digit, code, gs1_code, trace_code


def test_check_digits_are_those_of_gs1() -> None:
    bodies = {"0950600013435": "2", "8690487900012": "6"}
    bodies |= {"10695013400012345": "4", "950600013430": "7"}
    assert {body: check_digit(body) for body in bodies} == bodies


@given(st.integers(), st.integers(0, 10_000))
def test_every_code_has_its_form(seed: int, number: int) -> None:
    assert re.fullmatch(r"8\d{19}", trace_code(seed, number))
    found = re.fullmatch(
        rf"\]d201(\d{{14}})17(\d{{6}})10\d{{6}}{GS}21\d{{10}}", gs1_code(seed, number)
    )
    assert found
    assert check_digit(found[1][:13]) == found[1][13]


def test_both_kinds_take_turns() -> None:
    kinds = [code(1, n).startswith("]d2") for n in range(6)]
    assert kinds == [False, False, True, False, False, True]
