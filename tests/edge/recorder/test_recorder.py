"""The recorder: when it seals, what it signs, and that nothing is dropped unsaid."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from domain.frame import Frame
from domain.quantity import Quantity
from domain.rules.load import rule_pack
from edge.judge.frame_judge import JudgedPoint
from edge.outbox.room import OutboxLimits
from edge.recorder.recorder import (
    ALARM_BURST,
    ALARM_GAP_MS,
    DAY_MS,
    QUEUE_MAX,
    Recorder,
)
from edge.sealer.sealer import SealPolicy
from evidence.batch import Body, EventKind, expand
from evidence.chain import BatchHead, ChainState, apply, judge
from evidence.disk import Disk
from evidence.point_table import table_hash
from tests.support.batches import KEY, channel_table
from tests.support.gateway_parts import Bench
from tests.support.wait import until

SHAPE = Frame(channels=(1, 2), exps=(-1, -1), period_ms=10_000)
COLD = rule_pack("CN_COLD_2_8")
POINTS = [
    JudgedPoint(channel=c, quantity=Quantity.TEMPERATURE, exp=-1, pack=COLD) for c in (1, 2)
]
MakeBench = Callable[..., Bench]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[MakeBench]:
    made: list[Bench] = []

    def build(**fields: object) -> Bench:
        bench = Bench(**{"folder": tmp_path / "state", **fields})  # type: ignore[arg-type]
        made.append(bench)
        return bench

    yield build
    for bench in made:
        with suppress(OSError):
            bench.close()


def advance(bench: Bench, ms: int) -> None:
    bench.clock.now_ms += ms
    bench.recorder.tick()


def kinds(body: Body) -> list[int]:
    return [event.kind for event in body.events]


def feed(recorder: Recorder, mono_ms: int, *values: int) -> None:
    recorder.row(SHAPE, mono_ms, values, None)


async def test_the_first_batch_tells_table_and_state_at_once(make: MakeBench) -> None:
    bench = make()
    bench.recorder.begin()
    await bench.store()
    (body,) = bench.bodies()
    assert (body.seq, body.parent, body.count) == (0, None, 0)
    assert kinds(body) == [EventKind.POINT_TABLE, EventKind.STATE]
    assert len(body.events[0].body[1]) == 8  # type: ignore[arg-type]


async def test_readings_are_sealed_at_the_end_of_each_period(make: MakeBench) -> None:
    bench = make()
    bench.recorder.begin()
    for second in range(0, 120, 10):
        feed(bench.recorder, bench.clock.now_ms, 50 + second, 51)
        advance(bench, 10_000)
    await bench.store()
    bodies = bench.bodies()
    assert [body.count for body in bodies] == [0, 12, 12]
    assert [body.readings_total for body in bodies] == [0, 12, 24]
    readings = [reading for body in bodies for reading in expand(body)]
    assert [(c, t - bench.clock.ahead_ms) for c, _, t, _, _ in readings][:4] == [
        (1, 1_000_000),
        (2, 1_000_000),
        (1, 1_010_000),
        (2, 1_010_000),
    ]


async def test_a_period_without_readings_is_a_signed_heartbeat(make: MakeBench) -> None:
    bench = make()
    bench.recorder.begin()
    for _ in range(3):
        advance(bench, 60_000)
    await bench.store()
    assert [(body.seq, body.count) for body in bench.bodies()] == [
        (0, 0),
        (1, 0),
        (2, 0),
        (3, 0),
    ]


async def test_batches_form_a_chain_without_findings_over_a_restart(make: MakeBench) -> None:
    bench = make()
    bench.recorder.begin()
    for _ in range(3):
        feed(bench.recorder, bench.clock.now_ms, 50, 51)
        advance(bench, 60_000)
    await bench.store()
    first = bench.bodies()
    bench.close()
    again = make(clock=bench.clock)
    again.recorder.begin()
    advance(again, 60_000)
    await again.store()
    second = again.bodies()[len(first) :]
    assert second[0].seq == 0
    assert second[0].epoch != first[0].epoch
    assert second[0].parent == (first[0].epoch, 3)
    chain = ChainState()
    for number in again.outbox._records.held.all:
        batch = again.outbox.read(number)
        assert batch is not None
        head = BatchHead(body=again.bodies()[number], sha256=sha256(batch).digest())
        verdict = judge(chain, head, None, bench.clock.wall_ms())
        assert verdict.findings == ()
        apply(chain, head)


async def test_an_alarm_seals_at_once_and_takes_the_fast_lane(make: MakeBench) -> None:
    bench = make(points=POINTS)
    bench.recorder.begin()
    feed(bench.recorder, bench.clock.now_ms, 50, 51)
    bench.clock.now_ms += 10_000
    feed(bench.recorder, bench.clock.now_ms, 50, 90)
    await bench.store()
    assert [written.alarm for written in bench.written] == [False, True]
    body = bench.bodies()[1]
    assert body.count == 4
    alarms = [event for event in body.events if event.kind == EventKind.LOCAL_ALARM]
    assert {(a.channel, a.body[5], a.body[6]) for a in alarms} == {
        (2, "alarm", 90),
        (2, "prealarm", 90),
    }
    assert bench.bell.rang == [True]
    assert bench.recorder.alarms == 2


async def test_an_alarm_right_after_another_waits_for_nothing(make: MakeBench) -> None:
    bench = make(points=POINTS)
    bench.recorder.begin()
    for value in (50, 78, 90, 50):  # good, pre-alarm, alarm, both over
        bench.clock.now_ms += 100
        feed(bench.recorder, bench.clock.now_ms, 50, value)
    await bench.store()
    assert len(bench.bodies()) == 4


async def test_a_value_that_flutters_seals_at_a_bounded_rate(make: MakeBench) -> None:
    bench = make(points=POINTS)
    bench.recorder.begin()
    for step in range(40):
        bench.clock.now_ms += 50
        feed(bench.recorder, bench.clock.now_ms, 50, 90 if step % 2 else 50)
        bench.recorder.tick()
    await bench.store()
    assert len(bench.bodies()) <= 2 + ALARM_BURST + 40 * 50 // ALARM_GAP_MS


async def test_missing_data_is_announced_and_recorded(make: MakeBench) -> None:
    bench = make(points=POINTS)
    bench.recorder.begin()
    advance(bench, 75_000)
    assert bench.bell.rang == []
    advance(bench, 1_000)
    assert bench.bell.rang == [True]
    feed(bench.recorder, bench.clock.now_ms, 50, 50)
    advance(bench, 1_000)
    assert bench.bell.rang == [True, False]
    await bench.store()
    told = [
        e.body[1] for b in bench.bodies() for e in b.events if e.kind == EventKind.LOCAL_ALARM
    ]
    assert told == ["raised", "raised", "returned", "returned"]


@pytest.mark.parametrize("step_ms", [-600_000, 90, 5_000])
async def test_a_step_of_the_wall_clock_seals_with_the_old_clock(
    make: MakeBench, step_ms: int
) -> None:
    bench = make()
    bench.recorder.begin()
    feed(bench.recorder, bench.clock.now_ms, 50, 51)
    before_ms = bench.clock.wall_ms()
    bench.clock.step(step_ms)
    advance(bench, 250)
    bench.recorder._seal()
    await bench.store()
    old, new = bench.bodies()[1:]
    assert (old.t0, old.count) == (before_ms, 2)
    assert new.t0 == before_ms + step_ms + 250
    assert [(e.kind, e.body) for e in new.events] == [
        (EventKind.CLOCK_STEP, {1: step_ms, 2: before_ms + 250})
    ]


async def test_a_clock_that_becomes_synchronised_begins_a_new_batch(make: MakeBench) -> None:
    bench = make()
    bench.clock.synced, bench.clock.err_ms = 0, 16_000
    bench.recorder._seal()
    bench.recorder.begin()
    feed(bench.recorder, bench.clock.now_ms, 50, 51)
    bench.clock.synced = 1
    advance(bench, 250)
    bench.recorder._seal()
    await bench.store()
    assert [body.sync for body in bench.bodies()[-2:]] == [0, 1]


async def test_the_state_is_told_every_day(make: MakeBench) -> None:
    bench = make()
    bench.recorder.begin()
    await bench.store()
    for _ in range(25):
        advance(bench, DAY_MS // 24)
        await bench.store()
    assert sum(EventKind.STATE in kinds(body) for body in bench.bodies()) == 2


async def test_a_table_too_large_for_one_batch_comes_in_several(make: MakeBench) -> None:
    channels = channel_table(3000)
    bench = make(channels=channels)
    bench.recorder.begin()
    await bench.store()
    bodies = bench.bodies()
    assert len(bodies) > 2
    rows = [
        row
        for body in bodies
        for event in body.events
        if event.kind == EventKind.POINT_TABLE
        for row in event.body[1]  # type: ignore[attr-defined]
    ]
    assert [row[0] for row in rows] == [channel.number for channel in channels]


async def test_a_new_epoch_begins_with_the_table_and_the_parent(make: MakeBench) -> None:
    bench = make()
    bench.recorder.begin()
    feed(bench.recorder, bench.clock.now_ms, 50, 51)
    refused = bench.writer.chain.epoch
    for _ in range(3):  # a fork is refused batch by batch
        bench.recorder.open_epoch(refused)
    await bench.store()
    bench.recorder.open_epoch(refused)
    await bench.store()
    old, last, new = bench.bodies()
    assert (last.epoch, last.seq, last.count) == (old.epoch, 1, 2)
    assert (new.seq, new.parent, new.readings_total) == (0, (old.epoch, 1), 0)
    assert EventKind.POINT_TABLE in kinds(new)


SMALL = OutboxLimits(max_bytes=16_384, segment_bytes=4096)


async def test_a_full_outbox_goes_on_in_summaries_that_count_what_was_dropped(
    make: MakeBench,
) -> None:
    bench = make(limits=SMALL, points=POINTS)
    bench.recorder.begin()
    for _ in range(40):
        feed(bench.recorder, bench.clock.now_ms, 50, 51)
        advance(bench, 60_000)
        await bench.store()
    assert bench.outbox.full
    assert bench.bell.rang == [True]
    assert bench.recorder.trouble == "outbox_full"
    held = bench.bodies()
    bench.recorder.row(SHAPE, bench.clock.now_ms, (50, 99), None)
    await bench.store()
    summary = bench.bodies()[-1]
    assert len(bench.bodies()) == len(held) + 1
    assert (summary.columns, EventKind.LOCAL_ALARM in kinds(summary)) == (None, True)
    dropped = bench.recorder.dropped["outbox_full"]
    assert summary.readings_total + summary.dropped_total == 82
    assert summary.dropped_total == dropped

    bench.outbox.settle(bench.outbox.unreceipted)
    feed(bench.recorder, bench.clock.now_ms + 1, 50, 50)
    advance(bench, 60_000)
    await bench.store()
    assert [body.count for body in bench.bodies()[-2:]] == [2, 0]
    assert bench.bodies()[-1].dropped_total == dropped
    assert bench.recorder.trouble == ""


async def test_a_disk_that_hangs_costs_readings_that_are_counted_and_no_event(
    make: MakeBench,
) -> None:
    bench = make()
    for at in range(QUEUE_MAX + 3):
        feed(bench.recorder, bench.clock.now_ms + at, 50, 51)
        bench.recorder.event(EventKind.SCAN, bench.clock.now_ms + at, 0, {1: b"%d" % at})
        bench.recorder._seal()
    assert bench.recorder.dropped == {"disk_stalled": 6}
    await bench.store()
    bench.recorder._seal()
    await bench.store()
    bodies = bench.bodies()
    scans = [event.body[1] for body in bodies for event in body.events]
    assert scans == [b"%d" % at for at in range(QUEUE_MAX + 3)]
    assert (bodies[-1].readings_total, bodies[-1].dropped_total) == (QUEUE_MAX * 2, 6)


async def test_a_row_that_no_batch_can_hold_is_counted(make: MakeBench) -> None:
    bench = make()
    bench.recorder.row(SHAPE, bench.clock.now_ms, (1 << 60, 5), None)
    bench.recorder.event(EventKind.SCAN, bench.clock.now_ms, 0, {1: "not bytes"})
    bench.recorder._seal()
    await bench.store()
    assert bench.bodies()[0].dropped_total == 2
    assert bench.recorder.dropped == {"value_out_of_bounds": 2, "event_out_of_bounds": 1}


async def test_a_disk_that_refuses_leaves_no_hole_in_the_chain(make: MakeBench) -> None:
    dead = [False]

    def fdatasync(fd: int) -> None:
        if dead[0]:
            raise OSError(5, "input/output error")

    bench = make(disk=Disk(fdatasync=fdatasync))
    bench.recorder.begin()
    await bench.store()
    dead[0] = True
    feed(bench.recorder, bench.clock.now_ms, 50, 51)
    advance(bench, 60_000)
    await bench.store()
    dead[0] = False
    feed(bench.recorder, bench.clock.now_ms, 50, 51)
    advance(bench, 60_000)
    await bench.store()
    bodies = bench.bodies()
    assert [body.seq for body in bodies] == [0, 1]
    assert (bodies[1].readings_total, bodies[1].dropped_total) == (2, 2)
    assert bench.recorder.dropped == {"storage_fault": 2}


async def test_rot_is_declared_in_the_next_signed_batch(
    make: MakeBench, tmp_path: Path
) -> None:
    bench = make()
    bench.recorder.begin()
    for _ in range(3):
        advance(bench, 60_000)
    await bench.store()
    damaged = bench.bodies()[1]
    bench.close()
    (segment,) = (tmp_path / "state" / "outbox").iterdir()
    content = bytearray(segment.read_bytes())
    content[content.find(damaged.prev)] ^= 1
    segment.write_bytes(content)
    again = make()
    again.recorder.begin()
    await again.store()
    events = [e for e in again.bodies()[-1].events if e.kind == EventKind.DECLARED_GAP]
    assert [(e.body[1], e.body[2], e.body[4]) for e in events] == [(1, 1, damaged.epoch)]


async def test_a_card_restored_from_a_backup_opens_another_epoch(
    make: MakeBench, tmp_path: Path
) -> None:
    bench = make()
    bench.recorder.begin()
    await bench.store()
    bench.close()
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    epochs = set()
    for folder in ("state", "copy"):
        one = make(folder=tmp_path / folder)
        one.recorder.begin()
        await one.store()
        body = one.bodies()[-1]
        epochs.add(body.epoch)
        assert body.parent is not None
    assert len(epochs) == 2


async def test_run_ticks_writes_and_flushes_by_itself(make: MakeBench) -> None:
    bench = make(policy=SealPolicy(period_ms=1000))
    bench.recorder.begin()
    task = asyncio.create_task(bench.recorder.run())
    await until(lambda: len(bench.written) == 1)
    feed(bench.recorder, bench.clock.now_ms, 50, 51)
    bench.clock.now_ms += 1000
    await until(lambda: len(bench.written) == 2)
    feed(bench.recorder, bench.clock.now_ms, 50, 51)
    await bench.recorder.flush()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert [body.count for body in bench.bodies()] == [0, 2, 2]
    assert bench.recorder.unsealed == 0


def test_the_key_is_the_one_that_signs() -> None:
    assert KEY.public.alg == -19


async def test_another_point_table_is_told_by_the_first_batch_under_it(make: MakeBench) -> None:
    bench = make()
    bench.recorder.begin()
    feed(bench.recorder, bench.clock.now_ms, 50, 51)
    table = channel_table(3)
    bench.recorder.adopt(table, [], SealPolicy(period_ms=5_000))
    feed(bench.recorder, bench.clock.now_ms + 1, 52, 53)
    advance(bench, 5_000)
    await bench.store()
    first, before, change, after = bench.bodies()
    old, new = table_hash(channel_table(8)), table_hash(table)
    assert [body.config for body in (first, before, change, after)] == [old, old, new, new]
    assert (before.count, change.count, after.count) == (2, 0, 2)
    assert kinds(change) == [EventKind.POINT_TABLE, EventKind.STATE]
    assert len(change.events[0].body[1]) == 3  # type: ignore[arg-type]
    assert len({body.epoch for body in bench.bodies()}) == 1


async def test_an_epoch_after_a_change_begins_with_the_table_in_force(make: MakeBench) -> None:
    bench = make()
    bench.recorder.begin()
    bench.recorder.adopt(channel_table(3), [], SealPolicy())
    await bench.store()
    bench.recorder.open_epoch(bench.bodies()[-1].epoch)
    await bench.store()
    last = bench.bodies()[-1]
    assert (last.seq, last.config) == (0, table_hash(channel_table(3)))
    assert len(last.events[0].body[1]) == 3  # type: ignore[arg-type]


async def test_the_alarm_of_a_point_that_goes_is_cleared_and_the_bell_stops(
    make: MakeBench,
) -> None:
    bench = make(points=POINTS)
    bench.recorder.begin()
    feed(bench.recorder, bench.clock.now_ms, 200, 50)
    assert bench.bell.rang == [True]
    bench.recorder.adopt(channel_table(2), POINTS[1:], SealPolicy())
    assert bench.bell.rang == [True, False]
    await bench.store()
    told = [
        e.body[1]
        for body in bench.bodies()
        for e in body.events
        if e.kind == EventKind.LOCAL_ALARM
    ]
    assert told == ["raised", "raised", "cleared", "cleared"]


async def test_a_missed_poll_is_not_something_heard(make: MakeBench) -> None:
    bench = make()
    assert bench.recorder.heard_ms is None
    bench.recorder.row(SHAPE, 1_000_010, (0, 0), (8, 9))
    assert bench.recorder.heard_ms is None
    bench.recorder.row(SHAPE, 1_000_020, (0, 41), (8, 0))
    assert bench.recorder.heard_ms == 1_000_020
