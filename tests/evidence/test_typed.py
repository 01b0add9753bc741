"""Typed arrays: the smallest width, and nothing but integers."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor, typed
from evidence.cbor import Tag
from evidence.errors import WireError

unsigned = st.sampled_from([0xFF, 0xFFFF, 0xFFFF_FFFF, (1 << 64) - 1]).flatmap(
    lambda high: st.lists(st.integers(0, high), max_size=20)
)
signed = st.sampled_from([7, 15, 31, 63]).flatmap(
    lambda bits: st.lists(st.integers(-(1 << bits), (1 << bits) - 1), max_size=20)
)


@given(unsigned)
def test_unsigned_columns_survive_the_wire(values: list[int]) -> None:
    item = typed.pack_unsigned(values)
    assert list(typed.unpack(item, typed.UNSIGNED)) == values
    assert cbor.decode(cbor.encode(item)) == item


@given(signed)
def test_signed_columns_survive_the_wire(values: list[int]) -> None:
    assert list(typed.unpack(typed.pack_signed(values), typed.SIGNED)) == values


@given(st.sampled_from(sorted(typed.SIGNED | typed.UNSIGNED)), st.binary(max_size=32))
def test_any_typed_array_is_the_one_spelling_or_refused(tag: int, raw: bytes) -> None:
    kinds = typed.SIGNED if tag in typed.SIGNED else typed.UNSIGNED
    try:
        values = typed.unpack(Tag(tag, raw), kinds)
    except WireError:
        return
    assert typed._pack(values, kinds) == Tag(tag, raw)


@pytest.mark.parametrize(
    ("values", "tag"),
    [([], 64), ([255], 64), ([256], 69), ([65536], 70), ([1 << 32], 71)],
)
def test_unsigned_width_is_the_smallest_that_fits(values: list[int], tag: int) -> None:
    assert typed.pack_unsigned(values).number == tag


@pytest.mark.parametrize(
    ("values", "tag"),
    [([], 72), ([-128, 127], 72), ([128], 77), ([-32769], 78), ([1 << 31], 79)],
)
def test_signed_width_is_the_smallest_that_fits(values: list[int], tag: int) -> None:
    assert typed.pack_signed(values).number == tag


def test_an_array_of_any_type_is_packed_without_a_detour() -> None:
    assert typed.pack_signed(array("q", [1, -2])) == Tag(72, b"\x01\xfe")
    assert typed.pack_signed(memoryview(array("i", [300]))) == Tag(77, b"\x2c\x01")
    assert typed.pack_unsigned(n for n in (1, 2)) == Tag(64, b"\x01\x02")


@pytest.mark.parametrize(
    "item",
    [Tag(77, b"\x01\x00"), Tag(77, b""), Tag(78, b"\x00\x01\x00\x00"), Tag(79, bytes(8))],
)
def test_a_column_wider_than_needed_is_refused(item: object) -> None:
    with pytest.raises(WireError) as refused:
        typed.unpack(item, typed.SIGNED)
    assert refused.value.code == "canonical"


@pytest.mark.parametrize(
    "item",
    [Tag(77, b"\x01"), Tag(64, b"\x01"), Tag(72, [1]), [1, 2], b"\x01", None, Tag(72, "a")],
)
def test_what_is_not_a_signed_column_is_refused(item: object) -> None:
    with pytest.raises(WireError) as refused:
        typed.unpack(item, typed.SIGNED)
    assert refused.value.code == "field"


def test_columns_in_a_fixed_layout_are_read_in_place() -> None:
    signed_kinds = typed.spelled(typed.SIGNED, max_width=2)
    unsigned_kinds = typed.spelled(typed.UNSIGNED, max_width=4)
    items = [typed.pack_signed([-300, 5]), typed.pack_unsigned(range(300))]
    data = b"\xff" + b"".join(map(cbor.encode, items)) + b"\xff"
    values, end = typed.read_all(data, 1, (signed_kinds, unsigned_kinds))
    assert [list(column) for column in values] == [[-300, 5], list(range(300))]
    assert end == len(data) - 1


def test_a_fixed_layout_refuses_other_signs_and_widths() -> None:
    kinds = typed.spelled(typed.SIGNED, max_width=2)
    for item in (typed.pack_unsigned([1]), typed.pack_signed([70000]), b"\x01", 7):
        with pytest.raises(WireError) as refused:
            typed.read_all(cbor.encode(item), 0, (kinds,))
        assert refused.value.code == "field"


@pytest.mark.parametrize(
    "spelled", ["", "d8", "d848", "d84860", "d84842", "d8485801", "d84858"]
)
def test_a_fixed_layout_refuses_what_is_cut_short_or_no_byte_string(spelled: str) -> None:
    kinds = typed.spelled(typed.SIGNED, max_width=2)
    with pytest.raises(WireError):
        typed.read_all(bytes.fromhex(spelled), 0, (kinds,))


def test_one_entry_is_repeated_in_its_own_type() -> None:
    column = typed.repeated(memoryview(array("h", [-5])), 3)
    assert (list(column), column.format) == ([-5, -5, -5], "h")
