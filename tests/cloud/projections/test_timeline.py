"""A gateway's batches on one line of time, whatever its wall clock does."""

import json

from cloud.projections.timeline import NEVER_MS, Place, Timelines
from evidence.batch import Body
from tests.support.batches import START_MS, make_body

SPAN = (0, 50_000)
MINUTE_MS = 60_000


def body(minute: int, **fields: object) -> Body:
    known = {"seq": minute, "t0": START_MS + minute * MINUTE_MS}
    mono = {"mono_ms": 5_000_000 + minute * MINUTE_MS}
    return make_body(**{**known, **mono, **fields})  # type: ignore[arg-type]


def place(lines: Timelines, b: Body, recv_ms: int = 0) -> Place:
    placed = lines.place("gw", b, SPAN, recv_ms)
    assert placed is not None
    return placed


def test_batches_in_order_follow_each_other() -> None:
    lines = Timelines()
    assert not place(lines, body(0)).continues
    second = place(lines, body(1))
    assert second.continues
    assert (second.t0_ms, second.end_ms) == (
        START_MS + MINUTE_MS,
        START_MS + MINUTE_MS + 50_000,
    )
    assert lines.newest_ms("gw") == second.end_ms
    assert lines.newest_ms("other") == NEVER_MS


def test_backlog_is_not_newest_and_leaves_the_line_alone() -> None:
    lines = Timelines()
    place(lines, body(0))
    assert not place(lines, body(5)).continues
    late = place(lines, body(1))
    assert (late.is_newest, late.t0_ms) == (False, START_MS + MINUTE_MS)
    assert place(lines, body(6)).continues


def test_a_new_epoch_does_not_continue_the_last() -> None:
    lines = Timelines()
    place(lines, body(0))
    restarted = place(lines, body(1, epoch=b"epoch--2", seq=0))
    assert restarted.is_newest
    assert not restarted.continues


def test_a_clock_set_back_voids_what_was_remembered_from_there_on() -> None:
    lines = Timelines()
    place(lines, body(0))
    back = place(lines, body(1, t0=START_MS - 600_000))
    assert back.is_newest
    assert not back.continues
    assert back.restart_ms == START_MS - 600_000
    assert place(lines, body(2, t0=START_MS - 540_000)).continues


def test_a_clock_set_forward_is_no_hole_in_the_data() -> None:
    lines = Timelines()
    place(lines, body(0))
    ahead = place(lines, body(1, t0=START_MS + 3_600_000))
    assert (ahead.continues, ahead.restart_ms) == (False, None)


def test_drift_within_the_tolerance_is_no_jump() -> None:
    lines = Timelines()
    place(lines, body(0))
    assert place(lines, body(1, t0=START_MS + MINUTE_MS + 4_999)).continues


def test_a_blind_first_batch_is_placed_at_its_arrival() -> None:
    lines = Timelines()
    first = place(lines, body(0, sync=0, t0=1000), recv_ms=START_MS)
    assert first.end_ms == START_MS
    second = place(lines, body(1, sync=0, t0=2000), recv_ms=START_MS + 90_000)
    assert second.end_ms == START_MS + MINUTE_MS
    assert second.continues


def test_a_blind_batch_uses_its_boots_anchor() -> None:
    lines = Timelines()
    place(lines, body(0))
    blind = place(lines, body(1, sync=0, t0=1000), recv_ms=START_MS + 999_999)
    assert blind.t0_ms == START_MS + MINUTE_MS


def test_a_blind_batch_of_an_old_boot_cannot_be_placed() -> None:
    lines = Timelines()
    place(lines, body(0, boot=8))
    assert lines.place("gw", body(5, boot=7, sync=0), SPAN, START_MS) is None


def test_a_replaced_gateway_that_counts_boots_anew_becomes_newest() -> None:
    lines = Timelines()
    place(lines, body(0, boot=40))
    replaced = place(lines, body(9, boot=1, mono_ms=100, epoch=b"epoch--9", seq=0))
    assert replaced.is_newest
    assert place(lines, body(10, boot=1, mono_ms=60_100, epoch=b"epoch--9", seq=1)).continues


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    lines, restored = Timelines(), Timelines()
    place(lines, body(0))
    restored.restore(json.loads(json.dumps(lines.snapshot())))
    assert place(restored, body(1)) == place(lines, body(1))
