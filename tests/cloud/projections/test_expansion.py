"""Columns expanded together say what `evidence.batch.expand` says one by one."""

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.projections.expansion import Expansion, expand_records
from cloud.projections.feed import CommittedRecord
from cloud.projections.series import UNMAPPED, SeriesIndex
from evidence.batch import Body, Columns, expand
from tests.support.batches import make_body
from tests.support.feeds import batch_record, other_record
from tests.support.registries import gateway_name, registry_of

GATEWAYS = [gateway_name(i) for i in range(3)]
KNOWN = range(1, 6)

small = st.integers(-100, 100)
deltas = st.sampled_from(
    [small, st.integers(-30_000, 30_000), st.integers(-(2**31), 2**31 - 1)]
)


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    shapes = draw(
        st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=4)
    )
    rows, widths = [r for r, _ in shapes], [w for _, w in shapes]
    cells = sum(r * w for r, w in shapes)
    steps = draw(deltas)

    def several(strategy: st.SearchStrategy[int], count: int) -> list[int]:
        return draw(st.lists(strategy, min_size=count, max_size=count))

    channels = [c for w in widths for c in draw(st.permutations(range(8)))[:w]]
    q = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=cells, max_size=cells))
    starts, lengths, values = runs_of(q)
    return Columns(
        rows=array("H", rows),
        width=array("H", widths),
        t_off=array("i", several(st.integers(-1000, 70_000), len(rows))),
        period=array("I", several(st.integers(0, 60_000), len(rows))),
        channel=array("I", channels),
        exp=array("b", several(st.integers(-6, 3), len(channels))),
        v0=array("q", several(small | st.integers(-(2**52), 2**52), len(channels))),
        dt=array("i", several(st.integers(-120, 120), sum(rows))),
        dv=array("i", several(steps, cells - len(channels))),
        q_start=array("H", starts),
        q_len=array("H", lengths),
        q=array("B", values),
    )


def runs_of(q: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    starts: list[int] = []
    for i, quality in enumerate(q):
        if quality and (i == 0 or q[i - 1] != quality):
            starts.append(i)
    ends = [next((j for j in range(s, len(q)) if q[j] != q[s]), len(q)) for s in starts]
    return starts, [e - s for s, e in zip(starts, ends, strict=True)], [q[s] for s in starts]


def readings(records: Sequence[CommittedRecord], index: SeriesIndex) -> Counter[Any]:
    x = expand_records(records, index)
    t0 = np.array([r.body.t0 if r.body else 0 for r in records], dtype=np.int64)
    table = zip(
        x.of_runs(x.run_record).tolist(),
        x.of_runs(x.run_series).tolist(),
        x.of_runs(x.run_exp).tolist(),
        (t0[x.of_runs(x.run_record)] + x.off).tolist() if len(x) else [],
        x.v.tolist(),
        x.q.tolist(),
        strict=True,
    )
    return Counter(table)


def one_by_one(records: Sequence[CommittedRecord], index: SeriesIndex) -> Counter[Any]:
    return Counter(
        (position, index.number(r.gateway or "", channel), exp, t_ms, v, q)
        for position, r in enumerate(records)
        if r.body is not None
        for channel, exp, t_ms, v, q in expand(r.body)
    )


@settings(max_examples=200)
@given(
    batches=st.lists(st.tuples(st.sampled_from(GATEWAYS), st.none() | columns()), max_size=5)
)
def test_many_batches_at_once_equal_each_reading_alone(
    batches: list[tuple[str, Columns | None]],
) -> None:
    index = SeriesIndex(registry_of(GATEWAYS, KNOWN))
    records = [
        batch_record(i, gateway, make_body(columns=c)) for i, (gateway, c) in enumerate(batches)
    ]
    assert readings(records, index) == one_by_one(records, index)


def no_value_body() -> Body:
    """Return a batch with a time-out in the middle: delta 0, so the value stands still."""
    frame = Columns(
        rows=array("H", [4]),
        width=array("H", [1]),
        t_off=array("i", [0]),
        period=array("I", [10_000]),
        channel=array("I", [1]),
        exp=array("b", [-2]),
        v0=array("q", [400]),
        dt=array("i", [0] * 4),
        dv=array("i", [5, 0, 0]),
        q_start=array("H", [2]),
        q_len=array("H", [2]),
        q=array("B", [8]),
    )
    return make_body(columns=frame)


def test_readings_without_a_value_keep_their_quality() -> None:
    records = [batch_record(0, GATEWAYS[0], no_value_body())]
    got = expand_records(records, SeriesIndex(registry_of(GATEWAYS)))
    assert got.q.tolist() == [0, 0, 8, 8]
    assert got.v.tolist()[:2] == [400, 405]


def test_runs_come_in_the_order_of_batches_and_series() -> None:
    body = make_body(readings=16, channels=4)
    records = [batch_record(0, GATEWAYS[0], body), batch_record(1, GATEWAYS[1], body)]
    got: Expansion = expand_records(records, SeriesIndex(registry_of(GATEWAYS)))
    assert got.run_record.tolist() == [0] * 4 + [1] * 4
    assert got.run_series.tolist() == list(range(8))
    assert got.run_start.tolist() == list(range(0, 32, 4))


def test_records_that_are_no_batches_or_have_no_readings_are_passed_over() -> None:
    records = [
        other_record(0, 4, b"{}", recv_ms=1),
        batch_record(1, GATEWAYS[0], make_body()),
    ]
    assert len(expand_records(records, SeriesIndex(registry_of(GATEWAYS)))) == 0


def test_a_channel_that_is_not_registered_is_marked() -> None:
    records = [batch_record(0, GATEWAYS[0], make_body(readings=8, channels=8))]
    got = expand_records(records, SeriesIndex(registry_of(GATEWAYS, range(1, 7))))
    assert got.run_series.tolist() == [0, 1, 2, 3, 4, 5, UNMAPPED, UNMAPPED]
