"""Shipped profiles load; an operator's own file wins; mistakes are named."""

from pathlib import Path

import pytest

from domain.errors import BadDataFileError, UnknownProfileError
from domain.profiles.load import parse_profile, profile, profile_names
from domain.profiles.model import Decoder, PointClass, RegisterTable

OWN = """
name = "XY-MD02"
version = 7
title = "clone with swapped registers"
class = "compliance"
[link]
parity = "E"
[point.temperature]
quantity = "temperature"
table = "input"
address = 2
decoder = "s16"
exp = -1
low = -40.5
high = 80
"""


def test_every_shipped_profile_loads() -> None:
    assert {"RS-WS-N01", "XY-MD02", "HMT330", "R444A01", "EKC202B"} <= set(profile_names())
    for name in profile_names():
        loaded = profile(name)
        assert loaded.points
        assert loaded.ref == f"{name}@1"


def test_controllers_are_equipment_and_probes_are_compliance() -> None:
    assert profile("EKC202B").point_class is PointClass.EQUIPMENT
    assert profile("RS-WS-N01").point_class is PointClass.COMPLIANCE


def test_each_table_is_read_by_its_one_function() -> None:
    assert [t.function for t in RegisterTable] == [1, 2, 3, 4]


def test_a_source_names_table_address_and_bit() -> None:
    assert profile("RS-WS-N01").points["temperature"].source == "holding:0x0001"
    assert profile("IDPlus").points["high_temperature"].source == "holding:0x806C.5"
    assert profile("IR33").points["door"].source == "discrete:0x002B"


def test_an_operators_own_file_wins(tmp_path: Path) -> None:
    (tmp_path / "XY-MD02.toml").write_text(OWN, encoding="utf-8")
    own = profile("XY-MD02", tmp_path)
    assert own.ref == "XY-MD02@7"
    assert (own.points["temperature"].low, own.points["temperature"].high) == (-405, 800)
    assert own.link.parity == "E"
    assert profile("RS-WS-N01", tmp_path).ref == "RS-WS-N01@1"


def test_an_unknown_profile_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "MINE.toml").write_text(OWN.replace("XY-MD02", "MINE"), encoding="utf-8")
    with pytest.raises(
        UnknownProfileError, match=r"unknown device profile 'NOPE'.*XY-MD02, MINE"
    ):
        profile("NOPE", tmp_path)
    with pytest.raises(UnknownProfileError):
        profile("../devices/XY-MD02")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("version", "vers"), "missing field 'version'"),
        (('"s16"', '"s17"'), "'s17' is not a valid Decoder"),
        (("exp = -1", 'unit = "%"'), "'%' does not measure temperature"),
        (("exp = -1", "scale = 2"), "point 'temperature': unknown field 'scale'"),
        (("address = 2", "address = 65536"), "address 65536 is not in"),
        (("address = 2", 'address = "2"'), "expected a whole number"),
        (("high = 80", 'high = "80"'), "expected a number"),
        (("exp = -1", "error_values = 3"), "error_values is a list"),
        (('parity = "E"', 'bauds = "E"'), "bauds"),
        (("name = ", "name : "), "Expected '='"),
        (('"XY-MD02"', '"OTHER"'), "holds 'OTHER'"),
    ],
)
def test_a_malformed_profile_names_its_file_and_the_reason(
    change: tuple[str, str], reason: str
) -> None:
    with pytest.raises(BadDataFileError, match=reason) as caught:
        parse_profile("/own/XY-MD02.toml", OWN.replace(*change))
    assert caught.value.file == "/own/XY-MD02.toml"


def test_words_follow_from_the_decoder() -> None:
    assert {d.value: d.words for d in Decoder if d.words == 2}.keys() == {
        "u32", "s32", "f32", "u32_lw", "s32_lw", "f32_lw",
    }  # fmt: skip
