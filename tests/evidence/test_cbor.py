"""Deterministic CBOR: one accepted spelling, bounded work, one error type."""

import io
import tracemalloc

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evidence import cbor
from evidence.errors import WireError

scalars = (
    st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=300)
    | st.text(max_size=300)
    | st.booleans()
    | st.none()
)
keys = st.integers(-(1 << 64), (1 << 64) - 1) | st.text(max_size=30) | st.binary(max_size=30)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(keys, inner, max_size=5)
        | st.builds(cbor.Tag, st.sampled_from(sorted(cbor.TAGS)), inner)
    ),
    max_leaves=20,
)


@given(values)
def test_what_is_encoded_decodes_to_the_same_value(value: object) -> None:
    assert cbor.decode(cbor.encode(value), max_depth=64) == value


@given(st.binary(max_size=200) | values.map(cbor.encode))
@example(b"\x18\x17")
@example(b"\x82\x01")
def test_any_bytes_decode_to_one_spelling_or_raise_one_error(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except WireError:
        return
    assert cbor.encode(value) == data


@given(values, st.data())
def test_a_flipped_bit_is_refused_or_spells_another_value(
    value: object, data: st.DataObject
) -> None:
    spelled = bytearray(cbor.encode(value))
    bit = data.draw(st.integers(0, len(spelled) * 8 - 1))
    spelled[bit // 8] ^= 1 << bit % 8
    try:
        other = cbor.decode(bytes(spelled), max_depth=64)
    except WireError:
        return
    assert cbor.encode(other) == spelled


@given(st.dictionaries(keys, scalars, max_size=8) | st.lists(scalars, max_size=8))
def test_an_independent_decoder_reads_the_same(value: object) -> None:
    assert cbor2.loads(cbor.encode(value)) == value


@given(st.dictionaries(st.integers(-20, 400), st.integers(), max_size=8))
def test_encoding_agrees_with_the_canonical_form_of_cbor2(value: dict[int, int]) -> None:
    value = {k: v % (1 << 32) for k, v in value.items() if k >= 0}
    assert cbor.encode(value) == cbor2.dumps(value, canonical=True)


@pytest.mark.parametrize(
    ("number", "spelled"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (65535, "19ffff"),
        (65536, "1a00010000"),
        (4294967295, "1affffffff"),
        (4294967296, "1b0000000100000000"),
        ((1 << 64) - 1, "1bffffffffffffffff"),
        (-1, "20"),
        (-24, "37"),
        (-25, "3818"),
        (-(1 << 64), "3bffffffffffffffff"),
    ],
)
def test_integers_have_the_shortest_form_at_every_boundary(number: int, spelled: str) -> None:
    assert cbor.encode(number).hex() == spelled
    assert cbor.integer(number).hex() == spelled
    assert cbor.decode(bytes.fromhex(spelled)) == number


BOMBS = {
    "duplicate key": ("a201000100", "canonical"),
    "keys out of order": ("a202000100", "canonical"),
    "trailing bytes": ("0000", "cbor"),
    "non-minimal integer": ("1817", "canonical"),
    "non-minimal length": ("5800", "canonical"),
    "indefinite array": ("9f00ff", "cbor"),
    "indefinite bytes": ("5f4100ff", "cbor"),
    "indefinite map": ("bf0000ff", "cbor"),
    "half float": ("f97e00", "cbor"),
    "NaN with a payload": ("fb7ff8000000000001", "cbor"),
    "undefined": ("f7", "cbor"),
    "simple value": ("f8ff", "cbor"),
    "break alone": ("ff", "cbor"),
    "cyclic reference": ("d81c81d81d00", "cbor"),
    "regular expression": ("d8236161", "cbor"),
    "decimal fraction": ("c4821a3b9aca0001", "cbor"),
    "bignum": ("c249010000000000000000", "cbor"),
    "epoch time": ("c11a514b67b0", "cbor"),
    "array claims 2^64 items": ("9bffffffffffffffff", "cbor"),
    "map claims 2^63 items": ("bb8000000000000000", "cbor"),
    "string claims 2^40 bytes": ("5b0000010000000000", "cbor"),
    "array of more items than bytes": ("8a00", "cbor"),
    "reserved length": ("1c", "cbor"),
    "bad UTF-8": ("61ff", "cbor"),
    "surrogate in UTF-8": ("63eda080", "cbor"),
    "array as a key": ("a1800000", "cbor"),
    "true as a key": ("a1f500", "cbor"),
    "null as a key": ("a1f600", "cbor"),
    "nothing": ("", "cbor"),
    "head cut short": ("1901", "cbor"),
    "key without a value": ("a101", "cbor"),
    "non-minimal tag": ("d91240", "cbor"),
}


@pytest.mark.parametrize(("spelled", "code"), BOMBS.values(), ids=BOMBS.keys())
def test_each_known_trick_is_refused(spelled: str, code: str) -> None:
    with pytest.raises(WireError) as refused:
        cbor.decode(bytes.fromhex(spelled))
    assert refused.value.code == code


def test_nesting_stops_at_eight() -> None:
    assert cbor.decode(b"\x81" * 8 + b"\x00") == [[[[[[[[0]]]]]]]]
    for opener in (b"\x81", b"\xa1\x00", b"\xd2"):
        with pytest.raises(WireError, match="too deep"):
            cbor.decode(opener * 9 + b"\x00")


def test_a_megabyte_of_openers_is_refused_by_size_first() -> None:
    with pytest.raises(WireError) as refused:
        cbor.decode(b"\x81" * 1_000_000)
    assert refused.value.code == "size"


def test_a_caller_may_set_a_smaller_cap() -> None:
    with pytest.raises(WireError) as refused:
        cbor.decode(b"\x43abc", max_bytes=3)
    assert refused.value.code == "size"


def test_an_item_inside_other_bytes_is_read_with_its_end() -> None:
    assert cbor.decode_at(b"\xff\x82\x01\x02\xff", 1) == ([1, 2], 4)
    assert cbor.read_bytes(b"\xff\x42ab\xff", 1) == (b"ab", 4)
    long = cbor.byte_string(b"x" * 300)
    assert cbor.read_bytes(long, 0) == (b"x" * 300, 303)


@pytest.mark.parametrize("spelled", ["", "43abcd", "5803ffff", "58", "60", "5801ff", "5f"])
def test_a_byte_string_in_a_fixed_layout_is_read_as_strictly(spelled: str) -> None:
    with pytest.raises(WireError):
        cbor.read_bytes(bytes.fromhex(spelled), 0)


@pytest.mark.parametrize("value", [1.5, {1}, object(), io.BytesIO()])
def test_what_has_no_spelling_is_a_programming_mistake(value: object) -> None:
    with pytest.raises(TypeError):
        cbor.encode(value)


@pytest.mark.parametrize("value", [1 << 64, -(1 << 64) - 1])
def test_an_integer_over_64_bits_is_a_programming_mistake(value: object) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        cbor.encode(value)


def test_an_unsigned_field_refuses_a_negative_number() -> None:
    assert cbor.uint(300) == b"\x19\x01\x2c"
    with pytest.raises(ValueError, match="unsigned"):
        cbor.uint(-1)


FILLERS = {
    "small numbers": b"\x00",
    "empty arrays": b"\x80",
    "empty maps": b"\xa0",
    "empty strings": b"\x40",
    "nested arrays": b"\x81\x81\x81\x81\x81\x80",
    "tagged numbers": b"\xd8\x40\x00",
}


@pytest.mark.parametrize("filler", FILLERS.values(), ids=FILLERS.keys())
def test_memory_is_bounded_by_the_bytes_given(filler: bytes) -> None:
    count = 65_000 // len(filler)
    data = cbor.head(cbor.ARRAY, count) + filler * count
    tracemalloc.start()
    try:
        cbor.decode(data)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 128 * len(data)
