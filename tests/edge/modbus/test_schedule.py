"""The cadence: absolute, one row per slot, nothing of one device at another's expense."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.quality import Quality
from edge.modbus.budget import SHARE
from edge.modbus.config import LinkKind, ModbusBus
from edge.modbus.schedule import MAX_GAP_ROWS, PHASES, Schedule, Slot
from tests.support.modbus_builders import device, rtu_bus, spec, tcp_bus
from tests.support.modbus_simulated import Reply, SimulatedLine, by_unit


def shared_bus(units: int, *, period_ms: int = 1000, timeout_ms: int = 500) -> ModbusBus:
    return tcp_bus(
        502,
        *(
            device([spec(0)], unit=unit, period_ms=period_ms, first_channel=unit)
            for unit in range(1, units + 1)
        ),
        timeout_ms=timeout_ms,
    )


def test_polls_stay_on_their_instants_however_long_answers_take() -> None:
    bus = tcp_bus(502, device([spec(0)], period_ms=200))
    line = SimulatedLine(bus, lambda _slot, now_ms: ("data", 3 + now_ms % 7), start_ms=12_345)
    line.run_until(72_345)
    assert len({at_ms % 200 for at_ms, _ in line.asked}) == 1, "no drift"
    assert len(line.asked) == 300
    assert line.schedule.missed == 0


def test_devices_of_one_bus_are_spread_over_the_period() -> None:
    line = SimulatedLine(shared_bus(PHASES), by_unit({}))
    line.run_until(1000)
    assert sorted(at_ms for at_ms, _ in line.asked) == [
        1000 * phase // PHASES for phase in range(PHASES)
    ]


def test_devices_of_equal_phase_are_due_in_the_same_millisecond_on_any_bus() -> None:
    wakes = {
        Schedule(tcp_bus(port, device([spec(0)], period_ms=800)), 5_000 + port).wake_ms % 100
        for port in range(1, 300)
    }
    assert wakes == {0}


def test_a_slow_device_gives_a_row_per_slot_and_never_a_value_twice() -> None:
    bus = tcp_bus(502, device([spec(0)], period_ms=100), timeout_ms=1000)
    line = SimulatedLine(bus, by_unit({1: ("data", 250)}))
    line.run_until(10_000)
    assert len(line.asked) == 40, "it is asked as often as it can answer"
    readings = line.sink.readings[1]
    assert sum(r.quality == 0 for r in readings) == line.answers == 40
    assert sum(r.quality == Quality.TIMEOUT for r in readings) == line.schedule.missed
    assert 59 <= line.schedule.missed <= 61


def test_a_missed_slot_is_reported_at_the_instant_it_was_due() -> None:
    bus = tcp_bus(502, device([spec(0)], period_ms=100), timeout_ms=1000)
    line = SimulatedLine(bus, lambda _slot, now_ms: ("data", 450 if now_ms < 1000 else 5))
    line.run_until(3000)
    gaps = [r.at_ms for r in line.sink.readings[1] if r.quality]
    assert gaps
    assert {at_ms % 100 for at_ms in gaps} == {line.asked[-1][0] % 100}


def test_without_a_line_every_slot_is_a_gap() -> None:
    line = SimulatedLine(
        tcp_bus(502, device([spec(0)], period_ms=100)),
        by_unit({}),
        is_up=lambda now_ms: not 1000 <= now_ms < 2000,
    )
    line.run_until(3000)
    out = [r for r in line.sink.readings[1] if 1000 <= r.at_ms < 2000]
    assert [r.quality for r in out] == [Quality.TIMEOUT] * 10
    assert line.schedule.missed == 10
    assert len(line.sink.readings[1]) == 30


def test_after_a_long_standstill_every_slot_is_counted_and_the_latest_are_reported() -> None:
    line = SimulatedLine(tcp_bus(502, device([spec(0)], period_ms=100)), by_unit({}))
    line.run_until(1000)
    before = len(line.sink.readings[1])
    line.now_ms += 3_600_000
    line.run_until(line.now_ms + 1000)
    assert 35_999 <= line.schedule.missed <= 36_000
    assert len(line.sink.readings[1]) - before == MAX_GAP_ROWS + 10


def test_a_dead_device_on_a_shared_bus_costs_at_most_its_share() -> None:
    line = SimulatedLine(shared_bus(5), by_unit({3: ("silence", 0)}))
    line.run_until(600_000)
    assert line.waited_ms[3] <= SHARE * 600_000 + 500
    assert line.waited_ms[3] > 0.8 * SHARE * 600_000, "and is asked as often as that allows"
    for unit in (1, 2, 4, 5):
        assert line.sink.qualities(unit).count(0) >= 599, "its neighbours miss nothing"
    assert set(line.sink.qualities(3)) == {Quality.TIMEOUT}
    assert len(line.sink.readings[3]) >= 599, "and it has a gap in every slot"


@given(st.integers(2, 12), st.integers(1, 11), st.sampled_from([200, 1000, 10_000]))
@settings(deadline=None, max_examples=30)
def test_any_number_of_dead_devices_share_the_share(
    units: int, dead: int, period_ms: int
) -> None:
    dead = min(dead, units - 1)
    line = SimulatedLine(
        shared_bus(units, period_ms=period_ms, timeout_ms=100),
        by_unit(dict.fromkeys(range(1, dead + 1), ("silence", 0)), ("data", 3)),
    )
    line.run_until(200_000)
    first_waits_ms = dead * 100  # falling silent is noticed by waiting
    assert sum(line.waited_ms.values()) <= SHARE * 200_000 + first_waits_ms
    tries = [sum(unit == n for _, unit in line.asked) for n in range(1, dead + 1)]
    assert 2 * min(tries) + 2 >= max(tries), "none of them starves"


def test_a_gateway_that_waits_for_a_device_in_vain_is_not_asked_for_it_at_will() -> None:
    line = SimulatedLine(shared_bus(3), by_unit({2: ("11", 400)}))
    line.run_until(300_000)
    assert line.waited_ms[2] <= SHARE * 300_000 + 400
    assert set(line.sink.qualities(2)) == {Quality.EXCEPTION}, "an exception, not a time-out"


def test_a_device_alone_on_its_line_is_asked_in_every_slot_it_can_be() -> None:
    line = SimulatedLine(shared_bus(1), by_unit({1: ("silence", 0)}))
    line.run_until(60_000)
    assert len(line.asked) >= 59


def test_a_device_that_comes_back_is_polled_in_its_next_slots() -> None:
    def reply(slot: Slot, now_ms: int) -> Reply:
        return ("silence", 0) if slot.unit.unit == 2 and now_ms < 60_000 else ("data", 5)

    line = SimulatedLine(shared_bus(4), reply)
    line.run_until(120_000)
    back_ms = min(r.at_ms for r in line.sink.readings[2] if r.quality == 0)
    assert back_ms <= 60_000 + 500 / SHARE + 1000
    after = [r.quality for r in line.sink.readings[2] if r.at_ms > back_ms]
    assert set(after) == {0}


def test_a_machine_that_was_suspended_during_a_poll_does_not_hold_it_against_the_device() -> (
    None
):
    schedule = Schedule(shared_bus(2), 0)
    now_ms = schedule.wake_ms
    slot = schedule.take(now_ms, is_up=True)
    assert slot is not None
    schedule.unanswered(slot, now_ms, now_ms + 8 * 3_600_000)
    line = SimulatedLine(shared_bus(2), by_unit({}), start_ms=now_ms + 8 * 3_600_000)
    line.schedule = schedule
    line.run_until(line.start_ms + 30_000)
    assert line.sink.good(slot.unit.unit), "it is asked again within seconds, not days"


def test_a_single_lost_frame_costs_one_reading() -> None:
    def reply(slot: Slot, now_ms: int) -> Reply:
        return (
            ("silence", 0) if slot.unit.unit == 2 and 60_000 <= now_ms < 61_000 else ("data", 5)
        )

    line = SimulatedLine(shared_bus(4), reply)
    line.run_until(120_000)
    assert sum(q != 0 for q in line.sink.qualities(2)) == 1


def test_on_a_serial_line_a_silent_device_is_left_alone_until_its_answer_cannot_come() -> None:
    devices = [device([spec(0)], unit=u, period_ms=100, first_channel=u) for u in (1, 2)]
    line = SimulatedLine(
        rtu_bus("/dev/null", *devices, timeout_ms=200), by_unit({1: ("silence", 0)})
    )
    line.run_until(60_000)
    asked = [at_ms for at_ms, unit in line.asked if unit == 1]
    assert min(b - a for a, b in pairwise(asked)) >= 2 * 200
    alone = SimulatedLine(rtu_bus("/dev/null", devices[0], timeout_ms=200), line.reply)
    alone.run_until(60_000)
    assert min(b - a for (a, _), (b, _) in pairwise(alone.asked)) >= 2 * 200
    assert len(alone.asked) >= 100, "but no longer than that"


def test_one_bad_register_costs_no_neighbour_a_single_reading() -> None:
    specs = [spec(a) for a in range(20)]
    bus = tcp_bus(502, device(specs, period_ms=1000))
    bad = 7

    def reply(slot: Slot, _now_ms: int) -> Reply:
        read = slot.piece.read
        return ("2", 2) if read.start <= bad < read.start + read.count else ("data", 2)

    line = SimulatedLine(bus, reply)
    line.run_until(30_000)
    for channel in range(1, 21):
        qualities = line.sink.qualities(channel)
        assert len(qualities) == 30
        assert set(qualities) == ({Quality.EXCEPTION} if channel == bad + 1 else {0})
    assert len(line.asked) <= 10 + 30 * 2 + 3


@given(
    st.frozensets(st.sampled_from([0, 2, 5, 100, 101, 200]), max_size=3),
    st.integers(0, 12_000),
    st.lists(st.sampled_from([2, 2, 2, 40, 130, 260]), min_size=1, max_size=9),
)
@settings(deadline=None, max_examples=40)
def test_while_reads_are_regrouped_every_point_has_one_row_per_slot(
    missing: frozenset[int], missing_from_ms: int, delays_ms: list[int]
) -> None:
    places = [*range(6), 100, 101, 200]

    def reply(slot: Slot, now_ms: int) -> Reply:
        read = slot.piece.read
        is_bad = any(read.start <= a < read.start + read.count for a in missing)
        delay_ms = delays_ms[now_ms % len(delays_ms)] if now_ms < 20_000 else 2
        return ("2" if is_bad and now_ms >= missing_from_ms else "data", delay_ms)

    line = SimulatedLine(tcp_bus(502, device([spec(a) for a in places], period_ms=100)), reply)
    line.run_until(25_040)
    for channel in range(1, len(places) + 1):
        assert len(line.sink.readings[channel]) == 250, "none left out, none twice"


replies = st.sampled_from([("data", 1), ("data", 30), ("data", 170), ("silence", 0), ("4", 3)])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([50, 100, 230]), min_size=1, max_size=5),
    st.lists(replies, min_size=1, max_size=30),
    st.sampled_from(LinkKind),
)
def test_every_slot_gives_exactly_one_row(
    periods_ms: list[int], script: list[Reply], kind: LinkKind
) -> None:
    devices = [
        device([spec(0), spec(1)], unit=n + 1, period_ms=p, first_channel=10 * n)
        for n, p in enumerate(periods_ms)
    ]
    bus = (
        rtu_bus("/dev/x", *devices, timeout_ms=200)
        if kind is LinkKind.RTU
        else tcp_bus(502, *devices, timeout_ms=200)
    )
    line = SimulatedLine(bus, lambda _slot, now_ms: script[now_ms % len(script)])
    line.run_until(5000)
    for n, period_ms in enumerate(periods_ms):
        rows = len(line.sink.readings[10 * n])
        slots = 5000 / period_ms
        # What waits for its turn on an overloaded line is not yet settled at the end.
        assert abs(rows - slots) <= 400 * len(periods_ms) / period_ms + 2
    assert len(line.sink.rows) == line.answers + line.failures + line.schedule.missed


@pytest.mark.parametrize("code", [1, 4, 6])
def test_an_exception_is_a_gap_of_its_own_kind_and_the_cadence_goes_on(code: int) -> None:
    line = SimulatedLine(shared_bus(2), by_unit({1: (str(code), 5)}))
    line.run_until(10_000)
    assert set(line.sink.qualities(1)) == {Quality.EXCEPTION}
    assert sum(unit == 1 for _, unit in line.asked) == 10


@given(st.integers(0, 5_000), st.integers(1, 8))
def test_who_takes_over_a_bus_asks_at_once_and_then_keeps_its_instants(
    start_ms: int, units: int
) -> None:
    bus = shared_bus(units)
    usual = Schedule(bus, start_ms)
    taken_over = Schedule(bus, start_ms, at_once=True)
    assert taken_over.wake_ms == start_ms
    asked = set()
    while (slot := taken_over.take(start_ms, is_up=True)) is not None:
        taken_over.answered(slot, start_ms)
        asked.add(slot.device)
    assert len(asked) == units
    assert not taken_over.gaps
    assert taken_over.missed == 0
    assert start_ms < taken_over.wake_ms
    assert (taken_over.wake_ms - usual.wake_ms) % (1000 // PHASES) == 0


def test_who_takes_over_a_bus_without_a_line_reports_no_gap_in_the_past() -> None:
    schedule = Schedule(shared_bus(3), 5_432, at_once=True)
    schedule.take(5_432, is_up=False)
    assert schedule.gaps
    assert all(gap.at_ms >= 5_432 for gap in schedule.gaps)
