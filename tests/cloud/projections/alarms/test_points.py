"""What is judged column-wise equals the domain's judge asked about every single reading."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.projections.alarms.event import AlarmEvent, AlarmKind, alarm_id
from cloud.projections.alarms.point_state import rewound
from cloud.projections.alarms.points import PointWatch
from cloud.projections.feed import CommittedRecord
from cloud.projections.runs import Runs
from cloud.projections.series import SeriesIndex
from cloud.projections.timeline import Place, Timelines
from domain.alarms.judge import PointJudge
from domain.alarms.state import TransitionKind
from domain.quality import NO_VALUE_FROM
from domain.quantity import Quantity
from domain.rules.load import rule_pack
from evidence.batch import Body, Columns, expand
from tests.support.batches import START_MS, make_body
from tests.support.feeds import batch_record, split
from tests.support.registries import gateway_name, point_name, registry_of

GATEWAY = gateway_name(0)
CHANNELS = (1, 2)
PACK = rule_pack("CN_COLD_2_8")
MINUTE_MS = 60_000

Told = tuple[str, str, int, str]


def frame(
    values: Sequence[int],
    answered: Sequence[bool] = (),
    *,
    period_ms: int = 12_000,
    width: int = 2,
    exp: int = -2,
    dt: Sequence[int] = (),
) -> Columns:
    """Return one frame of the first channels, every row with one value.

    `answered` says reading by reading, row by row, whether there was one; a time-out stands at
    the value before it.
    """
    rows = len(values)
    known = [bool(a) for a in answered] or [True] * (rows * width)
    cells = [v for v in values for _ in range(width)]
    for i in range(width, len(cells)):
        if not known[i]:
            cells[i] = cells[i - width]
    begins = [i for i, k in enumerate(known) if not k and (i == 0 or known[i - 1])]
    ends = [next((j for j in range(i, len(known)) if known[j]), len(known)) for i in begins]
    return Columns(
        rows=array("H", [rows]),
        width=array("H", [width]),
        t_off=array("i", [0]),
        period=array("I", [period_ms]),
        channel=array("I", CHANNELS[:width]),
        exp=array("b", [exp] * width),
        v0=array("q", cells[:width]),
        dt=array("i", dt or [0] * rows),
        dv=array("i", [cells[i] - cells[i - width] for i in range(width, len(cells))]),
        q_start=array("H", begins),
        q_len=array("H", [e - b for b, e in zip(begins, ends, strict=True)]),
        q=array("B", [8] * len(begins)),
    )


# most minutes are like any other: what is out of the ordinary must meet them
steady = st.lists(st.just(500), min_size=5, max_size=5)
moving = st.lists(st.sampled_from([500, 500, 500, 760, 790, 850, 150]), min_size=1, max_size=5)
PLANS = ["send"] * 12 + ["hold", "drop", "release", "repeat"]


@st.composite
def frames(draw: st.DrawFn, width: int) -> Columns:
    """Draw what one minute says."""
    values = draw(st.one_of(steady, steady, steady, moving))
    cells = len(values) * width
    some = st.lists(st.sampled_from([True, True, False]), min_size=cells, max_size=cells)
    jitter = st.lists(st.integers(-15_000, 15_000), min_size=len(values), max_size=len(values))
    exp = draw(st.sampled_from([-2] * 8 + [-1]))
    columns = frame(
        values if exp == -2 else [v // 10 for v in values],
        draw(st.one_of(st.just([]), st.just([]), st.just([]), some)),
        period_ms=draw(st.sampled_from([12_000] * 10 + [80_000])),
        width=width,
        exp=exp,
        dt=draw(st.one_of(st.just([]), st.just([]), st.just([]), st.just([]), jitter)),
    )
    columns.t_off[0] = draw(st.sampled_from([0] * 8 + [50_000]))
    return columns


@st.composite
def archives(draw: st.DrawFn) -> list[CommittedRecord]:
    """Draw a gateway's batches: mostly one minute after the other, some late or repeated."""
    records: list[CommittedRecord] = []
    sealed: list[Body] = []
    held: list[Body] = []
    width, set_ms = 2, 0

    def arrive(body: Body) -> None:
        recv_ms = START_MS + len(records) * MINUTE_MS
        records.append(batch_record(len(records), GATEWAY, body, recv_ms=recv_ms))

    for minute in range(draw(st.integers(0, 14))):
        width = draw(st.sampled_from([width, width, width, width, 1, 2]))
        set_ms += draw(st.sampled_from([0] * 16 + [-100_000, -5_000, 200_000]))
        at_ms = minute * MINUTE_MS
        body = make_body(
            seq=minute,
            t0=START_MS + at_ms + set_ms,
            mono_ms=9_000_000 + at_ms,
            columns=draw(frames(width)),
        )
        plan = draw(st.sampled_from(PLANS))
        if plan in {"send", "release"}:
            arrive(body)
        if plan == "hold":
            held.append(body)
        while plan == "release" and held:
            arrive(held.pop())
        if plan == "repeat" and sealed:
            old = draw(st.sampled_from(sealed))
            arrive(replace(body, epoch=b"epoch--2", t0=old.t0, mono_ms=old.mono_ms))
        sealed.append(body)
    return records


def watched(records: list[CommittedRecord], sizes: Sequence[int]) -> list[AlarmEvent]:
    events: list[AlarmEvent] = []
    index = SeriesIndex(registry_of([GATEWAY], CHANNELS))
    watch, timelines = PointWatch(index, rule_pack, events.append), Timelines()
    for group in split(records, sizes):
        runs = Runs.of(group.records, index)
        places = [
            timelines.place(r.gateway or "", r.body, span, r.recv_ms) if r.body else None
            for r, span in zip(group.records, runs.spans, strict=True)
        ]
        watch.look_at(runs, group.records, places)
        for position, record in enumerate(group.records):
            watch.batch(position, record)
    return events


@dataclass(slots=True)
class Naive:
    """Asks the domain's judge about every reading, and looks at all points after each batch."""

    told: list[Told] = field(default_factory=list)
    judges: dict[str, PointJudge] = field(default_factory=dict)
    exps: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    from_ms: int = 0

    def apply(self, record: CommittedRecord, place: Place) -> None:
        assert record.body is not None
        for judge in self.judges.values():
            if place.restart_ms is not None and judge.last_ms >= place.restart_ms:
                judge.restore(rewound(judge.snapshot(), place.restart_ms))
        if place.is_newest and not place.continues:
            self.from_ms = place.begin_ms
        for channel, exp, t_ms, v, q in sorted(expand(record.body), key=itemgetter(0)):
            if q < NO_VALUE_FROM:
                judge = self.judge(point_name(GATEWAY, channel), exp)
                self.reading(judge, t_ms, v, place)
        for channel in CHANNELS if place.is_newest else ():
            self.look(point_name(GATEWAY, channel), place.end_ms)

    def judge(self, point: str, exp: int) -> PointJudge:
        known = self.judges.get(point)
        if known is None or self.exps[point] != exp:
            new = PointJudge(point, PACK, Quantity.TEMPERATURE, exp)
            if known is not None:
                new.restore(known.snapshot())
            self.judges[point], self.exps[point] = new, exp
        return self.judges[point]

    def reading(self, judge: PointJudge, t_ms: int, v: int, place: Place) -> None:
        since_ms = max(judge.last_ms, self.from_ms)
        if t_ms > judge.last_ms and judge.point in self.missing:
            if t_ms > self.missing[judge.point] or place.is_newest:
                self.gap(judge.point, "returned", self.missing.pop(judge.point), t_ms)
        elif t_ms > judge.last_ms and place.is_newest and t_ms - since_ms > PACK.gap_ms:
            self.gap(judge.point, "raised", since_ms, since_ms + PACK.gap_ms)
            self.gap(judge.point, "returned", since_ms, t_ms)
        for t in judge.step(t_ms, v):
            if t.kind in {TransitionKind.RAISED, TransitionKind.RETURNED}:
                identity = (judge.point, t.limit.pack, t.limit.key, t.since_ms, t.late)
                name = alarm_id(AlarmKind.LIMIT, *identity)
                self.told.append((name, t.kind.value, t.at_ms, judge.point))

    def look(self, point: str, now_ms: int) -> None:
        last_ms = self.judges[point].last_ms if point in self.judges else self.from_ms
        since_ms = max(last_ms, self.from_ms)
        if point not in self.missing and now_ms - since_ms > PACK.gap_ms:
            self.missing[point] = since_ms
            self.gap(point, "raised", since_ms, since_ms + PACK.gap_ms)

    def gap(self, point: str, event: str, since_ms: int, at_ms: int) -> None:
        self.told.append((alarm_id(AlarmKind.GAP, point, since_ms), event, at_ms, point))


def one_by_one(records: list[CommittedRecord]) -> list[Told]:
    naive, timelines = Naive(), Timelines()
    for record in records:
        assert record.body is not None
        offs = [t - record.body.t0 for _, _, t, _, _ in expand(record.body)]
        span = (min(offs), max(offs))
        place = timelines.place(GATEWAY, record.body, span, record.recv_ms)
        assert place is not None
        naive.apply(record, place)
    return naive.told


@settings(max_examples=400, deadline=None)
@given(records=archives(), sizes=st.lists(st.integers(1, 5), max_size=6))
def test_columns_are_judged_as_each_reading_and_each_batch_alone(
    records: list[CommittedRecord], sizes: list[int]
) -> None:
    got = [(e.alarm, e.event.value, e.at_ms, e.point) for e in watched(records, sizes)]
    assert sorted(got) == sorted(one_by_one(records))


@settings(max_examples=100, deadline=None)
@given(records=archives(), sizes=st.lists(st.integers(1, 5), max_size=6))
def test_nothing_depends_on_the_groups(
    records: list[CommittedRecord], sizes: list[int]
) -> None:
    assert watched(records, sizes) == watched(records, [1] * len(records))


def test_a_fleet_at_rest_has_no_judges() -> None:
    index = SeriesIndex(registry_of([GATEWAY], CHANNELS))
    watch, timelines = PointWatch(index, rule_pack, lambda _: None), Timelines()
    for minute in range(3):
        body = make_body(seq=minute, columns=frame([500] * 5))
        record = batch_record(minute, GATEWAY, body)
        runs = Runs.of([record], index)
        place = timelines.place(GATEWAY, body, runs.spans[0], 0)
        watch.look_at(runs, [record], [place])
        watch.batch(0, record)
    assert watch.states.judges == [None, None]


@pytest.mark.parametrize("before_ms", [5_000, 10_000, 999_999])
def test_a_rewound_judge_believes_nothing_newer_and_keeps_its_alarms(before_ms: int) -> None:
    judge = PointJudge("p", PACK, Quantity.TEMPERATURE, -2)
    for at_ms, v in ((1_000, 500), (6_000, 900), (12_000, 900)):
        judge.step(at_ms, v)
    states = dict(judge.states)
    judge.restore(rewound(judge.snapshot(), before_ms))
    assert judge.last_ms < before_ms
    assert dict(judge.states) == states


def minutes(
    *columns: Columns, set_ms: dict[int, int] | None = None, every_ms: int = MINUTE_MS
) -> list[CommittedRecord]:
    """Return a gateway's batches in a row; its clock is off by `set_ms` in some."""
    records: list[CommittedRecord] = []
    for number, what in enumerate(columns):
        at_ms = number * every_ms
        off_ms = (set_ms or {}).get(number, 0)
        body = make_body(
            seq=number, t0=START_MS + at_ms + off_ms, mono_ms=9_000_000 + at_ms, columns=what
        )
        records.append(batch_record(number, GATEWAY, body, recv_ms=START_MS + at_ms))
    return records


def gaps(records: list[CommittedRecord], sizes: Sequence[int] = (1,) * 9) -> list[Told]:
    return [
        (e.point[-2:], e.event.value, e.at_ms - START_MS, str(e.record))
        for e in watched(records, sizes)
        if e.kind is AlarmKind.GAP
    ]


def test_a_time_out_is_no_value() -> None:
    once = frame([500] * 5, [True, True] + [True, False] * 4)
    never = frame([500] * 5, [True, False] * 5)
    assert gaps(minutes(frame([500] * 5), once, never, never)) == [
        ("p2", "raised", 135_000, "2")
    ]


def test_a_point_that_is_left_out_of_quiet_batches_is_missing() -> None:
    both, one = frame([500] * 5), frame([500] * 5, width=1)
    expected = [("p2", "raised", 123_000, "2"), ("p2", "returned", 240_000, "4")]
    assert gaps(minutes(both, one, one, one, both)) == expected


def test_a_point_that_came_back_can_be_missing_again() -> None:
    both, one = frame([500] * 5), frame([500] * 5, width=1)
    early = frame([500] * 5, [True, True] + [True, False] * 4)
    found = gaps(minutes(both, one, one, early, one, one))
    assert [(event, at_ms, record) for _, event, at_ms, record in found] == [
        ("raised", 123_000, "2"),
        ("returned", 180_000, "3"),
        ("raised", 255_000, "4"),
    ]


def test_when_every_point_came_back_every_point_can_be_missing_again() -> None:
    says, silent = frame([500] * 5), frame([500] * 5, [False] * 10)
    found = gaps(minutes(says, silent, silent, says, silent, silent))
    assert [(event, record) for _, event, _, record in found] == [
        (event, record)
        for event, record in (("raised", "2"), ("returned", "3"), ("raised", "5"))
        for _ in CHANNELS
    ]


def test_a_new_stretch_is_looked_at_from_its_begin() -> None:
    both, one = frame([500] * 5), frame([500] * 5, width=1)
    records = minutes(both, both, both, one, one, one)
    del records[1]
    assert gaps(records) == [("p2", "raised", 243_000, "4")]


def test_a_clock_set_back_within_a_group_is_the_same_as_alone() -> None:
    both = frame([500] * 2, period_ms=5_000)
    one = frame([500] * 2, period_ms=5_000, width=1)
    off_ms = dict.fromkeys(range(2, 14), -6_000)
    records = minutes(both, one, one, both, *[one] * 10, set_ms=off_ms, every_ms=10_000)
    told = [(e.alarm, e.event.value, e.at_ms, e.point) for e in watched(records, [2])]
    assert [event for _, event, _, _ in told] == ["raised"]
    assert told == one_by_one(records)
