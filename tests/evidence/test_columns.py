"""Columns: every shape survives; second spellings and lies about lengths are refused."""

from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor, typed
from evidence.cbor import Tag
from evidence.columns import MAX_V0, Columns, encode_columns, read_columns, walk
from evidence.errors import WireError
from tests.support.batches import one_frame, real_columns

small = st.integers(-300, 300)


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    """Any valid columns: a few frames, any qualities, deltas of 0 where there is no value."""
    shapes = draw(
        st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4)), min_size=1, max_size=4)
    )
    frames, series = len(shapes), sum(width for _, width in shapes)
    count = sum(rows * width for rows, width in shapes)
    q = draw(
        st.lists(st.sampled_from([0, 0, 0, 1, 2, 8, 9, 200]), min_size=count, max_size=count)
    )
    dv: list[int] = []
    at = 0
    for rows, width in shapes:
        later = q[at + width : at + rows * width]
        dv += [0 if quality >= 8 else draw(small) for quality in later]
        at += rows * width
    starts, lengths, qualities = runs_of(q)
    times = sum(rows for rows, _ in shapes)
    exact = {"min_size": frames, "max_size": frames}
    per_series = {"min_size": series, "max_size": series}
    return Columns(
        rows=array("H", [rows for rows, _ in shapes]),
        width=array("H", [width for _, width in shapes]),
        t_off=array("i", draw(st.lists(st.integers(-(1 << 31), (1 << 31) - 1), **exact))),
        period=array("I", draw(st.lists(st.sampled_from([0, 10_000, 1 << 31]), **exact))),
        channel=array("I", draw(st.lists(st.integers(0, 70_000), unique=True, **per_series))),
        exp=array("b", draw(st.lists(st.sampled_from([-2, -1, 0, 127]), **per_series))),
        v0=array("q", draw(st.lists(st.sampled_from([0, 5, -MAX_V0, MAX_V0]), **per_series))),
        dt=array("i", draw(st.lists(small, min_size=times, max_size=times))),
        dv=array("i", dv),
        q_start=array("H", starts),
        q_len=array("H", lengths),
        q=array("B", qualities),
    )


def runs_of(q: list[int]) -> tuple[list[int], list[int], list[int]]:
    runs: list[list[int]] = []
    for at, quality in enumerate(q):
        if quality and runs and runs[-1][2] == quality and sum(runs[-1][:2]) == at:
            runs[-1][1] += 1
        elif quality:
            runs.append([at, 1, quality])
    return [r[0] for r in runs], [r[1] for r in runs], [r[2] for r in runs]


def read(data: bytes) -> Columns:
    found, end = read_columns(data, 0)
    assert end == len(data)
    return found


@given(columns())
def test_columns_survive_the_wire(value: Columns) -> None:
    spelled = encode_columns(value)
    assert read(spelled) == value
    assert encode_columns(read(spelled)) == spelled
    assert value.count == len(list(walk(value, 0)))


@given(columns(), st.data())
def test_changed_bytes_are_refused_or_spell_other_columns(
    value: Columns, data: st.DataObject
) -> None:
    spelled = bytearray(encode_columns(value))
    spelled[data.draw(st.integers(0, len(spelled) - 1))] = data.draw(st.integers(0, 255))
    spelled += b"\x00"  # what follows in a body
    try:
        other, end = read_columns(bytes(spelled), 0)
    except WireError:
        return
    assert encode_columns(other) == spelled[:end]


@given(st.binary(max_size=80))
def test_any_bytes_are_columns_or_raise_one_error(data: bytes) -> None:
    for start in (b"", b"\x89\xd8\x40\x41\x01", b"\x8c\xd8\x40\x41\x02\xd8\x40"):
        try:
            value, end = read_columns(start + data, 0)
        except WireError:
            continue
        assert encode_columns(value) == (start + data)[:end]


def test_each_reading_has_its_channel_time_value_and_quality() -> None:
    value = Columns(
        rows=array("B", [2, 1]),
        width=array("B", [2, 1]),
        t_off=array("h", [0, 500]),
        period=array("H", [1000, 60_000]),
        channel=array("B", [1, 2, 9]),
        exp=array("b", [-1, -2, 0]),
        v0=array("h", [20, 500, 1]),
        dt=array("b", [0, -3, 7]),
        dv=array("b", [1, 0]),
        q_start=array("B", [0, 3]),
        q_len=array("B", [1, 1]),
        q=array("B", [2, 8]),
    )
    assert list(walk(value, 10_000)) == [
        (1, -1, 10_000, 20, 2),
        (2, -2, 10_000, 500, 0),
        (1, -1, 10_997, 21, 0),
        (2, -2, 10_997, 500, 8),
        (9, 0, 10_507, 1, 0),
    ]


def test_good_readings_cost_no_quality_and_equal_entries_are_written_once() -> None:
    value = real_columns(300)
    items = cbor.decode(encode_columns(value))
    assert isinstance(items, list)
    assert len(items) == 9
    assert [len(item.value) for item in items[1:4:2]] == [
        1,
        2,
    ]  # one width, one period of 16 bits
    assert len(items[5].value) == 1


BASE = one_frame([[500, 700], [501, 699], [502, 698]])
BAD = {
    "no rows": replace(BASE, rows=array("B"), dt=array("b"), dv=array("b")),
    "a frame of no rows": replace(BASE, rows=array("B", [0])),
    "a frame of no width": replace(BASE, width=array("B", [0])),
    "no series": replace(BASE, channel=array("B"), v0=array("b"), exp=array("b")),
    "width over the series, dv to match": replace(
        BASE, width=array("B", [3]), dv=array("b", [0] * 7)
    ),
    "width under the series, dv to match": replace(
        BASE, width=array("B", [1]), dv=array("b", [0])
    ),
    "a frame of no width among others": replace(
        BASE,
        rows=array("B", [2, 1]),
        width=array("B", [0, 2]),
        t_off=array("b", [0, 1]),
        period=array("B", [1, 2]),
        dv=array("b"),
    ),
    "width over the series": replace(BASE, width=array("B", [3])),
    "width under the series": replace(BASE, width=array("B", [1])),
    "rows over dt": replace(BASE, rows=array("B", [4])),
    "dt over the rows": replace(BASE, dt=array("b", [0] * 4)),
    "dv short": replace(BASE, dv=BASE.dv[:-1]),
    "dv long": replace(BASE, dv=array("b", [*BASE.dv, 0])),
    "v0 of another length": replace(BASE, v0=array("b", [1, 2, 3])),
    "exp of another length": replace(BASE, exp=array("b", [1, 2, 3])),
    "t_off of another length": replace(BASE, t_off=array("b", [1, 2])),
    "channel twice in a frame": replace(BASE, channel=array("B", [1, 1])),
    "v0 over 2^52": replace(BASE, v0=array("q", [4_503_599_627_370_497, 0])),
    "v0 under -2^52": replace(BASE, v0=array("q", [0, -4_503_599_627_370_497])),
    "exp over a byte": replace(BASE, exp=array("h", [128, 0])),
    "delta over 32 bits": replace(BASE, dv=array("q", [1 << 31, 0, 0, 0])),
    "rows over 16 bits": replace(BASE, rows=array("I", [65536])),
}
BAD |= {
    name: replace(BASE, q_start=array("B", start), q_len=array("B", length), q=array("H", q))
    for name, (start, length, q) in {
        "quality says good": ([1], [1], [0]),
        "quality over a byte": ([1], [1], [256]),
        "empty run": ([1], [0], [1]),
        "overlapping runs": ([0, 1], [2, 1], [1, 2]),
        "runs out of order": ([3, 0], [1, 1], [1, 2]),
        "run past the end": ([5], [2], [1]),
        "run not maximal": ([0, 1], [1, 1], [1, 1]),
        "runs of other lengths": ([0, 3], [1], [1]),
        "value hidden in a missing reading": ([2], [1], [8]),
    }.items()
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_columns_that_lie_about_their_shape_are_refused(value: Columns) -> None:
    with pytest.raises(WireError) as refused:
        read_columns(encode_columns(value), 0)
    assert refused.value.code in {"field", "canonical"}


def test_a_missing_reading_keeps_the_delta_zero_and_the_next_one_bridges_it() -> None:
    value = replace(
        one_frame([[500], [500], [510]]),
        q_start=array("B", [1]),
        q_len=array("B", [1]),
        q=array("B", [8]),
    )
    assert [(v, q) for *_, v, q in walk(read(encode_columns(value)), 0)] == [
        (500, 0),
        (500, 8),
        (510, 0),
    ]


def test_v0_of_2_to_the_52_is_the_largest() -> None:
    value = replace(BASE, v0=array("q", [1 << 52, -(1 << 52)]))
    assert read(encode_columns(value)) == value


def test_a_channel_may_be_in_two_frames() -> None:
    value = Columns(
        rows=array("B", [1, 1]),
        width=array("B", [1, 1]),
        t_off=array("b", [0, 9]),
        period=array("B", [1, 1]),
        channel=array("B", [4, 4]),
        exp=array("b", [0, 0]),
        v0=array("b", [1, 2]),
        dt=array("b", [0, 0]),
        dv=array("b"),
    )
    assert read(encode_columns(value)) == value


def spelled_with(index: int, item: object, *, extra: list[object] | None = None) -> bytes:
    items = cbor.decode(encode_columns(real_columns(24)))
    assert isinstance(items, list)
    items[index] = item
    return cbor.encode(items + (extra or []))


EMPTY = Tag(64, b"")
SPELLINGS = {
    "equal entries written out": spelled_with(1, Tag(64, b"\x01" * 8)),
    "column wider than needed": spelled_with(8, Tag(77, bytes(32))),
    "quality written though all good": spelled_with(0, Tag(64, b"\x03" * 8), extra=[EMPTY] * 3),
    "signed where unsigned belongs": spelled_with(0, Tag(72, b"\x03" * 8)),
    "unsigned where signed belongs": spelled_with(8, Tag(64, bytes(16))),
    "plain array": spelled_with(0, [3] * 8),
    "text": spelled_with(0, "33333333"),
    "ten columns": spelled_with(0, Tag(64, b"\x03" * 8), extra=[EMPTY]),
    "odd bytes in a wide column": spelled_with(6, Tag(77, bytes(15))),
    "delta column of 64 bits": spelled_with(8, Tag(79, b"\x7f" * 128)),
    "big-endian tag": spelled_with(6, Tag(72, b"").__class__(65, bytes(16))),
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_other_spelling_of_a_column_is_refused(spelled: bytes) -> None:
    with pytest.raises(WireError):
        read_columns(spelled, 0)


def test_columns_cut_anywhere_are_refused() -> None:
    spelled = encode_columns(real_columns(300))
    for length in range(len(spelled)):
        with pytest.raises(WireError):
            read_columns(spelled[:length], 0)


def test_rows_that_claim_billions_of_readings_are_refused_without_making_them() -> None:
    claims = [
        typed.pack_unsigned([65535] * 100),
        typed.pack_unsigned([65535]),
        typed.pack_signed([0]),
        typed.pack_unsigned([1]),
        typed.pack_unsigned(range(100)),
        typed.pack_signed([0]),
        typed.pack_signed([0]),
        typed.pack_signed([0]),
        typed.pack_signed([0]),
    ]
    with pytest.raises(WireError):
        read_columns(cbor.encode(claims), 0)


def test_a_run_without_values_is_checked_in_every_frame_it_covers() -> None:
    value = Columns(
        rows=array("B", [2, 1, 2]),
        width=array("B", [1, 1, 1]),
        t_off=array("b", [0, 1, 2]),
        period=array("B", [1, 1, 1]),
        channel=array("B", [1, 2, 3]),
        exp=array("b", [0, 0, 0]),
        v0=array("b", [7, 8, 9]),
        dt=array("b", [0] * 5),
        dv=array("b", [0, 0]),
        q_start=array("B", [1]),
        q_len=array("B", [4]),
        q=array("B", [8]),
    )
    assert read(encode_columns(value)) == value
    for hidden in ([5, 0], [0, 5]):
        with pytest.raises(WireError, match="without a value"):
            read_columns(encode_columns(replace(value, dv=array("b", hidden))), 0)
    shorter = replace(value, q_len=array("B", [3]), dv=array("b", [0, 5]))
    assert read(encode_columns(shorter)) == shorter
