"""The sealer: whatever is fed comes out of the encoded batches again, and none is too large."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.frame import Frame
from edge.sealer.draft import ClockReading, Draft
from edge.sealer.sealer import MAX_EVENT_BYTES, MAX_VALUE, Sealer, SealPolicy
from evidence.batch import Body, EventKind, decode_body, encode_body, expand
from evidence.errors import WireError

Reading = tuple[int, int, int, int | None, int]  # channel, exp, mono_ms, value, quality
WALL_AHEAD_MS = 1_700_000_000_000
ENVELOPE_BYTES = 300  # what signing adds to a body, with the longest names


def clock(mono_ms: int) -> ClockReading:
    return ClockReading(
        wall_ms=WALL_AHEAD_MS + mono_ms, mono_ms=mono_ms, boot=3, sync=1, err_ms=20
    )


def frame(*channels: int, exp: int = -1, period_ms: int = 1000) -> Frame:
    return Frame(channels=channels, exps=(exp,) * len(channels), period_ms=period_ms)


def body_of(draft: Draft) -> Body:
    return Body(
        epoch=b"epoch..8",
        seq=0,
        prev=bytes(32),
        t0=draft.clock.wall_ms,
        mono_ms=draft.clock.mono_ms,
        boot=draft.clock.boot,
        sync=draft.clock.sync,
        err_ms=draft.clock.err_ms,
        columns=draft.columns,
        events=draft.events,
        readings_total=draft.readings,
        lowest_held=(b"epoch..8", 0),
        config=bytes(32),
    )


@dataclass(slots=True)
class Feed:
    """Feeds a sealer as the recorder does, and remembers what went in and what came out."""

    max_bytes: int = 57_344
    now_ms: int = 0
    taken: list[Reading] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    sealer: Sealer = field(init=False)

    def __post_init__(self) -> None:
        self.sealer = Sealer(SealPolicy(max_bytes=self.max_bytes), clock(0))

    def seal(self) -> None:
        draft = self.sealer.seal(clock(self.now_ms))
        self.drafts.append(draft)
        self.payloads.append(encode_body(body_of(draft)))

    def row(
        self,
        shape: Frame,
        mono_ms: int,
        values: Sequence[int],
        quality: Sequence[int] | None = None,
    ) -> None:
        self.now_ms = max(self.now_ms, mono_ms)
        if not self.sealer.row(shape, mono_ms, values, quality):
            self.seal()
            assert self.sealer.row(shape, mono_ms, values, quality)
        for place, channel in enumerate(shape.channels):
            q = quality[place] if quality is not None else 0
            value = None if q >= 8 else values[place]
            self.taken.append((channel, shape.exps[place], mono_ms, value, q))

    def event(self, kind: int, mono_ms: int, channel: int, body: Mapping[int, object]) -> None:
        if not self.sealer.event(kind, mono_ms, channel, body):
            self.seal()
            assert self.sealer.event(kind, mono_ms, channel, body)

    def given_back(self) -> list[Reading]:
        return [
            (channel, exp, t_ms - WALL_AHEAD_MS, None if q >= 8 else v, q)
            for payload in self.payloads
            for channel, exp, t_ms, v, q in expand(decode_body(payload))
        ]


small = st.integers(-40, 40)
values = st.one_of(
    small, small, small, st.integers(-300, 300), st.integers(-(1 << 52), 1 << 52)
)
qualities = st.sampled_from([0, 0, 0, 0, 1, 2, 8, 9, 10])


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[Frame, int, list[int], list[int] | None]]:
    shapes = [
        frame(*range(at * 10, at * 10 + n), period_ms=500) for at, n in enumerate((1, 4, 7))
    ]
    fed, now_ms = [], dict.fromkeys(range(3), 0)
    for _ in range(draw(st.integers(0, 25))):
        which = draw(st.integers(0, 2))
        shape = shapes[which]
        now_ms[which] += draw(st.one_of(st.integers(1, 1000), st.integers(1, 1 << 20)))
        row = draw(st.lists(values, min_size=shape.width, max_size=shape.width))
        quality = draw(
            st.one_of(
                st.none(),
                st.lists(qualities, min_size=shape.width, max_size=shape.width),
                qualities.map(lambda q, n=shape.width: [q] * n),
            )
        )
        fed.append((shape, now_ms[which], row, quality))
    return fed


@given(
    fed=rows(), max_bytes=st.sampled_from([1200, 1400, 57_344]), seal_every=st.integers(1, 30)
)
@settings(max_examples=200, deadline=None)
def test_every_reading_comes_back_with_its_time_value_and_quality(
    fed: list[tuple[Frame, int, list[int], list[int] | None]], max_bytes: int, seal_every: int
) -> None:
    feed = Feed(max_bytes=max_bytes)
    for count, (shape, mono_ms, row, quality) in enumerate(fed):
        feed.row(shape, mono_ms, row, quality)
        if count % seal_every == 0:
            feed.seal()
    feed.seal()
    assert sorted(feed.given_back(), key=str) == sorted(feed.taken, key=str)
    assert sum(draft.readings for draft in feed.drafts) == len(feed.taken)
    assert all(len(p) + ENVELOPE_BYTES <= max(max_bytes, 2048) for p in feed.payloads)


def test_jitter_of_the_first_row_does_not_widen_the_times_of_all() -> None:
    feed = Feed()
    for place, jitter_ms in enumerate((-120, 120, 0)):
        feed.row(frame(1), 1000 * (place + 1) + jitter_ms, (400,))
    feed.seal()
    columns = decode_body(feed.payloads[0]).columns
    assert columns is not None
    assert columns.dt.itemsize == 1
    assert [t - WALL_AHEAD_MS for _, _, t, _, _ in expand(decode_body(feed.payloads[0]))] == [
        880, 2120, 3000,
    ]  # fmt: skip


def test_a_batch_without_readings_is_a_heartbeat() -> None:
    feed = Feed()
    feed.seal()
    body = decode_body(feed.payloads[0])
    assert (body.columns, body.events, body.count) == (None, (), 0)


def test_no_flood_of_readings_makes_a_batch_larger_than_its_limit() -> None:
    feed = Feed()
    shape = frame(*range(100))
    for second in range(1200):
        feed.row(shape, second * 1000, [second % 7 + place for place in range(100)])
    feed.seal()
    sizes = [len(payload) for payload in feed.payloads]
    assert len(sizes) == 3
    assert all(50_000 < size < 57_344 for size in sizes[:2])
    assert len(feed.given_back()) == len(feed.taken)


def test_one_wide_value_seals_rather_than_doubling_a_full_batch() -> None:
    feed = Feed()
    shape = frame(*range(100))
    for second in range(400):
        feed.row(shape, second * 1000, [second % 7] * 100)
    assert not feed.payloads
    feed.row(shape, 400_000, [100_000] * 100)
    assert len(feed.payloads) == 1
    feed.seal()
    assert len(feed.given_back()) == len(feed.taken)
    assert max(map(len, feed.payloads)) < 57_344


def test_quality_that_changes_with_every_reading_stays_within_the_limit() -> None:
    feed = Feed()
    shape = frame(*range(100))
    for second in range(300):
        feed.row(shape, second * 1000, [0] * 100, [8, 9] * 50)
    feed.seal()
    assert max(map(len, feed.payloads)) < 57_344
    assert len(feed.given_back()) == len(feed.taken)


def test_a_silent_device_costs_one_run_of_quality() -> None:
    feed = Feed()
    shape = frame(*range(50))
    for second in range(60):
        feed.row(shape, second * 1000, [0] * 50, [8] * 50)
    feed.seal()
    columns = feed.drafts[0].columns
    assert columns is not None
    assert list(columns.q_len) == [3000]
    assert set(columns.dv) == {0}


def test_a_reading_without_a_value_repeats_the_last_one_known_even_over_a_seal() -> None:
    feed = Feed()
    feed.row(frame(1), 0, [55])
    feed.seal()
    feed.row(frame(1), 1000, [0], [8])
    feed.row(frame(1), 2000, [56])
    feed.seal()
    columns = feed.drafts[1].columns
    assert columns is not None
    assert (list(columns.v0), list(columns.dv)) == ([55], [1])


def test_equal_frames_share_their_rows() -> None:
    feed = Feed()
    feed.row(frame(1, 2), 0, [1, 2])
    feed.row(frame(1, 2), 1000, [2, 3])
    feed.seal()
    assert feed.drafts[0].columns is not None
    assert list(feed.drafts[0].columns.rows) == [2]


def test_a_row_that_arrived_before_the_batch_began_keeps_its_time() -> None:
    feed = Feed()
    feed.now_ms = 5000
    feed.seal()
    feed.row(frame(1), 4990, [1])
    feed.seal()
    assert feed.given_back() == feed.taken


def test_events_travel_with_their_time_and_fill_a_batch_too() -> None:
    feed = Feed()
    scan = {1: bytes(20_000)}
    for second in range(5):
        feed.event(EventKind.SCAN, second * 1000, 0, scan)
    feed.seal()
    bodies = [decode_body(payload) for payload in feed.payloads]
    times = [b.t0 + e.t_off - WALL_AHEAD_MS for b in bodies for e in b.events]
    assert times == [0, 1000, 2000, 3000, 4000]
    assert [len(b.events) for b in bodies] == [2, 2, 1]


def test_an_event_that_fits_no_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        Feed().event(EventKind.SCAN, 0, 0, {1: bytes(MAX_EVENT_BYTES)})


def test_an_event_that_the_other_end_would_refuse_is_refused_here() -> None:
    with pytest.raises(WireError):
        Feed().event(EventKind.SCAN, 0, 0, {1: "text instead of bytes"})


def test_a_value_beyond_every_batch_is_refused_and_nothing_is_taken() -> None:
    feed = Feed()
    feed.row(frame(1, 2), 0, [5, 6])
    assert not feed.sealer.row(frame(1, 2), 1000, [MAX_VALUE + 1, 0], None)
    feed.seal()
    with pytest.raises(OverflowError):
        feed.sealer.row(frame(1, 2), 1000, [MAX_VALUE + 1, 0], None)
    with pytest.raises(OverflowError):
        feed.sealer.row(frame(1, 2), 1000, [1 << 70, 0], None)
    feed.row(frame(1, 2), 2000, [7, 8])
    feed.seal()
    assert feed.given_back() == feed.taken


def test_more_shapes_than_are_remembered_cost_no_reading() -> None:
    feed = Feed()
    for at in range(5000):
        feed.row(frame(at), at, [at])
    feed.seal()
    assert feed.given_back() == feed.taken
