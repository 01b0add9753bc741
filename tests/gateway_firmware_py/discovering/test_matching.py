"""Maps are told apart by what registers hold: the maker's, and those of clones."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.profiles.load import parse_profile, profile, profile_names
from domain.profiles.model import RegisterTable
from gateway_firmware_py.discovering.matching import (
    Match,
    Words,
    is_sure,
    matches,
    warmed,
)
from gateway_firmware_py.discovering.variants import profile_text, variants_of

INPUT, HOLDING = RegisterTable.INPUT, RegisterTable.HOLDING
ALL = [profile(name) for name in profile_names()]
XY = [profile("XY-MD02")]


def held(first: int, second: int, *, at: int = 1, table: RegisterTable = INPUT) -> Words:
    return {(table, at, 1): [first], (table, at + 1, 1): [second]}


def best(words: Words, reference_c: float | None = None) -> Match:
    return matches(XY, words, reference_c)[0]


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (215, 546, "XY-MD02"),
        (546, 215, "XY-MD02-swapped"),
        (2150, 5460, "XY-MD02-hundredths"),
        (5460, 2150, "XY-MD02-hundredths-swapped"),
    ],
)
def test_order_and_scale_of_a_clone_are_seen(first: int, second: int, name: str) -> None:
    match = best(held(first, second), 21.4)
    assert match.profile.name == name
    assert str(match.readings[0]).startswith("temperature 21.5")
    assert is_sure(matches(XY, held(first, second), 21.4))


def test_two_maps_that_fit_alike_are_not_sure_until_a_hand_warms_the_probe() -> None:
    words = held(385, 402)
    found = matches(XY, words)
    assert not is_sure(found)
    as_made = warmed(found, held(410, 390))
    swapped = warmed(found, held(380, 425))
    assert as_made is not None
    assert swapped is not None
    assert (as_made.profile.name, swapped.profile.name) == ("XY-MD02", "XY-MD02-swapped")
    assert warmed(found, words) is None, "nothing was warmed"
    assert warmed(found, held(420, 440)) is None, "both went up: look again"


def test_registers_that_are_not_there_fit_nothing() -> None:
    assert matches(ALL, {}) == []
    assert matches(XY, {(INPUT, 1, 1): None, (INPUT, 2, 1): None}) == []


def test_a_broken_sensor_and_empty_registers_are_the_last_choice() -> None:
    assert (
        matches([profile("WB-MS-THLS")], {(INPUT, 0, 1): [0x7FFF], (INPUT, 1, 1): [0xFFFF]})
        == []
    )
    both = {**held(0, 0), **held(652, 43, at=0, table=HOLDING)}
    assert matches(ALL, both)[0].profile.name == "RS-WS-N01"


def test_a_fridge_probe_is_told_from_the_map_with_humidity_first() -> None:
    words = held(658, 42, at=0, table=HOLDING)
    names = [match.profile.name for match in matches(ALL, words, 4.0)]
    assert names[0] == "RS-WS-N01"


@pytest.mark.parametrize("name", profile_names())
def test_every_map_and_every_clone_of_it_is_a_profile_that_can_be_read(name: str) -> None:
    for variant in variants_of(profile(name)):
        known = variant.profile
        read = parse_profile(f"{known.name}.toml", profile_text(known))
        assert read == known


@given(st.integers(-300, 600), st.integers(120, 950))
def test_a_reference_finds_the_map_whatever_the_weather(tenths: int, humidity: int) -> None:
    words: Mapping = held(tenths & 0xFFFF, humidity)  # type: ignore[type-arg]
    match = best(words, tenths / 10)
    assert match.doubt <= 5.0
    assert match.value_of(match.readings[0].spec.quantity) == pytest.approx(
        tenths / 10, abs=0.6
    )
