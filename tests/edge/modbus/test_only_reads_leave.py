"""On the wire: whatever is configured and whatever comes back, nothing that writes leaves."""

import asyncio
import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.profiles.model import Decoder, RegisterTable
from edge.errors import EdgeError
from edge.modbus.config import ModbusDevice
from edge.modbus.identify import identify
from tests.support.modbus_builders import device, rtu_bus, spec, tcp_bus
from tests.support.modbus_peer import Asked, Peer, pty_peer, tcp_peer
from tests.support.modbus_running import Running, running
from tests.support.ports import free_port
from tests.support.wait import until

REQUESTS = 12
"""So many per example: enough for halving, time-outs and reconnections."""
ROWS = 40
"""Or so many gaps, where a line is lost again and again."""

places = st.lists(
    st.tuples(
        st.integers(0, 0xFFFE),
        st.sampled_from(RegisterTable),
        st.sampled_from([Decoder.S16, Decoder.F32_LW, Decoder.U32]),
    ),
    min_size=1,
    max_size=30,
)
close_places = st.integers(0, 0xFF00).flatmap(
    lambda start: st.lists(
        st.tuples(
            st.integers(start, start + 60),
            st.sampled_from(RegisterTable),
            st.just(Decoder.S16),
        ),
        min_size=1,
        max_size=30,
    )
)
Place = tuple[int, RegisterTable, Decoder]


def devices_of(configured: Sequence[tuple[int, int, Sequence[Place]]]) -> list[ModbusDevice]:
    return [
        device(
            [spec(a, Decoder.BIT if t.is_bits else d, t) for a, t, d in chosen],
            unit=unit,
            period_ms=period_ms,
            first_channel=1000 * n,
        )
        for n, (unit, period_ms, chosen) in enumerate(configured)
    ]


configurations = st.lists(
    st.tuples(st.integers(1, 247), st.integers(10, 30), places | close_places),
    min_size=1,
    max_size=3,
)
misbehaviours = st.lists(
    st.sampled_from([*range(1, 12), "data", "silence", "close"]) | st.binary(max_size=20),
    min_size=1,
    max_size=REQUESTS,
)


def behave(peer: Peer, script: Sequence[int | str | bytes], asked: Asked) -> None:
    match script[asked.number % len(script)]:
        case int(code):
            asked.refuse(code)
        case "data":
            with contextlib.suppress(ValueError, OverflowError):
                asked.reply()
        case "close":
            for connection in tuple(peer.far):
                connection.transport.abort()
        case bytes(garbage):
            asked.far.send(garbage)
        case _:
            pass  # silence


def is_enough(peer: Peer, run: Running) -> bool:
    return bool(peer.asked) and (len(peer.asked) >= REQUESTS or len(run.sink.rows) >= ROWS)


def assert_only_reads(peer: Peer) -> None:
    assert peer.functions <= {1, 2, 3, 4, 0x2B}
    for asked in peer.asked:
        if asked.pdu[0] == 0x2B:
            assert asked.pdu[1] == 0x0E
        assert len(asked.pdu) == (4 if asked.pdu[0] == 0x2B else 5)
    assert peer.understood == len(peer.received), "and not one byte besides"


fuzzed = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@fuzzed
@given(configurations, st.integers(0, 120), misbehaviours)
def test_only_reads_leave_over_tcp(
    configured: list[tuple[int, int, list[Place]]],
    max_hole: int,
    script: list[int | str | bytes],
) -> None:
    async def example() -> None:
        port = free_port()
        bus = tcp_bus(port, *devices_of(configured), timeout_ms=10, max_hole=max_hole)
        async with tcp_peer(port) as peer:
            peer.behaviour = lambda asked: behave(peer, script, asked)
            async with running(bus) as run:
                await until(lambda: is_enough(peer, run))
            with contextlib.suppress(EdgeError):
                await identify(bus, bus.devices[0].unit)
            assert_only_reads(peer)

    asyncio.run(example())


@fuzzed
@given(configurations, misbehaviours)
def test_only_reads_leave_over_a_serial_line(
    configured: list[tuple[int, int, list[Place]]], script: list[int | str | bytes]
) -> None:
    async def example() -> None:
        async with pty_peer() as (peer, near, _):
            peer.behaviour = lambda asked: behave(peer, script, asked)
            bus = rtu_bus(near, *devices_of(configured), timeout_ms=10)
            async with running(bus) as run:
                await until(lambda: is_enough(peer, run))
            with contextlib.suppress(EdgeError):
                await identify(bus, bus.devices[0].unit)
            assert_only_reads(peer)

    asyncio.run(example())


@pytest.mark.parametrize("pdu", ["06000000ff", "05 0000 ff00", "10000000010200ff", "2b0d00"])
def test_the_recorder_would_notice_a_write(pdu: str) -> None:
    peer = Peer(lambda _: None)
    peer.take(b"\0\1", 1, bytes.fromhex(pdu), None)  # type: ignore[arg-type]
    peer.received += bytes(7) + bytes.fromhex(pdu)
    with pytest.raises(AssertionError):
        assert_only_reads(peer)
