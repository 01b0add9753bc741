"""Registers decode to the integers that the datasheets print."""

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.profiles.decode import decode_registers, round_scaled
from domain.profiles.load import profile
from domain.profiles.model import Decoder, PointSpec, RegisterTable
from domain.quality import Quality
from domain.quantity import Quantity


def spec(decoder: Decoder, exp: int = -1, bit: int = 0) -> PointSpec:
    return PointSpec(
        name="t",
        quantity=Quantity.TEMPERATURE,
        unit="Cel",
        table=RegisterTable.HOLDING,
        address=0,
        decoder=decoder,
        exp=exp,
        error_values=frozenset({0x7FFF}),
        bit=bit,
    )


@pytest.mark.parametrize(
    ("decoder", "words", "value"),
    [
        (Decoder.U16, [0xFF9B], 65435),
        (Decoder.S16, [0xFF9B], -101),
        (Decoder.S16, [0x8000], -32768),
        (Decoder.U32, [0x0001, 0x0002], 65538),
        (Decoder.U32_LW, [0x0002, 0x0001], 65538),
        (Decoder.S32, [0xFFFF, 0xFFFE], -2),
        (Decoder.S32_LW, [0xFFFE, 0xFFFF], -2),
        (Decoder.OFFSET10000, [105], 105),
        (Decoder.OFFSET10000, [10105], -105),
        (Decoder.OFFSET10000, [10000], 0),
    ],
)
def test_integer_decoders(decoder: Decoder, words: list[int], value: int) -> None:
    assert decode_registers(spec(decoder), words) == (value, Quality.GOOD)


def test_a_bit_of_a_register_is_zero_or_one() -> None:
    assert decode_registers(spec(Decoder.BIT, 0, bit=5), [0b0010_0000])[0] == 1
    assert decode_registers(spec(Decoder.BIT, 0, bit=4), [0b0010_0000])[0] == 0


def test_vaisala_floats_are_low_word_first_and_rounded_to_hundredths() -> None:
    humidity = profile("HMT330").points["humidity"]
    assert decode_registers(humidity, [0x7AE1, 0x41F4]) == (3056, Quality.GOOD)


@pytest.mark.parametrize("word", [0x7FC0, 0x7F80, 0xFF80])
def test_nan_and_infinity_are_no_value(word: int) -> None:
    assert decode_registers(spec(Decoder.F32), [word, 0]) == (0, Quality.NOT_FINITE)


def test_a_number_too_large_for_a_batch_is_a_sensor_error() -> None:
    huge = struct.unpack(">2H", struct.pack(">f", 3e38))
    assert decode_registers(spec(Decoder.F32), huge) == (0, Quality.SENSOR_ERROR)


def test_an_error_value_is_no_value() -> None:
    assert decode_registers(spec(Decoder.S16), [0x7FFF]) == (0, Quality.SENSOR_ERROR)


def test_a_value_outside_the_sensors_range_is_kept_and_marked() -> None:
    temperature = profile("RS-WS-N01").points["temperature"]
    assert decode_registers(temperature, [800]) == (800, Quality.GOOD)
    assert decode_registers(temperature, [801]) == (801, Quality.OUT_OF_RANGE)
    assert decode_registers(temperature, [65536 - 401]) == (-401, Quality.OUT_OF_RANGE)


def test_the_wrong_number_of_registers_is_a_programming_mistake() -> None:
    with pytest.raises(ValueError, match="takes 2 registers, got 1"):
        decode_registers(spec(Decoder.F32), [1])


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-6, 2))
def test_rounding_is_half_even_and_exact_for_every_32_bit_float(value: float, exp: int) -> None:
    exact = Fraction(value) / Fraction(10) ** exp
    expected = round(exact)
    if abs(exact) <= 2**52:
        got = round_scaled(value, exp)
        assert got is not None
        assert got == expected if exp <= 0 else abs(got - exact) <= Fraction(1, 2)
    else:
        assert round_scaled(value, exp) is None


def test_ties_go_to_the_even_neighbour() -> None:
    assert [round_scaled(x, -2) for x in (0.125, 0.375, -0.125)] == [12, 38, -12]
    assert round_scaled(math.nan, -2) is None
