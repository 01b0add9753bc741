"""The point table: one table, one hash, and nothing read that was not written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.channel import Channel
from domain.quantity import Quantity
from evidence import cbor
from evidence.errors import WireError
from evidence.point_table import check_table, decode_table, encode_table, table_hash
from tests.support.batches import channel_table

texts = st.text(max_size=20)
channels = st.lists(
    st.builds(
        Channel,
        number=st.integers(0, (1 << 32) - 1),
        device=texts,
        serial=texts,
        source=texts,
        quantity=st.sampled_from(Quantity),
        unit=texts,
        exp=st.integers(-128, 127),
        profile=texts,
    ),
    max_size=6,
    unique_by=lambda c: c.number,
)


@given(channels)
def test_a_table_survives_the_wire_in_channel_order(rows: list[Channel]) -> None:
    item = cbor.decode(cbor.encode(encode_table(rows)))
    assert decode_table(item) == tuple(sorted(rows, key=lambda c: c.number))


@given(channels.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_the_rows_does_not_change_the_hash(
    both: tuple[list[Channel], list[Channel]],
) -> None:
    assert table_hash(both[0]) == table_hash(both[1])


def test_any_change_of_a_row_changes_the_hash() -> None:
    rows = channel_table(2)
    for change in ({"serial": "x"}, {"unit": "K"}, {"exp": -1}, {"profile": "p@2"}):
        assert table_hash((rows[0], replace(rows[1], **change))) != table_hash(rows)  # type: ignore[arg-type]


ROW = [1, "d", "s", "holding:0x0001", "temperature", "Cel", -1, "p@1"]


@pytest.mark.parametrize(
    "table",
    [
        None,
        {},
        [[]],
        [ROW[:7]],
        [[*ROW, 1]],
        [["1", *ROW[1:]]],
        [[True, *ROW[1:]]],
        [[-1, *ROW[1:]]],
        [[1 << 32, *ROW[1:]]],
        [[*ROW[:6], 128, "p@1"]],
        [[1, "d" * 257, *ROW[2:]]],
        [ROW, ROW],
        [[2, *ROW[1:]], ROW],
    ],
)
def test_a_table_with_a_wrong_row_is_refused(table: object) -> None:
    with pytest.raises(WireError) as refused:
        check_table(table)
    assert refused.value.code == "field"


def test_a_quantity_of_a_later_version_has_a_good_shape_but_is_not_decoded() -> None:
    table = [[*ROW[:4], "gravity", *ROW[5:]]]
    check_table(table)
    with pytest.raises(WireError) as refused:
        decode_table(table)
    assert refused.value.code == "unsupported"
