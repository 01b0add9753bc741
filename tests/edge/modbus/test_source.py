"""A source on a real TCP line, and devices that misbehave."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from domain.frame import Frame
from domain.quality import Quality
from edge.modbus.source import BACKOFF_MAX_S, ModbusSource, backoff_s
from tests.support.modbus_builders import BootClock, RecordingSink, device, spec, tcp_bus
from tests.support.modbus_peer import Asked, answer_pdu, answers, is_silent, tcp_peer
from tests.support.modbus_running import running
from tests.support.ports import free_port
from tests.support.wait import until

PERIOD_MS = 20


class StampingSink(RecordingSink):
    """Knows when each row was handed to it."""

    def __init__(self, clock: BootClock) -> None:
        super().__init__()
        self.clock = clock
        self.handed_ms: list[int] = []

    def row(
        self, frame: Frame, mono_ms: int, values: Sequence[int], quality: Sequence[int] | None
    ) -> None:
        self.handed_ms.append(self.clock.mono_ms())
        super().row(frame, mono_ms, values, quality)


async def test_values_are_stamped_when_their_answer_arrives() -> None:
    port, clock = free_port(), BootClock()
    sink = StampingSink(clock)
    bus = tcp_bus(port, device([spec(3), spec(5)], period_ms=PERIOD_MS))
    sent_ms: dict[int, int] = {}

    def slowly(asked: Asked) -> None:
        def reply() -> None:
            sent_ms[asked.number] = clock.mono_ms()
            number = asked.number.to_bytes(2, "big")
            asked.reply(answer_pdu(asked.pdu, number + bytes(2) + number))

        asyncio.get_running_loop().call_later(0.005, reply)

    async with tcp_peer(port, slowly), running(bus, sink):
        await until(lambda: len(sink.good(1)) >= 20)
    for (_, at_ms, values, quality), handed_ms in zip(sink.rows, sink.handed_ms, strict=True):
        if quality == (0, 0):
            assert values[0] == values[1], "what is stamped together was read together"
            assert sent_ms[values[0]] <= at_ms <= handed_ms


async def test_every_value_is_delivered_once() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS))

    def counter(asked: Asked) -> None:
        asked.reply(answer_pdu(asked.pdu, (asked.number % 30_000).to_bytes(2, "big")))

    async with tcp_peer(port, counter) as peer, running(bus) as run:
        await until(lambda: len(run.sink.good(1)) >= 50)
        given = run.sink.good(1)
    assert given == list(range(len(given)))
    assert len(peer.asked) - len(given) <= 1


async def test_a_late_answer_is_never_taken_for_the_current_one() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS), timeout_ms=40)
    held: list[Asked] = []

    def one_behind(asked: Asked) -> None:
        if held:
            held.pop().reply()
        held.append(asked)

    async with tcp_peer(port, one_behind) as peer, running(bus) as run:
        await until(lambda: len(peer.asked) >= 12)
        snapshot = run.source.snapshot()
    assert run.sink.good(1) == []
    assert set(run.sink.qualities(1)) == {Quality.TIMEOUT}
    assert snapshot.strays >= 10
    assert snapshot.timeouts >= 10
    assert snapshot.answers == snapshot.exceptions == snapshot.reconnects == 0


async def test_exceptions_and_time_outs_are_told_apart() -> None:
    port = free_port()
    bus = tcp_bus(
        port,
        device([spec(0)], unit=1, period_ms=PERIOD_MS, first_channel=1),
        device([spec(0)], unit=2, period_ms=PERIOD_MS, first_channel=2),
        device([spec(0)], unit=3, period_ms=PERIOD_MS, first_channel=3),
        timeout_ms=30,
    )

    def by_unit(asked: Asked) -> None:
        if asked.unit == 1:
            asked.reply()
        elif asked.unit == 2:
            asked.refuse(4)

    async with tcp_peer(port, by_unit), running(bus) as run:
        await until(lambda: all(len(run.sink.readings[c]) >= 20 for c in (1, 2, 3)))
        good, refused, silent = run.source.snapshot().devices
    assert 0 in run.sink.qualities(1)
    assert Quality.EXCEPTION in run.sink.qualities(2)
    assert set(run.sink.qualities(3)) == {Quality.TIMEOUT}
    assert good.fault == ""
    assert good.last_answer_ms is not None
    assert refused.fault == "exception 4 (device failure)"
    assert silent.last_answer_ms is None
    assert "unit 3 did not answer" in silent.fault
    assert "check its power, wiring, unit number" in silent.fault


async def test_a_malformed_answer_is_an_exception_not_a_value() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS))
    async with (
        tcp_peer(port, lambda asked: asked.reply(b"\x03\x04\0\0\0\0")),
        running(bus) as run,
    ):
        await until(lambda: len(run.sink.rows) >= 5)
        (state,) = run.source.snapshot().devices
    assert Quality.EXCEPTION in run.sink.qualities(1)
    assert run.sink.good(1) == []
    assert state.fault.startswith("malformed answer")


async def test_one_bad_register_costs_no_neighbour_anything() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(a) for a in range(60)], period_ms=50))

    def without_17(asked: Asked) -> None:
        start = int.from_bytes(asked.pdu[1:3], "big")
        count = int.from_bytes(asked.pdu[3:5], "big")
        if start <= 17 < start + count:
            asked.refuse(2)
        else:
            asked.reply()

    async with tcp_peer(port, without_17) as peer, running(bus) as run:
        neighbours = {*range(1, 61)} - {18}
        await run.until_known(neighbours, refused=[18])
        asked = len(peer.asked)
    for channel in neighbours:
        assert set(run.sink.good(channel)) == {channel - 1}
    assert asked <= 14 + 2 * len(run.sink.readings[60])


async def test_a_lost_connection_is_made_anew_and_leaves_a_gap() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS))
    async with running(bus) as run:
        async with tcp_peer(port):
            await until(lambda: len(run.sink.good(1)) >= 5)
        await until(lambda: run.sink.qualities(1)[-5:] == [Quality.TIMEOUT] * 5)
        down = run.source.snapshot()
        assert not down.is_up
        assert down.missed >= 4
        assert "connect" in down.fault
        before = len(run.sink.good(1))
        async with tcp_peer(port):
            await until(lambda: len(run.sink.good(1)) >= before + 5)
        assert run.source.snapshot().reconnects == 1


async def test_an_unreachable_device_is_named_with_the_remedy() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS))
    async with running(bus) as run:
        await until(lambda: len(run.sink.rows) >= 3)
        fault = run.source.snapshot().fault
    assert set(run.sink.qualities(1)) == {Quality.TIMEOUT}
    assert fault == (
        f"modbus bus 'bus-{port}': cannot connect to 127.0.0.1:{port}: Connection refused; "
        "check address, port, cabling and whether the device serves another client"
    )


async def test_a_connection_that_says_nothing_any_more_is_replaced() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS), timeout_ms=30)
    async with tcp_peer(port) as peer, running(bus) as run:
        await until(lambda: len(run.sink.good(1)) >= 3)
        peer.behaviour = is_silent
        await until(lambda: peer.connections >= 2)
        peer.behaviour = answers
        before = len(run.sink.good(1))
        await until(lambda: len(run.sink.good(1)) > before)


async def test_a_line_that_does_not_speak_modbus_is_closed() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS))
    async with (
        tcp_peer(port, lambda asked: asked.far.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        running(bus) as run,
    ):
        await until(lambda: run.source.snapshot().reconnects >= 1)
        fault = run.source.snapshot().fault
    assert "expected a Modbus TCP header" in fault
    assert set(run.sink.qualities(1)) == {Quality.TIMEOUT}


async def test_a_device_that_closes_after_every_answer_is_still_polled() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=50))

    async with tcp_peer(port) as peer, running(bus) as run:

        def and_close(asked: Asked) -> None:
            asked.reply()
            peer.far[-1].transport.close()

        peer.behaviour = and_close
        await until(lambda: len(run.sink.good(1)) >= 10)
        assert run.source.snapshot().exceptions == 0


async def test_a_dead_device_never_slows_another_on_its_own_connection() -> None:
    dead_port, port = free_port(), free_port()
    dead = tcp_bus(dead_port, device([spec(0)], period_ms=PERIOD_MS), timeout_ms=60_000)
    alive = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS))
    async with (
        tcp_peer(dead_port, is_silent) as silent,
        tcp_peer(port),
        running(dead) as other,
        running(alive) as run,
    ):
        await until(lambda: silent.asked)
        before = len(run.sink.good(1))
        await until(lambda: len(run.sink.good(1)) >= before + 20)
        assert other.source.snapshot().timeouts == 0, "its first poll is still waited for"


async def test_a_dead_device_on_a_shared_connection_lets_its_neighbours_be_polled() -> None:
    port, clock = free_port(), BootClock()
    devices = [
        device([spec(0)], unit=u, period_ms=PERIOD_MS, first_channel=u) for u in (1, 2, 3)
    ]
    bus = tcp_bus(port, *devices, timeout_ms=60)

    def without_2(asked: Asked) -> None:
        if asked.unit != 2:
            asked.reply()

    async with tcp_peer(port, without_2) as peer, running(bus) as run:
        begun_ms = clock.mono_ms()
        await until(lambda: min(len(run.sink.good(1)), len(run.sink.good(3))) >= 50)
        passed_ms = clock.mono_ms() - begun_ms
        assert peer.connections == 1
        waits = sum(asked.unit == 2 for asked in peer.asked)
    assert 60 * (waits - 1) <= 0.05 * passed_ms + 60
    gaps = [r.at_ms for r in run.sink.readings[2]]
    assert {b - a for a, b in pairwise(gaps)} == {PERIOD_MS}, "a gap in every slot"


async def test_what_a_sink_raises_ends_the_source() -> None:
    class BrokenSink(RecordingSink):
        def row(self, *_: object) -> None:
            raise ZeroDivisionError

    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS))
    async with tcp_peer(port):
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(ModbusSource(bus, BrokenSink(), BootClock()).run(), 10)
    assert caught.group_contains(ZeroDivisionError)


async def test_a_cancelled_source_closes_its_connection() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(0)], period_ms=PERIOD_MS))
    async with tcp_peer(port) as peer:
        async with running(bus) as run:
            await until(lambda: len(run.sink.rows) >= 2)
        await until(lambda: not peer.far)


def test_back_off_is_short_and_scattered() -> None:
    assert backoff_s(0, 0.9) == 0
    assert 0.2 <= backoff_s(1, 0) < backoff_s(1, 1) <= 0.5
    assert backoff_s(1000, 1) == BACKOFF_MAX_S
    assert backoff_s(1000, 0) == BACKOFF_MAX_S / 2
