"""A whole answer decodes as its registers do one by one."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.profiles.block import Block, plain_s16_block
from domain.profiles.decode import decode_registers
from domain.profiles.load import profile, profile_names
from domain.profiles.model import PointSpec
from domain.quality import Quality


def test_the_renke_frame_is_65_8_percent_and_minus_10_1_degrees() -> None:
    answer = bytes.fromhex("010304 0292FF9B".replace(" ", ""))
    points = profile("RS-WS-N01").points
    block = Block([points["humidity"], points["temperature"]], start=0, count=2)
    assert block.decode(answer[3:]) == ((658, -101), None)


def test_the_xy_md02_frame_is_30_5_degrees_and_54_6_percent() -> None:
    answer = bytes.fromhex("01040401310222")
    points = profile("XY-MD02").points
    block = Block([points["temperature"], points["humidity"]], start=1, count=2)
    assert block.decode(answer[3:]) == ((305, 546), None)


def test_the_vaisala_frame_is_30_56() -> None:
    points = profile("HMP4").points
    block = Block([points["humidity"], points["temperature"]], start=0, count=4)
    assert block.decode(bytes.fromhex("7AE141F47AE141F4")) == ([3056, 3056], None)


def test_one_error_value_costs_its_neighbours_nothing() -> None:
    points = profile("WB-MS-THLS").points
    block = Block([points["temperature"], points["humidity"]], start=0, count=2)
    values, qualities = block.decode(struct.pack(">2H", 0x7FFF, 500))
    assert list(values) == [0, 500]
    assert qualities == [Quality.SENSOR_ERROR, Quality.GOOD]


def _readable(name: str) -> list[PointSpec]:
    specs = [s for s in profile(name).points.values() if not s.table.is_bits]
    table = specs[0].table
    return [s for s in specs if s.table is table and s.address < specs[0].address + 100]


@given(st.sampled_from(profile_names()), st.data())
def test_a_block_equals_its_registers_one_by_one(name: str, data: st.DataObject) -> None:
    specs = data.draw(st.permutations(_readable(name)))
    start = min(s.address for s in specs)
    count = max(s.address + s.words for s in specs) - start
    edges = st.sampled_from([0, 1, 0x7FFF, 0x8000, 0xFFFF, 400, 0x41F4, 0x7FC0])
    words = [0] * count
    for spec in specs:
        for at in range(spec.address - start, spec.address - start + spec.words):
            words[at] = data.draw(edges | st.integers(0, 0xFFFF))
    values, qualities = Block(specs, start, count).decode(struct.pack(f">{count}H", *words))
    expected = [
        decode_registers(s, words[s.address - start : s.address - start + s.words])
        for s in specs
    ]
    assert list(values) == [v for v, _ in expected]
    assert list(qualities or [0] * len(specs)) == [q for _, q in expected]


def test_a_point_outside_the_answer_is_refused_when_the_block_is_built() -> None:
    points = profile("RS-WS-N01").points
    with pytest.raises(ValueError, match="temperature at 1 is outside 0"):
        Block([points["temperature"]], start=0, count=1)


def test_a_short_answer_is_refused() -> None:
    block = Block([profile("RS-WS-N01").points["humidity"]], start=0, count=1)
    with pytest.raises(ValueError, match="expected 2 bytes of registers, got 1"):
        block.decode(b"\x00")


def test_only_adjacent_single_registers_are_a_plain_block() -> None:
    renke = profile("RS-WS-N01").points
    assert plain_s16_block([renke["humidity"], renke["temperature"]])
    assert not plain_s16_block([renke["temperature"], renke["humidity"]])
    assert not plain_s16_block(list(profile("HMP4").points.values()))
    assert not plain_s16_block([])
