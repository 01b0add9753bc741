"""Line protocol: exact decimals, escaped names, many lines at once as one by one."""

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.projections.timeseries.lines import (
    LineBuilder,
    decimal_text,
    series_prefix,
    storable,
    tag_text,
)
from cloud.projections.timeseries.store import Rows, SeriesKey

KEYS = (SeriesKey("s 1", "a,b", "temperature"), SeriesKey("s 1", "b=c", "humidity"))
VALUES = st.integers(-(2**53) + 1, 2**53 - 1)

readings = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 2**42),
        st.integers(-500, 500) | VALUES,
        st.integers(-6, 3),
        st.sampled_from([0, 1, 2]),
    ),
    max_size=40,
)


def rows_of(columns: list[tuple[int, int, int, int, int]]) -> Rows:
    series, ts, v, exp, q = np.array(columns, dtype=np.int64).reshape(-1, 5).T
    return Rows(keys=KEYS, series=series, ts=ts, v=v, exp=exp, q=q.astype(np.uint8))


def test_trailing_zeros_are_dropped() -> None:
    assert decimal_text(460, -2) == "4.6"
    assert decimal_text(-5, -1) == "-0.5"
    assert decimal_text(-2000, -2) == "-20"
    assert decimal_text(0, -2) == "0"
    assert decimal_text(7, 2) == "700"


@given(v=VALUES, exp=st.integers(-12, 12))
def test_the_text_is_the_exact_decimal(v: int, exp: int) -> None:
    assert Decimal(decimal_text(v, exp)) == Decimal(v).scaleb(exp)


@given(v=VALUES, exp=st.integers(-15, 0))
def test_the_text_reads_as_the_float_that_pages_show(v: int, exp: int) -> None:
    assert float(decimal_text(v, exp)) == v / 10**-exp


def test_separators_in_names_are_escaped() -> None:
    assert tag_text("a b,c=d") == r"a\ b\,c\=d"
    assert series_prefix(KEYS[0]) == r"reading,point=a\,b,quantity=temperature,site=s\ 1"


def test_what_no_tag_can_hold_is_replaced() -> None:
    assert storable("a\nb\r\nc\\") == "a b c/"


@given(columns=readings, per_chunk=st.integers(1, 50))
def test_lines_built_together_equal_lines_built_one_by_one(
    columns: list[tuple[int, int, int, int, int]], per_chunk: int
) -> None:
    chunks = list(LineBuilder().chunks(rows_of(columns), per_chunk))
    assert all(len(chunk.splitlines()) <= per_chunk for chunk in chunks)
    assert b"".join(chunks).decode().splitlines() == [
        f"{series_prefix(KEYS[s])} value={decimal_text(v, exp)},q={q}i {ts}"
        for s, ts, v, exp, q in columns
    ]


@given(parts=st.lists(readings, max_size=4))
def test_what_a_builder_remembers_does_not_change_its_lines(
    parts: list[list[tuple[int, int, int, int, int]]],
) -> None:
    builder = LineBuilder()
    for part in parts:
        rows = rows_of(part)
        assert list(builder.chunks(rows, 9)) == list(LineBuilder().chunks(rows, 9))
