"""A source on a serial line: a pseudo terminal with pymodbus, or trouble, behind it."""

import asyncio

from domain.profiles.model import Decoder, RegisterTable
from domain.quality import Quality
from edge.modbus.rtu_codec import RtuCodec, crc16
from tests.support.modbus_builders import (
    BootClock,
    device,
    echo_that_passes_for_an_answer,
    rtu_bus,
    spec,
)
from tests.support.modbus_peer import Asked, answer_pdu, is_silent, pty_pair, pty_peer
from tests.support.modbus_pymodbus import MISSING, pymodbus_rtu
from tests.support.modbus_running import running
from tests.support.wait import until

PERIOD_MS = 40


def message_of(asked: Asked) -> bytes:
    body = bytes((asked.unit,)) + answer_pdu(asked.pdu)
    return body + crc16(body)


async def test_pymodbus_answers_on_a_serial_line() -> None:
    specs = [
        *(spec(a) for a in range(16, 28)),
        spec(2, Decoder.F32_LW, RegisterTable.INPUT, exp=-2),
        spec(1, Decoder.BIT, RegisterTable.COIL),
    ]
    async with pty_pair() as (near, far), pymodbus_rtu(far, 1, 2):
        bus = rtu_bus(
            near,
            device(specs, unit=1, period_ms=100),
            device([spec(0)], unit=2, period_ms=PERIOD_MS, first_channel=100),
        )
        async with running(bus) as run:
            missing = [a - 15 for a in MISSING]
            await run.until_known({*range(1, 15), 100} - {*missing}, missing)
    for channel, address in enumerate(range(16, 28), start=1):
        if address not in MISSING:
            assert set(run.sink.good(channel)) == {3 * address - 50}
    assert set(run.sink.good(13)) == {3056}
    assert set(run.sink.good(14)) == {1}
    assert set(run.sink.good(100)) == {-50}


async def test_noise_echo_and_pieces_cost_no_reading() -> None:
    async with pty_peer() as (peer, near, end):

        def badly(asked: Asked) -> None:
            answer = message_of(asked)
            request = bytes((asked.unit,)) + asked.pdu
            match asked.number % 3:
                case 0:
                    end.send(b"\0\xff" + answer)
                case 1:
                    end.send(request + crc16(request) + answer)
                case _:
                    end.send(answer[:4])
                    asyncio.get_running_loop().call_later(0.005, end.send, answer[4:])

        peer.behaviour = badly
        bus = rtu_bus(near, device([spec(5), spec(6)], period_ms=PERIOD_MS))
        async with running(bus) as run:
            await until(lambda: len(run.sink.good(1)) >= 20)
            assert run.source.snapshot().timeouts == 0
    assert (set(run.sink.good(1)), set(run.sink.good(2))) == ({5}, {6})


async def test_damaged_and_half_answers_are_time_outs_and_leave_nothing_behind() -> None:
    async with pty_peer() as (peer, near, end):

        def badly(asked: Asked) -> None:
            answer = message_of(asked)
            match asked.number % 3:
                case 0:
                    end.send(answer)
                case 1:
                    end.send(answer[:-1] + bytes((answer[-1] ^ 0x40,)))
                case _:
                    end.send(answer[:-3])

        peer.behaviour = badly
        bus = rtu_bus(near, device([spec(5)], period_ms=PERIOD_MS), timeout_ms=30)
        async with running(bus) as run:
            await until(lambda: run.sink.qualities(1).count(0) >= 5)
            snapshot = run.source.snapshot()
    assert set(run.sink.good(1)) == {5}
    assert set(run.sink.qualities(1)) == {0, Quality.TIMEOUT}
    assert snapshot.strays >= 4


async def test_a_late_answer_is_drained_before_the_next_request() -> None:
    async with pty_peer() as (peer, near, end):

        def late_once(asked: Asked) -> None:
            """Answer every other request after its time-out, with another value."""
            loop = asyncio.get_running_loop()
            if asked.number % 2:
                body = bytes((asked.unit,)) + answer_pdu(asked.pdu, b"\x7d\0")
                loop.call_later(0.11, end.send, body + crc16(body))
            else:
                loop.call_later(0.03, end.send, message_of(asked))

        peer.behaviour = late_once
        bus = rtu_bus(near, device([spec(5)], period_ms=PERIOD_MS), timeout_ms=100)
        async with running(bus) as run:
            await until(lambda: len(run.sink.good(1)) >= 8)
    assert set(run.sink.good(1)) == {5}, "never the late one"


async def test_an_answer_that_was_in_doubt_is_stamped_when_it_came() -> None:
    """On a line that may echo, an answer that begins like its request is believed at last."""
    clock = BootClock()
    request = echo_that_passes_for_an_answer()
    address = int.from_bytes(request.pdu[1:3], "big")
    async with pty_peer() as (peer, near, end):
        sent_ms: list[int] = []

        def like_an_echo(asked: Asked) -> None:
            sent_ms.append(clock.mono_ms())
            end.send(RtuCodec().begin(request)[:7])

        peer.behaviour = like_an_echo
        bus = rtu_bus(near, device([spec(address)], unit=request.unit), timeout_ms=1500)
        async with running(bus) as run:
            await until(lambda: run.sink.good(1))
    taken = next(r for r in run.sink.readings[1] if r.quality == Quality.GOOD)
    assert taken.at_ms - sent_ms[0] < 1000


async def test_a_silent_device_costs_its_neighbours_little() -> None:
    clock = BootClock()
    async with pty_peer() as (peer, near, _):
        peer.behaviour = lambda asked: asked.reply() if asked.unit != 2 else None
        devices = [
            device([spec(a)], unit=a, period_ms=PERIOD_MS, first_channel=a) for a in (1, 2, 3)
        ]
        async with running(rtu_bus(near, *devices, timeout_ms=100)) as run:
            begun_ms = clock.mono_ms()
            await until(lambda: min(len(run.sink.good(1)), len(run.sink.good(3))) >= 30)
            passed_ms = clock.mono_ms() - begun_ms
        waits = sum(asked.unit == 2 for asked in peer.asked)
    assert 100 * (waits - 1) <= 0.05 * passed_ms + 100
    assert set(run.sink.qualities(2)) == {Quality.TIMEOUT}


async def test_a_line_that_babbles_is_used_all_the_same() -> None:
    async with pty_peer() as (peer, near, end):
        loop = asyncio.get_running_loop()

        def babble() -> None:
            end.send(b"\x55")
            handles[0] = loop.call_later(0.001, babble)

        handles = [loop.call_soon(babble)]
        silence_ms = 117  # 3.5 characters at 300 baud, which such a line never keeps
        dev = device([spec(5)], period_ms=silence_ms)
        bus = rtu_bus(near, dev, timeout_ms=50, baud=300)
        async with running(bus) as run:
            await until(lambda: len(peer.asked) >= 4)
            await until(lambda: len(run.sink.rows) >= 8)
        handles[0].cancel()


async def test_a_port_that_is_not_there_is_named_and_tried_again() -> None:
    bus = rtu_bus("/dev/ttyNOT-THERE", device([spec(0)], period_ms=PERIOD_MS))
    async with running(bus) as run:
        await until(lambda: len(run.sink.rows) >= 3)
        fault = run.source.snapshot().fault
    assert fault == (
        "modbus bus 'serial': cannot open /dev/ttyNOT-THERE: "
        "no such device; plug the adapter in or correct `device`"
    )
    assert set(run.sink.qualities(1)) == {Quality.TIMEOUT}


async def test_a_port_in_use_says_so() -> None:
    async with pty_peer(is_silent) as (_, near, _end):
        bus = rtu_bus(near, device([spec(0)], period_ms=PERIOD_MS))
        async with running(bus) as first, running(bus) as second:
            await until(lambda: first.source.snapshot().is_up)
            await until(lambda: "another program has it open" in second.source.snapshot().fault)


async def test_an_adapter_that_is_pulled_out_leaves_gaps_and_no_crash() -> None:
    clock = BootClock()
    async with pty_peer() as (_, near, _end):
        bus = rtu_bus(near, device([spec(4)], period_ms=PERIOD_MS))
        lasting = running(bus)
        run = await lasting.__aenter__()
        await until(lambda: len(run.sink.good(1)) >= 3)
    pulled_ms = clock.mono_ms()
    await until(lambda: len(run.sink.rows) >= 8)
    after = [r.quality for r in run.sink.readings[1] if r.at_ms > pulled_ms + PERIOD_MS]
    assert set(after) == {Quality.TIMEOUT}
    assert not run.source.snapshot().is_up
    await lasting.__aexit__(None, None, None)
